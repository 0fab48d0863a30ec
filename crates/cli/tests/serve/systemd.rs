//! A server that systemd starts: what it tells, and the sockets that it is given.

use std::{
    fs::File,
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{
        fd::OwnedFd,
        unix::net::{UnixDatagram, UnixListener},
    },
    process::Command,
};

use crate::support::{PATIENCE, Running, Scene};

const SERVE: [&str; 4] = ["serve", "mailbox", "--db", ":memory:"];

/// What systemd hears of.
struct Systemd(UnixDatagram);

impl Systemd {
    fn of(scene: &Scene) -> Self {
        let socket = UnixDatagram::bind(scene.home().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// The next message with this in it.
    #[track_caller]
    fn hears(&self, word: &str) -> String {
        loop {
            let mut message = [0; 4096];
            let length = self.0.recv(&mut message).unwrap_or_else(|_| panic!("no {word} came"));
            let message = String::from_utf8(message[..length].to_vec()).unwrap();
            if message.contains(word) {
                return message;
            }
        }
    }
}

#[test]
fn it_is_ready_when_it_listens_reloads_and_stops() {
    let scene = Scene::without_server();
    let systemd = Systemd::of(&scene);
    let mut command = scene.wormhole(&[&SERVE[..], &["--listen", "127.0.0.1:0"]].concat());
    let server = Running::start(command.env("NOTIFY_SOCKET", scene.home().join("notify")), b"");
    let ready = systemd.hears("READY=1\n");
    let (_, url) = ready.split_once("STATUS=listening on ws://").unwrap();
    assert!(TcpStream::connect(url.trim().trim_end_matches("/v1")).is_ok());

    server.signal("HUP");
    let reloading = systemd.hears("RELOADING=1\n");
    let (_, clock) = reloading.split_once("MONOTONIC_USEC=").unwrap();
    assert!(clock.trim().parse::<u64>().unwrap() > 0);
    systemd.hears("READY=1\n");

    server.signal("TERM");
    systemd.hears("STOPPING=1\n");
    server.end().with_code(0);
}

#[test]
fn the_watchdog_hears_of_it_again_and_again() {
    let scene = Scene::without_server();
    let systemd = Systemd::of(&scene);
    let mut command = scene.wormhole(&[&SERVE[..], &["--listen", "127.0.0.1:0"]].concat());
    command.env("NOTIFY_SOCKET", scene.home().join("notify")).env("WATCHDOG_USEC", "200000");
    let _server = Running::start(&mut command, b"");
    for _ in 0..3 {
        systemd.hears("WATCHDOG=1\n");
    }
}

/// Starts the server with its standard input as the one socket that systemd would pass, by this name.
fn start_with(scene: &Scene, socket: OwnedFd, name: &str, options: &[&str]) -> Running {
    let wormhole = scene.wormhole(&[&SERVE[..], options].concat());
    let mut command = Command::new("sh");
    let script = r#"ulimit -Sn 64; exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@""#;
    command.args(["-c", script, "sh"]).arg(wormhole.get_program()).args(wormhole.get_args());
    command.env_clear().envs(crate::support::variables(&wormhole)).env("LISTEN_FDNAMES", name);
    Running::start_on(&mut command, socket)
}

fn listener() -> (OwnedFd, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener.into(), address)
}

#[test]
fn a_socket_named_web_is_served_and_no_other_address() {
    let scene = Scene::without_server();
    let (socket, address) = listener();
    let nobodys = listener().1.to_string();
    let server = start_with(&scene, socket, "web", &["--listen", &nobodys]);
    server.wait_for_stderr(&format!("listening on ws://{address}/v1"));
    assert!(TcpStream::connect(nobodys).is_err());
    #[cfg(target_os = "linux")]
    has_as_many_files_as_it_may(&server);
    let url = format!("ws://{address}/v1");
    let one = scene.start(&["--relay-url", &url, "exchange", "--code", "5-a", "--text", "one"]);
    scene.run(&["--relay-url", &url, "exchange", "5-a", "--text", "two"]).with_code(0);
    assert_eq!(one.end().with_code(0).text(), "two");
}

#[cfg(target_os = "linux")]
#[track_caller]
fn has_as_many_files_as_it_may(server: &Running) {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let [soft, hard] = [0, 1].map(|place| files.split_whitespace().nth(place).unwrap());
    assert_eq!(soft, hard);
}

#[test]
fn a_socket_without_a_name_of_ours_is_found_by_its_address() {
    let scene = Scene::without_server();
    let (socket, address) = listener();
    let server = start_with(&scene, socket, "wormhole.socket", &["--listen", &address.to_string()]);
    server.wait_for_stderr(&format!("listening on ws://{address}/v1"));
    server.signal("TERM");
    server.end().with_code(0);

    let (socket, address) = listener();
    let refused = start_with(&scene, socket, "wormhole.socket", &[]).end().with_code(2);
    assert!(refused.stderr.contains(&address.to_string()), "{}", refused.stderr);
}

#[test]
fn a_socket_that_nobody_can_connect_to_is_refused_by_its_name() {
    let scene = Scene::without_server();
    let place = scene.home().join("socket");
    let there = TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = TcpStream::connect(there.local_addr().unwrap()).unwrap();
    let sockets: [(OwnedFd, &str); 5] = [
        (UnixListener::bind(&place).unwrap().into(), "a Unix socket"),
        (UnixDatagram::unbound().unwrap().into(), "a Unix socket"),
        (UdpSocket::bind("127.0.0.1:0").unwrap().into(), "a socket of UDP"),
        (File::open("/dev/null").unwrap().into(), "no socket of TCP"),
        (connection.into(), "Accept=no"),
    ];
    for (socket, reason) in sockets {
        let refused = start_with(&scene, socket, "web", &[]).end().with_code(2);
        for word in ["'web'", "ListenStream=ADDRESS:PORT", reason] {
            assert!(refused.stderr.contains(word), "{reason}: {}", refused.stderr);
        }
    }
}

#[test]
fn a_socket_of_a_server_that_does_not_run_is_refused_by_its_name() {
    let scene = Scene::without_server();
    let refused = start_with(&scene, listener().0, "relay", &[]).end().with_code(2);
    assert!(refused.stderr.contains("'relay'"), "{}", refused.stderr);
    assert!(refused.stderr.contains("wormhole serve"), "{}", refused.stderr);
}

#[test]
fn the_check_knows_of_sockets_that_it_is_given() {
    let scene = Scene::without_server();
    let check = ["--check", "--set", "web.listen="];
    start_with(&scene, listener().0, "web", &check).end().with_code(0);
    let refused = start_with(&scene, listener().0, "admin", &check).end().with_code(2);
    assert!(refused.stderr.contains("no client can reach"), "{}", refused.stderr);
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap().into();
    start_with(&scene, datagrams, "web", &["--check"]).end().with_code(2);
}
