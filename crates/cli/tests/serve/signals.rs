//! A server that is told things by signals.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
};

use crate::support::{Running, Scene};

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
