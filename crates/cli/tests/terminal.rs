//! Through a real pseudo-terminal: completion, questions, colours, pictures, hostile text.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use support::{PATIENCE, Scene, terminal::Terminal};

const PROMPT: &str = "Enter receive wormhole code: ";

#[test]
fn tab_completes_the_number_and_the_words() {
    let scene = Scene::new();
    let sender = scene.start(&["send", "--text", "completed", "--code", "7-guitarist-revenge"]);
    sender.wait_for_stderr("Wormhole code is");
    let mut terminal = Terminal::start(scene.wormhole(&["receive"]));
    terminal.sees(PROMPT);
    terminal.types("\t");
    terminal.sees("7-");
    terminal.types("guit\t");
    terminal.sees("7-guitarist-");
    terminal.types("reve\t");
    terminal.sees("7-guitarist-revenge");
    terminal.types("\r");
    let (said, code) = terminal.ends();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("completed"), "{said}");
    sender.end().with_code(0);
}

/// The first byte of a WebSocket frame with a text.
const TEXT_FRAME: u8 = 0x81;

/// A way to the server on which the server's answers can be held back.
#[derive(Clone, Default)]
struct Dam {
    held: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Dam {
    /// Leads one connection to the server at `url`; the URL of this way.
    fn before(&self, url: &str) -> String {
        let server = url.trim_start_matches("ws://").trim_end_matches("/v1").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let dam = self.clone();
        thread::spawn(move || {
            let client = listener.accept().unwrap().0;
            let server = TcpStream::connect(server).unwrap();
            let (upwards, from) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            let (asked, held) = (Arc::clone(&dam.asked), Arc::clone(&dam.held));
            thread::spawn(move || {
                pour(from, upwards, |chunk| {
                    let says_something = chunk.first() == Some(&TEXT_FRAME); // a ping asks nothing
                    asked.fetch_add(usize::from(says_something), Ordering::SeqCst);
                });
            });
            pour(server, client, |_| {
                while held.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(5));
                }
            });
        });
        format!("ws://{address}/v1")
    }

    /// Waits until the client has asked for more: less long than it takes until a client asks whether
    /// its connection is alive.
    fn wait_for_more_than(&self, asked: usize) {
        let end = Instant::now() + PATIENCE / 3;
        while self.asked.load(Ordering::SeqCst) <= asked {
            assert!(Instant::now() < end, "the client asked for nothing more");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn pour(mut from: TcpStream, mut to: TcpStream, before: impl Fn(&[u8])) {
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut chunk) {
        before(&chunk[..length]);
        if to.write_all(&chunk[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

#[test]
fn a_server_that_never_lists_does_not_lock_the_prompt() {
    let scene = Scene::new();
    let sender = scene.start(&["send", "--text", "unlocked", "--code", "7-guitarist-revenge"]);
    sender.wait_for_stderr("Wormhole code is");
    let dam = Dam::default();
    let mut command = scene.wormhole(&["receive"]);
    command.env("WORMHOLE_RELAY_URL", dam.before(&scene.url));
    let mut terminal = Terminal::start(command);
    terminal.sees(PROMPT);
    dam.held.store(true, Ordering::SeqCst);
    let asked = dam.asked.load(Ordering::SeqCst);
    terminal.types("\t7-guitarist-revenge");
    dam.wait_for_more_than(asked);
    terminal.sees("7-guitarist-revenge");
    let listed = dam.asked.load(Ordering::SeqCst);
    terminal.types("\r");
    dam.wait_for_more_than(listed); // the claim
    dam.held.store(false, Ordering::SeqCst);
    let (said, code) = terminal.ends();
    assert!(said.contains("unlocked") && code == 0, "{said}");
    sender.end().with_code(0);
}

#[test]
fn nothing_is_claimed_before_the_code_is_entered() {
    let scene = Scene::new();
    let mut terminal = Terminal::start(scene.wormhole(&["receive"]));
    terminal.sees(PROMPT);
    terminal.types("7-guitarist-\t");
    terminal.types("\u{3}");
    let (said, code) = terminal.ends();
    assert_eq!(code, 130, "{said}");
    let sender = scene.start(&["send", "--text", "x", "--code", "7-guitarist-revenge"]);
    scene.run(&["receive", "7-guitarist-revenge"]).with_code(0);
    sender.end().with_code(0);
}

#[test]
fn a_word_that_is_not_in_the_list_is_questioned_before_the_guess_is_spent() {
    let scene = Scene::new();
    let sender = scene.start(&["send", "--text", "saved", "--code", "7-guitarist-revenge"]);
    let mut terminal = Terminal::start(scene.wormhole(&["receive"]));
    terminal.sees(PROMPT);
    terminal.types("7-guitarits-revenge\r");
    terminal.sees("'guitarits' is not one of the words");
    terminal.sees("near it: guitarist");
    terminal.sees("(yes/no): ");
    terminal.types("no\r");
    terminal.sees(PROMPT);
    terminal.sees("7-guitarist-revenge"); // the nearest words, to be looked at
    terminal.types("\r");
    let (said, code) = terminal.ends();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("saved"), "{said}");
    sender.end().with_code(0);
}

#[test]
fn a_code_of_ones_own_remains_possible() {
    let scene = Scene::new();
    let sender = scene.start(&["send", "--text", "own", "--code", "7-our-secret"]);
    let mut terminal = Terminal::start(scene.wormhole(&["receive", "7-our-secret"]));
    terminal.sees("'our' is not one of the words");
    terminal.sees("'secret' is not one of the words");
    terminal.sees("(yes/no): ");
    terminal.types("yes\r");
    let (said, code) = terminal.ends();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("own"), "{said}");
    sender.end().with_code(0);
}

#[test]
fn a_no_to_an_argument_leaves_the_code_good() {
    let scene = Scene::new();
    let sender =
        scene.start(&["exchange", "--code", "7-guitarist-revenge", "--text", "still good"]);
    let blob = scene.file("blob", "x");
    let mut terminal = Terminal::start(scene.wormhole(&[
        "exchange",
        "7-guitarits-revenge",
        "--file",
        blob.to_str().unwrap(),
    ]));
    terminal.sees("(yes/no): ");
    terminal.types("no\r");
    let (said, code) = terminal.ends();
    assert_eq!(code, 8, "{said}");
    assert!(said.contains("nothing was claimed"), "{said}");
    let other = scene.run(&["exchange", "7-guitarist-revenge", "--text", "y"]).with_code(0);
    assert_eq!(other.text(), "still good");
    sender.end().with_code(0);
}

#[test]
fn what_is_no_code_is_asked_for_again() {
    let scene = Scene::new();
    let sender = scene.start(&["send", "--text", "x", "--code", "7-guitarist-revenge"]);
    sender.wait_for_stderr("Wormhole code is");
    let mut terminal = Terminal::start(scene.wormhole(&["receive"]));
    terminal.sees(PROMPT);
    terminal.types("guitarist-revenge\r");
    terminal.sees("a code begins with a number");
    terminal.sees(PROMPT);
    terminal.types("\u{15}7-guitarist-revenge\r");
    let (said, code) = terminal.ends();
    assert_eq!(code, 0, "{said}");
    sender.end().with_code(0);
}

#[test]
fn both_ends_are_asked_to_compare_the_verifier() {
    let scene = Scene::new();
    let mut sender = Terminal::start(scene.wormhole(&[
        "send",
        "--no-qr",
        "-v",
        "--text",
        "compared",
        "--code",
        "7-guitarist-revenge",
    ]));
    sender.sees("receive --verify 7-guitarist-revenge");
    let mut receiver = Terminal::start(scene.wormhole(&["receive", "-v", "7-guitarist-revenge"]));
    let mut verifiers = Vec::new();
    for end in [&mut sender, &mut receiver] {
        end.sees("Verifier ");
        verifiers.push(end.sees(". ok? (yes/no): "));
    }
    assert_eq!(verifiers[0], verifiers[1]);
    assert_eq!(verifiers[0].len(), 64);
    sender.types("yes\r");
    receiver.types("yes\r");
    let (said, code) = receiver.ends();
    assert!(said.contains("compared") && code == 0, "{said}");
    assert_eq!(sender.ends().1, 0);
}

#[test]
fn the_question_reaches_the_terminal_when_standard_input_is_a_pipe() {
    let scene = Scene::new();
    let other = scene.start_with(
        &["exchange", "--code", "7-guitarist-revenge", "--text", "theirs", "-v"],
        b"yes\n",
    );
    let mut shell = scene.wormhole(&[]);
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "printf ours | \"$0\" exchange -v 7-guitarist-revenge",
        env!("CARGO_BIN_EXE_wormhole"),
    ]);
    for (name, value) in shell.env("TERM", "xterm").get_envs() {
        command.env(name, value.unwrap());
    }
    let mut terminal = Terminal::start(command);
    terminal.sees("ok? (yes/no): ");
    terminal.types("yes\r");
    let (said, code) = terminal.ends();
    assert!(said.contains("theirs") && code == 0, "{said}");
    assert_eq!(other.end().with_code(0).text(), "ours");
}

#[test]
fn ctrl_c_while_waiting_is_130() {
    let scene = Scene::new();
    let mut terminal =
        Terminal::start(scene.wormhole(&["send", "--text", "x", "--code", "7-guitarist-revenge"]));
    terminal.sees("receive 7-guitarist-revenge");
    terminal.types("\u{3}");
    assert_eq!(terminal.ends().1, 130);
}

/// What a terminal shows of a sender, under these variables.
fn shown(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let scene = Scene::new();
    let mut command = scene.wormhole(&["send", "--text", "x", "--code", "7-guitarist-revenge"]);
    command.args(arguments).envs(variables.iter().copied());
    let mut terminal = Terminal::start(command);
    let mut said = terminal.sees("On the other computer");
    said += &terminal.sees("receive 7-guitarist-revenge");
    scene.run(&["receive", "7-guitarist-revenge"]).with_code(0);
    said + &terminal.ends().0
}

/// What the picture of a QR code is drawn with.
const BLOCK: char = '█';

#[test]
fn colours_are_for_terminals_that_want_them() {
    assert!(shown(&["--no-qr"], &[]).contains("\u{1b}[1m7-guitarist-revenge\u{1b}[0m"));
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", "")] {
        assert!(!shown(&["--no-qr"], &[variable]).contains('\u{1b}'), "{variable:?}");
    }
    assert!(shown(&["--no-qr"], &[("NO_COLOR", "")]).contains('\u{1b}'), "empty means unset");
}

