//! Two sides that meet.

use rexpect::session::{PtySession, spawn_command};

use crate::support::namespace::{in_namespace, locally, start};
use crate::support::{self, Running, Scene};

/// Everything at a terminal until this text, which must come.
#[track_caller]
fn sees(terminal: &mut PtySession, text: &str) -> String {
    terminal.exp_string(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_text_finds_its_way_between_two_terminals_without_a_network() {
    if !in_namespace(a_text_finds_its_way_between_two_terminals_without_a_network) {
        return;
    }
    let scene = Scene::without_server();
    let sender = start(&scene, &["send", "--local", "--text", "found"]);
    let code = sender.code();
    assert!(code.starts_with("local-") && code.split('-').count() == 4, "{code}");
    let receiver = start(&scene, &["receive", &code]).end().with_code(0);
    assert_eq!(receiver.text(), "found\n");
    let sender = sender.end().with_code(0);
    assert!(!sender.stderr.contains("cannot be reached"), "no server was tried: {}", sender.stderr);
}

#[test]
fn a_server_that_cannot_be_reached_leads_here_by_itself() {
    if !in_namespace(a_server_that_cannot_be_reached_leads_here_by_itself) {
        return;
    }
    let scene = Scene::without_server();
    let one = Running::start(&mut locally(&scene, &["exchange"]), b"one");
    let other = Running::start(&mut locally(&scene, &["exchange", &one.code()]), b"other")
        .end()
        .with_code(0);
    let one = one.end().with_code(0);
    assert_eq!((one.text(), other.text()), ("other", "one"));
    assert!(one.stderr.contains(support::NOWHERE) && one.stderr.contains("hosts the exchange"));
}

#[test]
fn the_receiver_can_host_and_whoever_chooses_finds() {
    if !in_namespace(the_receiver_can_host_and_whoever_chooses_finds) {
        return;
    }
    let scene = Scene::without_server();
    let receiver = start(&scene, &["receive", "--allocate"]);
    let line = receiver.wait_for_stderr("Allocated code: ");
    let code = line.split_once(": ").unwrap().1.to_owned();
    start(&scene, &["send", "--code", &code, "--text", "turned"]).end().with_code(0);
    assert_eq!(receiver.end().with_code(0).text(), "turned\n");

    let chooser = start(&scene, &["send", "--code", "local-5-our-own", "--text", "chosen"]);
    chooser.wait_for_stderr("local-5-our-own");
    assert_eq!(
        start(&scene, &["receive", "local-5-our-own"]).end().with_code(0).text(),
        "chosen\n"
    );
    chooser.end().with_code(0);
}

#[test]
fn without_a_code_and_without_a_server_two_find_each_other() {
    if !in_namespace(without_a_code_and_without_a_server_two_find_each_other) {
        return;
    }
    let scene = Scene::without_server();
    let sender = start(&scene, &["send", "-0", "--text", "zero"]);
    sender.wait_for_stderr("wormhole receive -0");
    assert_eq!(start(&scene, &["receive", "-0"]).end().with_code(0).text(), "zero\n");
    sender.end().with_code(0);
}

#[test]
fn at_the_prompt_an_unreachable_server_is_told_and_local_codes_are_completed() {
    if !in_namespace(at_the_prompt_an_unreachable_server_is_told_and_local_codes_are_completed) {
        return;
    }
    let scene = Scene::without_server();
    let sender =
        start(&scene, &["send", "--code", "local-5-guitarist-revenge", "--text", "prompted"]);
    sender.wait_for_stderr("Wormhole code is");
    let patience = u64::try_from(support::PATIENCE.as_millis()).unwrap();
    let mut terminal = spawn_command(locally(&scene, &["receive"]), Some(patience)).unwrap();
    sees(&mut terminal, "cannot be reached");
    sees(&mut terminal, "Enter receive wormhole code: ");
    terminal.send("\t").unwrap();
    terminal.flush().unwrap();
    sees(&mut terminal, "local-");
    std::thread::sleep(std::time::Duration::from_secs(2)); // until the host has answered
    terminal.send("\tguit\treve\t\r").unwrap();
    terminal.flush().unwrap();
    sees(&mut terminal, "local-5-guitarist-revenge");
    let said = terminal.exp_eof().unwrap();
    assert!(said.contains("prompted"), "{said}");
    sender.end().with_code(0);
}

#[test]
fn a_guest_whose_host_is_gone_gives_up() {
    if !in_namespace(a_guest_whose_host_is_gone_gives_up) {
        return;
    }
    let scene = Scene::without_server();
    let host = start(&scene, &["exchange", "--code", "local-5-a", "--text", "x", "-v"]);
    host.wait_for_stderr("Wormhole code is");
    let other = ["exchange", "local-5-a", "--text", "y", "--json", "--appid", "another"];
    let guest = start(&scene, &other); // waits there for somebody who never comes
    guest.wait_for_stderr("waiting_for_peer");
    host.signal("KILL");
    let guest = guest.end().with_code(5);
    assert!(guest.stderr.contains("is gone"), "{}", guest.stderr);
}

#[test]
fn an_interrupted_host_leaves_at_once() {
    if !in_namespace(an_interrupted_host_leaves_at_once) {
        return;
    }
    let scene = Scene::without_server();
    let host = start(&scene, &["send", "--code", "local-5-a", "--text", "x"]);
    host.wait_for_stderr("Wormhole code is");
    host.signal("INT");
    host.end().with_code(130);
}
