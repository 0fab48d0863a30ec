//! Each way in which it can end, with its exit code, and what is said then.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::ffi::OsStrExt,
    process::Stdio,
};

use support::{NOWHERE, Running, Scene, stranger::says};
use wormhole_sync::TRANSFER_APP_ID;

/// What a stranger answers to.
const CODE: &str = "7-guitarist-revenge";

/// The other side, in the hands of somebody who does not keep to the protocol.
fn stranger(scene: &Scene, words: &[u8]) {
    says(&scene.url, TRANSFER_APP_ID, words);
}

#[test]
fn arguments_that_make_no_sense_are_2() {
    let scene = Scene::without_server();
    for arguments in [
        &["send", "--code", "5-a", "-0"][..],
        &["send", "--code", "no code", "--text", "x"],
        &["receive", "purple-5"],
        &["receive", "5-a", "--allocate"],
        &["receive", "5-a", "-c", "3"],
        &["receive", "5-a", "--code-file", "x"],
        &["receive", "--allocate", "--code-file", "x"],
        &["receive", "-0", "--code-fd", "0"],
        &["receive", "wormhole-transfer:5-a?role=leader"],
        &["receive", "wormhole-transfer:5-a?colour=red"],
        &["exchange", "5-a", "--code", "5-a"],
        &["exchange", "-c", "0"],
        &["exchange", "-c", "33"],
        &["exchange", "--timeout", "0"],
        &["--relay-url", "https://x/", "exchange"],
        &["--appid", "", "exchange"],
        &["exchange", "--local", "5-a"],
        &["exchange", "--local"],
        &["serve", "mailbox", "--listen", "nowhere"],
        &["frobnicate"],
        &[],
    ] {
        let refused = scene.run(arguments).with_code(2);
        assert!(!refused.stderr.is_empty() && refused.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_login_in_a_url_is_shown_nowhere() {
    let scene = Scene::new();
    let with_login = |url: &str| url.replace("ws://", "ws://ann:secret@");
    let here = with_login(&scene.url);
    let nowhere = ["--relay-url", &*with_login(NOWHERE)];
    let code = "wormhole-transfer:7-a-b?rendezvous=ws%3A%2F%2Fann%3Asecret%40127.0.0.1%3A9%2Fv1";
    let text = ["send", "--text", "x"];
    let relay = ["--transit-helper", "ws://ann:secret@127.0.0.1:9"];
    for arguments in [
        &[&nowhere[..], &text].concat()[..],
        &[&["--json"], &nowhere[..], &text].concat(),
        &[&nowhere[..], &["doctor"]].concat(),
        &[&["--json", "--relay-url", &here], &relay[..], &["doctor"]].concat(),
        &["receive", code],
    ] {
        let mut command = scene.wormhole(arguments);
        command.env_remove("WORMHOLE_RELAY_URL").env("WORMHOLE_LOCAL_INTERFACE", "none");
        let ended = Running::start(&mut command, b"").end();
        let said = format!("{}{}", String::from_utf8_lossy(&ended.stdout), ended.stderr);
        assert!(said.contains("127.0.0.1") && !said.contains("secret"), "{arguments:?}: {said}");
    }
}

#[test]
fn arguments_that_are_no_text_are_2_and_no_panic() {
    let scene = Scene::without_server();
    for arguments in [&["receive"][..], &["exchange", "--text"], &["--appid"]] {
        let mut command = scene.wormhole(arguments);
        command.arg(std::ffi::OsStr::from_bytes(b"5-\xff\xfe"));
        let refused = Running::start(&mut command, b"").end().with_code(2);
        assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
    }
    let mut command = scene.wormhole(&["receive"]);
    command.env("WORMHOLE_CODE", std::ffi::OsStr::from_bytes(b"\xff"));
    Running::start(&mut command, b"").end().with_code(2);
    let mut command = scene.wormhole(&["exchange", "--file"]);
    command.arg(std::ffi::OsStr::from_bytes(b"\xff"));
    Running::start(&mut command, b"").end().with_code(1);
}

#[test]
fn a_file_that_is_not_there_is_1_and_named() {
    let scene = Scene::without_server();
    let refused = scene.run(&["send", "picture.png"]).with_code(1);
    assert!(refused.stderr.contains("picture.png"), "{}", refused.stderr);
}

#[test]
fn a_text_that_is_none_is_2() {
    let scene = Scene::without_server();
    let refused = scene.start_with(&["send", "--text", "-"], b"\xff").end().with_code(2);
    assert!(refused.stderr.contains("UTF-8"), "{}", refused.stderr);
}

#[test]
fn a_wrong_code_is_3_on_both_sides_and_never_said_aloud() {
    let scene = Scene::new();
    let sender = scene.start(&[
        "send",
        "--text",
        "x",
        "--code-file",
        scene.file("code", "5-right").to_str().unwrap(),
    ]);
    let mut command = scene.wormhole(&["receive"]);
    let receiver = Running::start(command.env("WORMHOLE_CODE", "5-wrong"), b"").end().with_code(3);
    let sender = sender.end().with_code(3);
    for said in [&sender.stderr, &receiver.stderr] {
        assert!(said.contains("the codes do not match"), "{said}");
        assert!(!said.contains("right") && !said.contains("wrong"), "{said}");
    }
}

#[test]
fn a_server_that_is_not_there_is_4_and_named() {
    let scene = Scene::without_server();
    for arguments in
        [&["exchange"][..], &["send", "--text", "x"], &["receive", "5-a"], &["receive"]]
    {
        let refused = scene.run(arguments).with_code(4);
        assert!(refused.stderr.contains(NOWHERE), "{}", refused.stderr);
    }
}

#[test]
fn a_refusal_of_the_other_side_is_5_and_cleaned() {
    let scene = Scene::new();
    let sender = scene.start(&["send", "--text", "x", "--code", CODE]);
    stranger(&scene, "{\"error\":\"no \\u001b[31m\\u202e way\"}".as_bytes());
    let sender = sender.end().with_code(5);
    assert!(sender.stderr.contains(r"no \u{1b}[31m\u{202e} way"), "{}", sender.stderr);
    assert!(!sender.stderr.contains('\u{1b}'));
}

#[test]
fn nonsense_of_the_other_side_is_5() {
    let scene = Scene::new();
    for words in ["", "{", "not json"] {
        let receiver = scene.start(&["receive", CODE, "--timeout", "10"]);
        stranger(&scene, words.as_bytes());
        let receiver = receiver.end();
        assert_eq!(
            (receiver.code, &*receiver.stdout),
            (Some(5), &b""[..]),
            "{words}: {}",
            receiver.stderr
        );
    }
}

#[test]
fn an_offered_name_that_leads_elsewhere_is_5_and_says_what_to_do() {
    let scene = Scene::new();
    let receiver = scene.start(&["receive", CODE]);
    stranger(&scene, br#"{"offer":{"file":{"filename":"../../x","filesize":5}}}"#);
    let receiver = receiver.end().with_code(5);
    assert!(receiver.stderr.contains("choose one of your own"), "{}", receiver.stderr);
}

#[test]
fn nobody_in_time_is_6() {
    let scene = Scene::new();
    let alone = scene.run(&["receive", "5-a", "--timeout", "1"]).with_code(6);
    assert!(alone.stderr.contains("other side"), "{}", alone.stderr);
}

#[test]
fn a_server_that_turns_everybody_away_is_7_and_cleaned() {
    let scene = Scene::with_server(&["--welcome-error", "closed \u{1b}[2J today"]);
    let refused = scene.run(&["exchange"]).with_code(7);
    assert!(refused.stderr.contains(r"closed \u{1b}[2J today"), "{}", refused.stderr);
}

#[test]
fn too_much_work_for_the_server_is_7() {
    let scene = Scene::with_server(&["--hashcash-bits", "8", "--hashcash-resource", "here"]);
    scene.run(&["exchange", "--max-hashcash-bits", "4"]).with_code(7);
    let one = scene.start(&["exchange", "--code", "5-a", "--text", "one"]);
    let other = scene.run(&["exchange", "5-a", "--text", "other"]).with_code(0);
    assert!(other.stderr.contains("8 bits"), "{}", other.stderr);
    assert_eq!(one.end().with_code(0).text(), "other");
}

#[test]
fn ctrl_c_is_130_and_lets_the_number_go() {
    let scene = Scene::new();
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let one = scene.start(&["send", "--text", "x", "--code", "5-a"]);
        one.wait_for_stderr("Wormhole code is");
        one.signal(signal);
        one.end().with_code(code);
        let sender = scene.start(&["send", "--text", "x", "--code", "5-a"]);
        assert_eq!(
            scene.run(&["receive", "5-a"]).with_code(0).text(),
            "x\n",
            "the number is free again"
        );
        sender.end().with_code(0);
    }
}

#[test]
fn a_standard_output_that_is_closed_is_1() {
    let scene = Scene::new();
    let sender = scene.start(&["exchange", "--text", &"x".repeat(100_000), "--code", "5-a"]);
    let mut command = scene.wormhole(&["exchange", "5-a", "--text", "y"]);
    let mut reader =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(reader.stdout.take());
    let output = reader.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output took only a part"));
    sender.end();
}

/// A client that claims a number and goes no further: two text frames over a bare WebSocket.
fn claimant(scene: &Scene, side: &str) -> TcpStream {
    let address = scene.url.trim_start_matches("ws://").trim_end_matches("/v1");
    let mut stream = TcpStream::connect(address).unwrap();
    let key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13";
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade";
    write!(stream, "GET /v1 HTTP/1.1\r\nHost: {address}\r\n{upgrade}\r\n{key}\r\n\r\n").unwrap();
    let bind = format!(r#"{{"type":"bind","appid":"{TRANSFER_APP_ID}","side":"{side}"}}"#);
    for text in [&*bind, r#"{"type":"claim","nameplate":"6"}"#] {
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 126, "a short frame");
        stream.write_all(&[0x81, 0x80 | length, 0, 0, 0, 0]).unwrap(); // masked with zeroes
        stream.write_all(text.as_bytes()).unwrap();
    }
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("claimed") {
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk).unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&chunk[..read]);
    }
    stream
}

#[test]
fn a_code_that_two_others_use_is_3() {
    let scene = Scene::new();
    let _others = [claimant(&scene, "one"), claimant(&scene, "two")];
    let third = scene.run(&["receive", "6-c", "--timeout", "60"]).with_code(3);
    assert!(third.stderr.contains("two others"), "{}", third.stderr);
}
