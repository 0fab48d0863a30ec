//! A network that is nobody else's, and other computers in it; and disks that nobody else sees.

use std::process::{Child, Command, Stdio};

use super::{Running, Scene, variables};

const INSIDE: &str = "WORMHOLE_TEST_IN_NAMESPACE";

/// Set where these tests must not be passed over.
const REQUIRED: &str = "WORMHOLE_TEST_NAMESPACES_REQUIRED";

/// Runs this test again in a network of its own; `true` inside it.
pub(crate) fn in_namespace<T: Fn()>(test: T) -> bool {
    again_with('n', "ip link set lo up", test)
}

/// Runs this test again where it can mount disks that nobody else sees; `true` there.
pub(crate) fn in_mounts<T: Fn()>(test: T) -> bool {
    let mounts = r#"d=$(mktemp -d); mount -t tmpfs none "$d" && umount "$d"; can=$?; rmdir "$d"; (exit $can)"#;
    again_with('m', mounts, test)
}

/// Runs this test again in a namespace of this kind, which serves its purpose where `begin` succeeds.
fn again_with<T: Fn()>(kind: char, begin: &str, _test: T) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let ways = [format!("-{kind}"), format!("-r{kind}")];
    let Some(flags) = ways.iter().find(|flags| may(flags, begin)) else {
        assert!(std::env::var_os(REQUIRED).is_none(), "no namespace can be made: {ways:?}");
        println!("skipped: this system does not let this user make namespaces: {ways:?}");
        return false;
    };
    let (_, name) = std::any::type_name::<T>().split_once("::").unwrap(); // behind the crate's
    let again = Command::new("unshare")
        .args([flags, "sh", "-c"])
        .arg(format!("{begin} && exec \"$0\" --exact --nocapture \"$1\""))
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout) + String::from_utf8_lossy(&again.stderr);
    assert!(again.status.success() && said.contains("1 passed"), "{said}");
    false
}

fn may(flags: &str, begin: &str) -> bool {
    let mut command = Command::new("unshare");
    let tried =
        command.args([flags, "sh", "-c", begin]).stdout(Stdio::null()).stderr(Stdio::null());
    tried.status().is_ok_and(|status| status.success())
}

/// The command, allowed to look at the network of its namespace.
pub(crate) fn locally(scene: &Scene, arguments: &[&str]) -> Command {
    let mut command = scene.wormhole(arguments);
    command.env_remove("WORMHOLE_LOCAL_INTERFACE");
    command
}

pub(crate) fn start(scene: &Scene, arguments: &[&str]) -> Running {
    Running::start(&mut locally(scene, arguments), b"")
}

/// Another computer: a namespace of its own on the other end of a cable.
pub(crate) struct Far(Child);

impl Far {
    pub(crate) fn join() -> Self {
        let child = Command::new("unshare").args(["-n", "sleep", "300"]).spawn().unwrap();
        let far = Self(child);
        let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
        while namespace(&far.pid()) == namespace("self") {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        run(
            "ip",
            &["link", "add", "near", "type", "veth", "peer", "name", "far", "netns", &far.pid()],
        );
        run("ip", &["addr", "add", "10.99.0.1/24", "dev", "near"]);
        run("ip", &["link", "set", "near", "up"]);
        let pid = far.pid();
        let there = ["-t", &pid, "-n", "ip"];
        run("nsenter", &[&there[..], &["addr", "add", "10.99.0.2/24", "dev", "far"]].concat());
        run("nsenter", &[&there[..], &["link", "set", "far", "up"]].concat());
        run("nsenter", &[&there[..], &["link", "set", "lo", "up"]].concat());
        far
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    pub(crate) fn start(&self, scene: &Scene, arguments: &[&str]) -> Running {
        let here = locally(scene, arguments);
        let mut there = Command::new("nsenter");
        there.args(["-t", &self.pid(), "-n"]).arg(here.get_program()).args(here.get_args());
        there.env_clear().envs(variables(&here));
        Running::start(there.current_dir(scene.home()), b"")
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn run(program: &str, arguments: &[&str]) {
    assert!(
        Command::new(program).args(arguments).status().unwrap().success(),
        "{program} {arguments:?}"
    );
}
