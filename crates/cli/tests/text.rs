//! `wormhole send --text` and `wormhole receive`.

#![cfg(unix)]
mod support;

use std::process::Stdio;

use support::{Running, Scene, events};

const HOSTILE: &str = "\u{1b}]52;c;ZXZpbA==\u{7}\u{202e}txt.exe\r\u{9b}2Jend\u{0}";

#[test]
fn a_text_goes_from_one_side_to_the_other() {
    let scene = Scene::new();
    let sender = scene.start(&["send", "--text", "hello, world"]);
    let receiver = scene.run(&["receive", &sender.code()]).with_code(0);
    assert_eq!(receiver.text(), "hello, world\n");
    assert!(sender.end().with_code(0).stderr.contains("The text was received."));
}

#[test]
fn a_text_comes_from_standard_input_with_every_byte() {
    let scene = Scene::new();
    let text = "two\nlines\n\ttabbed, é, 🦀\n";
    let sender = scene.start_with(&["send", "--text", "-", "--code", "5-a"], text.as_bytes());
    sender.wait_for_stderr(&format!("Sending text ({} bytes)", text.len()));
    let receiver = scene.run(&["receive", "5-a"]).with_code(0);
    assert_eq!(receiver.text(), format!("{text}\n"));
    sender.end().with_code(0);
}

#[test]
fn without_a_text_one_line_is_asked_for() {
    let scene = Scene::new();
    let sender = scene.start_with(&["send", "--code", "5-a"], b"asked for\nnot this\n");
    let receiver = scene.run(&["receive", "5-a"]).with_code(0);
    assert_eq!(receiver.text(), "asked for\n");
    assert!(sender.end().with_code(0).stderr.starts_with("Text to send: "));

    scene.start(&["send", "--code", "6-a", "--text", "x"]).wait_for_stderr("Sending text (1 byte)");
}

#[test]
fn hostile_text_stays_exact_in_a_pipe_and_in_json() {
    let scene = Scene::new();
    let sender = scene.start_with(&["send", "--text", "-", "--code", "5-a"], HOSTILE.as_bytes());
    let receiver = scene.run(&["receive", "5-a", "--json"]).with_code(0);
    assert_eq!(receiver.text(), format!("{HOSTILE}\n"));
    assert!(!receiver.stderr.contains(['\u{1b}', '\u{7}', '\r']));
    let received = receiver.stderr.lines().find(|line| line.contains("\"received\"")).unwrap();
    let event: serde_json::Value = serde_json::from_str(received).unwrap();
    assert_eq!(event["text"], HOSTILE);
    sender.end().with_code(0);
}

#[test]
fn the_receiver_can_make_the_code() {
    let scene = Scene::new();
    let receiver = scene.start(&["receive", "--allocate", "-c", "3"]);
    let line = receiver.wait_for_stderr("Allocated code: ");
    let code = line.split_once(": ").unwrap().1.to_owned();
    assert_eq!(code.split('-').count(), 4);
    scene.run(&["send", "--code", &code, "--text", "turned around"]).with_code(0);
    assert_eq!(receiver.end().with_code(0).text(), "turned around\n");
}

#[test]
fn the_python_tools_names_are_known() {
    let scene = Scene::new();
    for (number, receive) in ["rx", "recv", "recieve"].iter().enumerate() {
        let code = format!("{}-a", number + 1);
        let sender =
            scene.start(&["tx", "--text", "x", "--code", &code, "--hide-progress", "--no-listen"]);
        let receiver = scene.run(&[receive, "--hide-progress", "--accept-file", "-t", &code]);
        assert_eq!(receiver.with_code(0).text(), "x\n");
        sender.end().with_code(0);
    }
}

#[test]
fn a_code_comes_from_a_file_a_descriptor_or_the_environment() {
    let scene = Scene::new();
    let path = scene.file("code", "5-a\n");
    let ways: [(&[&str], Option<&str>); 3] = [
        (&["receive", "--code-file", "code"], None),
        (&["receive", "--code-fd", "0"], None),
        (&["receive"], Some("5-a")),
    ];
    for (arguments, variable) in ways {
        let sender = scene.start(&["send", "--text", "x", "--code-file", path.to_str().unwrap()]);
        let mut command = scene.wormhole(arguments);
        command.envs(variable.map(|code| ("WORMHOLE_CODE", code)));
        let receiver = Running::start(&mut command, b"5-a\n").end().with_code(0);
        assert_eq!(receiver.text(), "x\n", "{arguments:?}");
        let sender = sender.end().with_code(0);
        assert!(!(sender.stderr + &receiver.stderr).contains("5-a"), "a hidden code stays hidden");
    }
}

#[test]
fn a_code_on_standard_input_is_taken_where_nobody_types() {
    let scene = Scene::new();
    let sender = scene.start(&["send", "--text", "x", "--code", "5-a"]);
    let receiver = scene.start_with(&["receive"], b"5-a\n").end().with_code(0);
    assert_eq!(receiver.text(), "x\n");
    assert_eq!(receiver.stderr, "Enter receive wormhole code: ");
    sender.end().with_code(0);
}

