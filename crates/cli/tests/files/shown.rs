//! What a stranger says and names things, as a person at a terminal, a reader of a pipe and a program get it.

use serde_json::{Value, json};
use wormhole_sync::TRANSFER_APP_ID;

use super::{stage::Stage, treasury::assert_harmless};
use crate::support::{Ended, Running, event, stranger::says, terminal::Terminal};

/// What a terminal would obey: the clipboard, the screen, the colour, the beginning of the line, the letter before, the order of
/// what is read; and what cannot be seen.
const ORDERS: &str = "\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}[2J\u{9b}31m\u{1b}]8;;http://x\u{1b}\\\r\u{8}\u{202e}\u{200b}\nwritten to ./safe";

/// Longer than any terminal is high, and as long as a message may be.
fn flood() -> String {
    format!("{ORDERS}{}", "x".repeat(200_000))
}

/// Something that a stranger says to a command: what, to which, how that ends, and where a program finds the exact text.
struct Saying {
    words: Value,
    to: &'static [&'static str],
    code: i32,
    exact: (&'static str, &'static str),
}

fn directory(name: &str, mode: &str) -> Value {
    json!({"directory": {"mode": mode, "dirname": name, "zipsize": 500, "numbytes": 5, "numfiles": 1}})
}

/// To a receiver, who says no where there is a question.
fn sayings(text: &str) -> Vec<Saying> {
    let (mine, here): (&[_], &[_]) = (&["-o", "mine"], &["--yes"]);
    let said = |words: Value, to, code, exact| Saying { words, to, code, exact };
    let file = json!({"file": {"filename": text, "filesize": 5}});
    vec![
        said(json!({ "offer": &file }), mine, 8, ("offered", "name")),
        said(json!({ "offer": directory(text, "zipfile/deflated") }), mine, 8, ("offered", "name")),
        said(json!({ "offer": file }), here, 5, ("", "")),
        said(json!({ "offer": directory("x", text) }), here, 5, ("", "")),
        said(json!({ "error": text }), here, 5, ("error", "message")),
    ]
}

/// What one end says that runs while the stranger speaks.
fn hears<T>(stage: &Stage, words: &Value, end: impl FnOnce() -> T) -> T {
    let url = &stage.scene.url;
    std::thread::scope(|scope| {
        scope.spawn(|| says(url, TRANSFER_APP_ID, words.to_string().as_bytes()));
        end()
    })
}

fn arguments<'a>(to: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [&["7-guitarist-revenge"], to, more].concat()
}

#[test]
fn a_terminal_obeys_nothing_of_it() {
    let stage = Stage::new();
    for text in [ORDERS.to_owned(), flood()] {
        for Saying { words, to, code, .. } in sayings(&text) {
            let mut command = stage.receiver(&arguments(to, &[]));
            command.env("NO_COLOR", "1");
            let (said, ended) = hears(&stage, &words, || {
                let mut terminal = Terminal::start(command);
                let asked = if code == 8 { terminal.sees("ok? (Y/n): ") } else { String::new() };
                if code == 8 {
                    terminal.types("n\n");
                }
                let (rest, code) = terminal.ends();
                (asked + &rest, code)
            });
            assert_eq!(ended, code, "{said}");
            // A terminal ends its lines with both.
            assert_harmless(&said.replace("\r\n", "\n"));
            assert!(said.len() < 8_000 && !said.contains("\nwritten"), "{said}");
        }
    }
    assert!(stage.stands().is_empty());
}

#[test]
fn a_pipe_gets_a_sentence_and_a_program_the_exact_text() {
    let stage = Stage::new();
    for text in [ORDERS.to_owned(), flood()] {
        for Saying { words, to, code, exact: (kind, field) } in sayings(&text) {
            let run = |more: &[&str]| -> Ended {
                let mut command = stage.receiver(&arguments(to, more));
                hears(&stage, &words, || Running::start(&mut command, b"n\n").end().with_code(code))
            };
            let said = run(&[]).stderr;
            assert_harmless(&said);
            assert!(said.len() < 8_000 && !said.contains("\nwritten"), "{said}");
            let said = run(&["--json"]).stderr;
            if !kind.is_empty() {
                let told = event(&said, kind)[field].as_str().unwrap().to_owned();
                assert!(told.contains(&text), "{told}");
            }
        }
    }
    assert!(stage.stands().is_empty());
}

#[test]
fn a_text_is_cleaned_at_a_terminal_and_exact_in_a_pipe_and_for_a_program() {
    let stage = Stage::new();
    let words = json!({"offer": {"message": ORDERS}});
    let mut command = stage.receiver(&["7-guitarist-revenge"]);
    command.env("NO_COLOR", "1");
    let (said, code) = hears(&stage, &words, || Terminal::start(command).ends());
    assert_eq!(code, 0, "{said}");
    assert_harmless(&said.replace("\r\n", "\n"));
    let run = |more| hears(&stage, &words, || stage.receive(more, b"").end().with_code(0));
    let (piped, program) = (run(&[]), run(&["--json"]));
    assert_eq!(piped.text(), format!("{ORDERS}\n"));
    assert_harmless(&piped.stderr);
    assert_eq!(event(&program.stderr, "received")["text"], ORDERS);
}

#[test]
fn a_sender_is_told_a_receivers_reason_and_obeys_nothing_of_it() {
    let stage = Stage::new();
    stage.file("plan.txt", "dig");
    for text in [ORDERS.to_owned(), flood()] {
        let words = json!({ "error": text });
        let sender = |more: &[&str]| {
            stage.sender(&[&["--code", "7-guitarist-revenge", "plan.txt"], more].concat())
        };
        let mut at_a_terminal = sender(&[]);
        at_a_terminal.env("NO_COLOR", "1");
        let (said, code) = hears(&stage, &words, || Terminal::start(at_a_terminal).ends());
        assert_eq!(code, 5, "{said}");
        assert_harmless(&said.replace("\r\n", "\n"));
        let program = hears(&stage, &words, || {
            Running::start(&mut sender(&["--json"]), b"").end().with_code(5)
        });
        let reason = event(&program.stderr, "error")["message"].as_str().unwrap().to_owned();
        assert!(reason.contains(&text), "{reason}");
    }
}