#[test]
fn the_picture_of_the_code_is_shown_unless_it_is_not_wanted() {
    assert!(shown(&[], &[]).contains(BLOCK));
    assert!(!shown(&["--no-qr"], &[]).contains(BLOCK));
    assert!(!shown(&[], &[("WORMHOLE_QR", "0")]).contains(BLOCK));
    assert!(shown(&["--qr"], &[("WORMHOLE_QR", "0")]).contains(BLOCK));
}

#[test]
fn nothing_that_a_stranger_says_is_obeyed_by_the_terminal() {
    let motd = "motd \u{1b}]0;title\u{7}";
    let scene = Scene::with_server(&["--motd", motd]);
    let text =
        format!("\u{1b}[2J\u{1b}]52;c;ZXZpbA==\u{7}\rover\u{8}\u{9b}31m {}", "x".repeat(200_000));
    let sender = scene
        .start_with(&["send", "--text", "-", "--code", "7-guitarist-revenge"], text.as_bytes());
    let mut command = scene.wormhole(&["receive", "7-guitarist-revenge"]);
    command.env("NO_COLOR", "1");
    let (said, code) = Terminal::start(command).ends();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(r"motd \u{1b}]0;title\u{7}"), "{said}");
    assert!(said.contains(r"\u{1b}[2J\u{1b}]52;c;ZXZpbA==\u{7}"), "{said}");
    assert!(!said.contains(['\u{1b}', '\u{7}', '\u{8}', '\u{9b}']));
    assert!(said.len() < 20_000 && said.contains("more characters"));
    sender.end().with_code(0);
}