#[test]
fn a_uri_names_code_and_server() {
    let scene = Scene::new();
    let sender = scene.start(&["--json", "send", "--text", "x", "--code", "5-été"]);
    let event: serde_json::Value =
        serde_json::from_str(&sender.wait_for_stderr("\"uri\"")).unwrap();
    let uri = event["uri"].as_str().unwrap();
    assert!(uri.contains("rendezvous=ws%3A%2F%2F127.0.0.1"), "{uri}");
    let mut command = scene.wormhole(&["receive", uri]);
    command.env("WORMHOLE_RELAY_URL", support::NOWHERE);
    assert_eq!(Running::start(&mut command, b"").end().with_code(0).text(), "x\n");
    sender.end().with_code(0);
}

#[test]
fn a_no_of_the_receiver_is_heard_by_the_sender() {
    let scene = Scene::new();
    let sender = scene.start(&["send", "--text", "secret", "--code", "5-a"]);
    let receiver = scene.start_with(&["receive", "5-a", "--verify"], b"no\n").end().with_code(8);
    assert_eq!(receiver.stdout, b"");
    let sender = sender.end().with_code(5);
    assert!(
        sender.stderr.contains("the receiver did not confirm the verifier"),
        "{}",
        sender.stderr
    );
}

#[test]
fn a_no_of_the_sender_is_heard_by_the_receiver() {
    let scene = Scene::new();
    let sender = scene.start_with(&["send", "--text", "secret", "--code", "5-a", "-v"], b"no\n");
    let receiver = scene.run(&["receive", "5-a"]).with_code(5);
    assert!(
        receiver.stderr.contains("the sender did not confirm the verifier"),
        "{}",
        receiver.stderr
    );
    assert_eq!(receiver.stdout, b"");
    sender.end().with_code(8);
}

#[test]
fn no_answer_is_a_no() {
    let scene = Scene::new();
    let sender = scene.start_with(&["send", "--text", "secret", "--code", "5-a", "-v"], b"");
    scene.run(&["receive", "5-a"]).with_code(5);
    sender.end().with_code(8);
}

#[test]
fn a_motd_is_cleaned_and_cut() {
    let motd = format!("hi \u{1b}[2J\u{202e} {}", "x".repeat(100_000));
    let scene = Scene::with_server(&["--motd", &motd]);
    let sender = scene.start(&["send", "--text", "x", "--code", "5-a"]);
    let receiver = scene.run(&["receive", "5-a"]).with_code(0);
    assert!(
        receiver.stderr.starts_with("The server says:\n  | hi \\u{1b}[2J\\u{202e} xxx"),
        "{}",
        receiver.stderr
    );
    assert!(receiver.stderr.len() < 3000 && !receiver.stderr.contains('\u{1b}'));
    sender.end().with_code(0);
}

#[test]
fn nothing_is_coloured_and_no_picture_shown_off_a_terminal() {
    let scene = Scene::new();
    let sender = scene.start(&["send", "--text", "x", "--code", "5-a", "--qr"]);
    scene.run(&["receive", "5-a"]).with_code(0);
    let said = sender.end().with_code(0).stderr;
    assert!(!said.contains('\u{1b}') && !said.contains('\u{2588}'), "{said}");
}

#[test]
fn with_json_standard_error_is_nothing_but_events() {
    let scene = Scene::new();
    let sender =
        scene.start_with(&["send", "--json", "--verify", "--code", "5-a"], b"text\nmaybe\nyes\n");
    let receiver = scene.start_with(&["receive", "--json"], b"5-a\n").end().with_code(0);
    assert_eq!(receiver.text(), "text\n");
    let sender = sender.end().with_code(0);
    let failed = scene.run(&["receive", "--json", "purple"]).with_code(2);
    let names = |said: &str| -> Vec<String> {
        events(said).iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        names(&sender.stderr),
        [
            "ask_text",
            "sending",
            "connecting",
            "connected",
            "welcome",
            "code",
            "waiting_for_peer",
            "key_agreed",
            "key_confirmed",
            "verify",
            "sent",
            "closed"
        ]
    );
    assert_eq!(
        names(&receiver.stderr),
        [
            "connecting",
            "connected",
            "welcome",
            "ask_code",
            "waiting_for_peer",
            "key_agreed",
            "key_confirmed",
            "received",
            "closed"
        ]
    );
    assert_eq!(names(&failed.stderr), ["error"]);
    let error: serde_json::Value = serde_json::from_str(&failed.stderr).unwrap();
    assert_eq!((error["exit"].as_u64(), error["fault"].as_str()), (Some(2), Some("caller")));
}

#[test]
fn a_text_that_cannot_be_written_is_not_acknowledged() {
    let scene = Scene::new();
    let sender = scene.start(&["send", "--text", "lost?"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut receiver = scene.wormhole(&["receive", &sender.code()]);
    let receiver =
        receiver.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(receiver.status.code(), Some(1), "{}", String::from_utf8_lossy(&receiver.stderr));
    let sender = sender.end().with_code(5);
    assert!(sender.stderr.contains("could not write"), "{}", sender.stderr);
}
