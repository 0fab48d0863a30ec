//! The receiver's say: the question, the options that answer it, and what the sender hears.

use super::stage::Stage;
use crate::support::{Running, event};

/// What both sides say of an offer that is answered so.
fn answered(arguments: &[&str], stdin: &[u8], codes: (i32, i32)) -> (String, String, Stage) {
    let stage = Stage::new();
    stage.file("plan.txt", "dig");
    let sender = stage.send(&["plan.txt"]);
    let receiver = stage.receive(arguments, stdin).end().with_code(codes.1);
    let sender = sender.end().with_code(codes.0);
    (sender.stderr, receiver.stderr, stage)
}

#[test]
fn a_person_is_asked_and_says_yes_with_a_word_or_the_enter_key() {
    for yes in ["y\n", "yes\n", "\n", "what?\nYES\n"] {
        let (_, receiver, stage) = answered(&[], yes.as_bytes(), (0, 0));
        let offer =
            "The other side offers the file 'plan.txt' (3 B); it would be written to ./plan.txt";
        assert!(receiver.contains(offer) && receiver.contains("ok? (Y/n): "), "{receiver}");
        assert_eq!(stage.got("plan.txt"), b"dig");
    }
}

#[test]
fn a_no_and_no_answer_are_8_and_the_sender_hears_it() {
    for no in ["n\n", "no\n", ""] {
        let (sender, receiver, stage) = answered(&[], no.as_bytes(), (5, 8));
        assert!(receiver.contains("the offer was declined"), "{receiver}");
        assert!(sender.contains("transfer rejected"), "{sender}");
        assert!(stage.stands().is_empty());
    }
}

#[test]
fn each_option_that_says_yes_beforehand_is_not_asked() {
    for arguments in [&["--yes"][..], &["--accept-file"]] {
        let (_, receiver, stage) = answered(arguments, b"n\n", (0, 0));
        assert!(!receiver.contains("ok?"), "{receiver}");
        assert_eq!(stage.got("plan.txt"), b"dig");
    }
}

#[test]
fn the_environment_says_yes_or_no_to_the_question() {
    for (value, code) in [("1", 0), ("0", 8), ("perhaps", 2)] {
        let stage = Stage::new();
        stage.file("plan.txt", "dig");
        let sender = stage.send(&["plan.txt"]);
        let mut command = stage.receiver(&["7-guitarist-revenge"]);
        let receiver = Running::start(command.env("WORMHOLE_ACCEPT_FILE", value), b"n\n").end();
        let said = receiver.with_code(code).stderr;
        match code {
            0 => assert_eq!(stage.got("plan.txt"), b"dig"),
            8 => assert!(said.contains("ok? (Y/n)"), "{said}"),
            _ => assert!(said.contains("WORMHOLE_ACCEPT_FILE"), "{said}"),
        }
        if code == 2 {
            sender.signal("INT");
        }
        drop(sender.end());
    }
}

#[test]
fn only_text_takes_texts_and_refuses_files() {
    let (sender, receiver, stage) = answered(&["--only-text"], b"y\n", (5, 8));
    assert!(receiver.contains("--only-text"), "{receiver}");
    assert!(sender.contains("transfer rejected"), "{sender}");
    assert!(stage.stands().is_empty());
    let sender = stage.send(&["--text", "words"]);
    assert_eq!(stage.receive(&["-t"], b"").end().with_code(0).text(), "words\n");
    sender.end().with_code(0);
}

#[test]
fn the_verifier_and_the_offer_are_two_questions() {
    let (_, receiver, stage) = answered(&["--verify"], b"yes\ny\n", (0, 0));
    assert!(receiver.contains("Verifier ") && receiver.contains("ok? (Y/n)"), "{receiver}");
    assert_eq!(stage.got("plan.txt"), b"dig");
}

#[test]
fn a_verifier_that_is_refused_is_8_there_and_told_here() {
    let (sender, receiver, stage) = answered(&["--verify", "--yes"], b"no\n", (5, 8));
    assert!(sender.contains("the receiver did not confirm the verifier"), "{sender}");
    assert!(receiver.contains("nothing was taken"), "{receiver}");
    assert!(stage.stands().is_empty());

    stage.file("plan.txt", "dig");
    let mut command = stage.sender(&["--code", "7-guitarist-revenge", "-v", "plan.txt"]);
    let sender = Running::start(&mut command, b"no\n");
    let receiver = stage.receive(&["--yes"], b"").end().with_code(5);
    assert!(receiver.stderr.contains("the sender did not confirm"), "{}", receiver.stderr);
    assert!(sender.end().with_code(8).stderr.contains("nothing was sent"));
    assert!(stage.stands().is_empty());
}

#[test]
fn a_program_is_asked_with_an_event_and_answers_in_a_line() {
    for (answer, code) in [("yes\n", 0), ("no\n", 8), ("\nno\n", 8)] {
        let sender_code = if code == 0 { 0 } else { 5 };
        let (_, receiver, stage) = answered(&["--json"], answer.as_bytes(), (sender_code, code));
        assert!(receiver.contains(r#"{"event":"ask_accept"}"#), "{receiver}");
        assert_eq!(stage.stands().is_empty(), code != 0);
        if code != 0 {
            assert_eq!(event(&receiver, "error")["fault"], "caller");
        }
    }
}

#[test]
fn a_delicate_name_is_pointed_out_before_the_question() {
    let stage = Stage::new();
    stage.file(".bashrc", "echo");
    let sender = stage.send(&[".bashrc"]);
    let receiver = stage.receive(&[], b"n\n").end().with_code(8);
    let (warning, question) = (receiver.stderr.find("Beware: "), receiver.stderr.find("ok? (Y/n)"));
    assert!(warning.is_some() && warning < question, "{}", receiver.stderr);
    sender.end().with_code(5);
}
