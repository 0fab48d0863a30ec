//! A directory, a server and commands of one's own for each test.

#![allow(dead_code, reason = "each test program is compiled with all of it, and most use a part")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says why it was skipped"
)]

use std::{
    ffi::OsStr,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub(crate) mod certificate;
pub(crate) mod namespace;
pub(crate) mod relay;
pub(crate) mod stranger;
#[cfg(unix)]
pub(crate) mod terminal;
pub(crate) mod whole;

/// How long one awaited thing may take. Generous: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A URL at which nothing listens: port 9 is 'discard', and below what a system hands out.
pub(crate) const NOWHERE: &str = "ws://127.0.0.1:9/v1";

/// A place of its own: a home directory, and a server unless it does without.
pub(crate) struct Scene {
    home: TempDir,
    pub(crate) url: String,
    server_process: Option<Running>,
    /// The file of an authority that commands believe, if not those of this computer.
    authority: Option<PathBuf>,
}

impl Scene {
    /// With a server that lists nameplates.
    pub(crate) fn new() -> Self {
        Self::with_server(&["--allow-list"])
    }

    /// With a server that is told so.
    pub(crate) fn with_server(options: &[&str]) -> Self {
        let mut scene = Self::without_server();
        let mut command =
            scene.wormhole(&["serve", "mailbox", "--listen", "127.0.0.1:0", "--db", ":memory:"]);
        let server = Running::start(command.args(options), b"");
        let line = server.wait_for_stderr("listening on ");
        let url =
            line.split_once("listening on ").and_then(|(_, rest)| rest.split_whitespace().next());
        url.unwrap().clone_into(&mut scene.url);
        scene.server_process = Some(server);
        scene
    }

    /// With a server's address at which there is none.
    pub(crate) fn without_server() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            url: NOWHERE.to_owned(),
            server_process: None,
            authority: None,
        }
    }

    /// Kills the server.
    pub(crate) fn stops_server(&self) {
        self.server_process.as_ref().unwrap().signal("KILL");
    }

    /// Lets its commands from now on believe the authority in this file in the home directory.
    pub(crate) fn trusts(&mut self, name: &str) {
        self.authority = Some(self.home().join(name));
    }

    /// The home directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The command, with nothing of the machine's environment that could change what it does. It
    /// never looks at the network beyond this scene.
    pub(crate) fn wormhole(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wormhole"));
        command
            .args(arguments)
            .current_dir(self.home())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("TERM", "xterm")
            .env("WORMHOLE_RELAY_URL", &self.url)
            .env("WORMHOLE_TRANSIT_HELPER", "")
            .env("WORMHOLE_LOCAL_INTERFACE", "none")
            .envs(self.authority.iter().map(|file| ("SSL_CERT_FILE", file)));
        command
    }

    /// Starts the command with an empty standard input.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.wormhole(arguments), b"")
    }

    /// Starts the command with this on standard input.
    pub(crate) fn start_with(&self, arguments: &[&str], stdin: &[u8]) -> Running {
        Running::start(&mut self.wormhole(arguments), stdin)
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end()
    }
}

/// A command that runs. It is killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    output: Arc<Output>,
}

#[derive(Default)]
struct Output {
    streams: Mutex<Streams>,
    changed: Condvar,
}

#[derive(Default)]
struct Streams {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    open: usize,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    /// Its standard output as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// Checks its exit code.
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stderr: {}", self.stderr);
        self
    }
}

impl Running {
    /// Starts a command.
    pub(crate) fn start(command: &mut Command, stdin: &[u8]) -> Self {
        let mut running = Self::start_waiting(command);
        let (mut input, bytes) = (running.child.stdin.take().unwrap(), stdin.to_vec());
        thread::spawn(move || _ = input.write_all(&bytes)); // it may not want to read it
        running
    }

    /// Starts a command whose standard input stays open, and has nothing in it before [`says`](Self::says).
    pub(crate) fn start_waiting(command: &mut Command) -> Self {
        Self::start_on(command, Stdio::piped())
    }

    /// Starts a command on this standard input.
    pub(crate) fn start_on(command: &mut Command, stdin: impl Into<Stdio>) -> Self {
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = Arc::new(Output::default());
        output.streams().open = 2;
        collect(&output, child.stdout.take().unwrap(), |streams| &mut streams.stdout);
        collect(&output, child.stderr.take().unwrap(), |streams| &mut streams.stderr);
        Self { child, output }
    }

    /// Writes to the standard input that stayed open.
    pub(crate) fn says(&mut self, bytes: &[u8]) {
        self.child.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// The line of standard error with this in it, once it is whole.
    #[track_caller]
    pub(crate) fn wait_for_stderr(&self, needle: &str) -> String {
        let mut found = None;
        let said = self.output.wait(|streams| {
            let text = String::from_utf8_lossy(&streams.stderr).into_owned();
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            found = whole.lines().find(|line| line.contains(needle)).map(ToOwned::to_owned);
            found.is_some() || streams.open == 0
        });
        drop(said);
        found.unwrap_or_else(|| panic!("no '{needle}' in: {}", self.stderr()))
    }

    /// The code that it shows.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let line = self.wait_for_stderr("ode");
        line.split_once(": ").unwrap_or_else(|| panic!("no code in: {line}")).1.to_owned()
    }

    /// What it has said so far on standard error.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.streams().stderr).into_owned()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        drop(self.output.wait(|streams| streams.open == 0));
        let code = self.child.wait().unwrap().code();
        let streams = self.output.streams();
        let stderr = String::from_utf8(streams.stderr.clone()).unwrap();
        Ended { code, stdout: streams.stdout.clone(), stderr }
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap()
    }

    #[track_caller]
    fn wait(&self, mut until: impl FnMut(&Streams) -> bool) -> MutexGuard<'_, Streams> {
        let end = Instant::now() + PATIENCE;
        let mut streams = self.streams();
        while !until(&streams) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "nothing more came: {}",
                String::from_utf8_lossy(&streams.stderr)
            );
            streams = self.changed.wait_timeout(streams, left).unwrap().0;
        }
        streams
    }
}

fn collect(
    output: &Arc<Output>,
    mut stream: impl Read + Send + 'static,
    which: impl Fn(&mut Streams) -> &mut Vec<u8> + Send + 'static,
) {
    let output = Arc::clone(output);
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        loop {
            let read = stream.read(&mut chunk).unwrap_or(0);
            let mut streams = output.streams();
            which(&mut streams).extend_from_slice(&chunk[..read]);
            streams.open -= usize::from(read == 0);
            output.changed.notify_all();
            if read == 0 {
                return;
            }
        }
    });
}

/// The environment that a command is given, for another that stands in for it.
pub(crate) fn variables(of: &Command) -> impl Iterator<Item = (&OsStr, &OsStr)> {
    of.get_envs().filter_map(|(name, value)| Some((name, value?)))
}

/// The events on standard error, which carries nothing else.
#[track_caller]
pub(crate) fn events(stderr: &str) -> Vec<serde_json::Value> {
    stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The one event of this kind.
#[track_caller]
pub(crate) fn event(stderr: &str, kind: &str) -> serde_json::Value {
    let found = events(stderr).into_iter().find(|event| event["event"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in: {stderr}"))
}

/// The names in a directory, in order.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A file's permissions.
#[cfg(unix)]
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}
