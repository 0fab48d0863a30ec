//! A server that is told things by signals.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::support::{PATIENCE, Running, Scene, terminal::Terminal, variables};

const SERVE: [&str; 6] = ["serve", "mailbox", "--listen", "127.0.0.1:0", "--db", ":memory:"];

fn address(server: &Running) -> String {
    let line = server.wait_for_stderr("listening on ");
    line.trim_start_matches("listening on ws://").trim_end_matches("/v1").to_owned()
}

/// One of two connections that a relay pairs.
fn partner(address: &str, side: char) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let (token, side) = ("7".repeat(64), String::from(side).repeat(16));
    writeln!(stream, "please relay {token} for side {side}").unwrap();
    stream
}

/// What it reads next.
fn reads(mut stream: &TcpStream, text: &str) {
    let mut read = vec![0; text.len()];
    stream.read_exact(&mut read).unwrap();
    assert_eq!(read, text.as_bytes());
}

#[test]
fn a_pair_may_end_what_it_does_and_a_second_signal_ends_it_at_once() {
    let scene = Scene::without_server();
    let server =
        scene.start(&["serve", "relay", "--relay-listen", "127.0.0.1:0", "--set", "drain=1h"]);
    let line = server.wait_for_stderr("listening on tcp:");
    let address = line.trim_start_matches("listening on tcp:");
    let [mut one, other] = ['a', 'b'].map(|side| partner(address, side));
    for end in [&one, &other] {
        reads(end, "ok\n");
    }
    server.signal("TERM");
    server.wait_for_stderr("stopping");
    one.write_all(b"the rest").unwrap();
    reads(&other, "the rest");

    server.signal("TERM");
    let ended = server.end().with_code(143);
    assert!(ended.stderr.contains("at once"), "{}", ended.stderr);
}

#[test]
fn a_hangup_makes_it_read_its_settings_again_and_say_which_must_wait() {
    let scene = Scene::without_server();
    let file = scene.file("wormhole.toml", "[mailbox]\nmotd = 'one'\n");
    let arguments = [&SERVE[..], &["--config", file.to_str().unwrap()]].concat();
    let server = scene.start(&arguments);
    let address = address(&server);
    server.signal("HUP");
    server.wait_for_stderr("none has changed");
    scene.file("wormhole.toml", "[mailbox]\nmotd = 'other'\n");
    server.signal("HUP");
    server.wait_for_stderr("mailbox.motd has changed");
    scene.file("wormhole.toml", "[mailbox]\nmotto = 'other'\n");
    server.signal("HUP");
    server.wait_for_stderr("'mailbox.motd'");
    assert!(TcpStream::connect(address).is_ok());
    server.signal("TERM");
    server.end().with_code(0);
}

#[test]
fn settings_that_cannot_be_read_to_their_end_keep_it_from_nothing() {
    let scene = Scene::without_server();
    let file = scene.file("wormhole.toml", "");
    let server = scene.start(&[&SERVE[..], &["--config", file.to_str().unwrap()]].concat());
    address(&server);
    std::fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    server.signal("HUP");
    // Whoever opens the pipe for writing knows that the server has opened it for reading.
    let _writes = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
    server.signal("TERM");
    server.wait_for_stderr("stopping");
    server.end().with_code(0);
}

/// A server at a terminal, after this in its shell, and a way to send it a signal.
fn at_a_terminal(scene: &Scene, before: &str, arguments: &[&str]) -> (Terminal, impl Fn(&str)) {
    let wormhole = scene.wormhole(arguments);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{before} echo $$.; exec \"$@\""), "sh"]);
    command.arg(wormhole.get_program()).args(wormhole.get_args()).current_dir(scene.home());
    command.env_clear().envs(variables(&wormhole));
    let mut terminal = Terminal::start(command);
    let pid = terminal.sees(".").trim().to_owned();
    let signal = move |name: &str| {
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    };
    (terminal, signal)
}

#[test]
fn the_end_of_its_terminal_stops_it_as_politely_as_a_signal_even_when_it_is_told_twice() {
    let scene = Scene::without_server();
    let arguments = ["serve", "relay", "--relay-listen", "127.0.0.1:0", "--set", "drain=1h"];
    let (mut terminal, signal) = at_a_terminal(&scene, "", &arguments);
    terminal.sees("listening on tcp:");
    let address = terminal.sees("\r\n");
    let [mut one, other] = ['a', 'b'].map(|side| partner(&address, side));
    for end in [&one, &other] {
        reads(end, "ok\n");
    }
    signal("HUP");
    terminal.sees("stopping");
    signal("HUP"); // from the shell, and from the system
    one.write_all(b"the rest").unwrap();
    reads(&other, "the rest");
    drop((one, other));
    let (said, code) = terminal.ends();
    assert_eq!(code, 0, "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_end_of_its_terminal_does_not_end_it_under_nohup() {
    let scene = Scene::without_server();
    let (mut terminal, signal) = at_a_terminal(&scene, "trap '' HUP;", &SERVE);
    terminal.sees("listening on ws:");
    signal("HUP");
    terminal.sees("settings read again");
    signal("TERM");
    assert_eq!(terminal.ends().1, 0);
}

/// Whether a process has said what is to happen on a termination signal.
#[cfg(target_os = "linux")]
fn catches_termination(server: &Running) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << (15 - 1)) != 0
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_is_heard_while_it_waits_for_its_database() {
    let scene = Scene::without_server();
    let serve = ["serve", "mailbox", "--listen", "127.0.0.1:0", "--db", "mailbox.sqlite"];
    let _holds_it = {
        let first = scene.start(&serve);
        first.wait_for_stderr("listening on");
        first
    };
    // It waits two seconds for the other to let go. On a machine that takes longer to send a signal it is tried again.
    let heard = (0..10).any(|_| {
        let second = scene.start(&serve);
        let begun = Instant::now();
        while !catches_termination(&second) {
            assert!(begun.elapsed() < PATIENCE);
            sleep(Duration::from_millis(5));
        }
        second.signal("TERM");
        let ended = second.end();
        ended.code == Some(0) && ended.stderr.contains("stopped before anybody was served")
    });
    assert!(heard);
}