#[test]
fn a_blob_is_cleaned_on_a_terminal_and_exact_elsewhere() {
    let scene = Scene::new();
    let hostile = b"\x1b]0;title\x07\x1b[2J\xff\xfe tail\n";
    let other = scene.start_with(&["exchange", "--code", "7-guitarist-revenge"], hostile);
    let mut command = scene.wormhole(&["exchange", "7-guitarist-revenge", "--text", "x"]);
    command.env("NO_COLOR", "1");
    let (said, code) = Terminal::start(command).ends();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(r"\u{1b}]0;title\u{7}\u{1b}[2J") && said.contains(" tail"), "{said}");
    assert!(!said.contains(['\u{1b}', '\u{7}']), "{said:?}");
    other.end().with_code(0);

    let other = scene.start_with(&["exchange", "--code", "7-guitarist-revenge"], hostile);
    let exact = scene.run(&["exchange", "7-guitarist-revenge", "--text", "x"]).with_code(0);
    assert_eq!(exact.stdout, hostile);
    other.end().with_code(0);
}

#[test]
fn a_servers_text_does_not_pass_for_this_tools_own() {
    let evil = "hello\nWormhole code is: 9-evil-code\nOn the other computer, please run:\n";
    let padded = format!("{evil}{}Wormhole code is: 9-evil-code", " ".repeat(72));
    let scene = Scene::with_server(&["--motd", &padded]);
    let mut terminal =
        Terminal::start(scene.wormhole(&["send", "--text", "x", "--code", "7-guitarist-revenge"]));
    let said = terminal.sees("7-guitarist-revenge");
    assert_eq!(said.matches("  | ").count(), 5, "{said}");
    for line in said.lines().filter(|line| line.contains("evil")) {
        assert!(line.starts_with("  | "), "{said}");
    }

    let scene = Scene::with_server(&["--signal-error", &padded]);
    let refused = scene.run(&["receive", "7-guitarist-revenge"]).with_code(7);
    assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    assert!(!refused.stderr.contains("  "), "{}", refused.stderr);
}

#[test]
fn a_blob_can_be_typed_and_typing_can_be_stopped() {
    let scene = Scene::new();
    let mut terminal =
        Terminal::start(scene.wormhole(&["exchange", "--code", "7-guitarist-revenge", "--no-qr"]));
    terminal.sees("end it with Ctrl-D");
    terminal.types("typed\r\u{4}");
    terminal.sees("exchange 7-guitarist-revenge");
    let other = scene.run(&["exchange", "7-guitarist-revenge", "--text", "theirs"]).with_code(0);
    assert_eq!(other.text(), "typed\n");
    assert!(terminal.ends().0.contains("theirs"));

    let mut terminal = Terminal::start(scene.wormhole(&["exchange"]));
    terminal.sees("end it with Ctrl-D");
    terminal.types("\u{3}");
    let status = terminal.ends_somehow().1;
    assert!(status.contains("SIGINT"), "{status}");
}
