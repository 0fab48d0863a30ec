//! The events of `--json`, as docs/json.md has them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{relay::Relay, stage::Stage};
use crate::support::{event, events};

const DOCUMENTATION: &str = include_str!("../../../../docs/json.md");

/// What the documentation's table says of an event, by its name.
fn documented() -> BTreeMap<&'static str, &'static str> {
    let rows =
        DOCUMENTATION.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    rows.collect()
}

/// Every event, and every field of it, stands in the documentation.
#[track_caller]
fn assert_documented(stderr: &str) -> Vec<String> {
    let documented = documented();
    let mut names = Vec::new();
    for event in events(stderr) {
        let name = event["event"].as_str().unwrap().to_owned();
        let row = documented.get(&*name).unwrap_or_else(|| panic!("{name} is not documented"));
        for field in event.as_object().unwrap().keys().filter(|field| *field != "event") {
            assert!(row.contains(&format!("`{field}`")), "{field} of {name} is not documented");
        }
        names.push(name);
    }
    names
}

/// Those among the events that are about the transfer, each once, in their order.
fn about_the_transfer(names: &[String]) -> Vec<&str> {
    const MEETING: [&str; 9] = [
        "connecting",
        "connected",
        "welcome",
        "code",
        "waiting_for_peer",
        "key_agreed",
        "key_confirmed",
        "closed",
        "note",
    ];
    let mut names: Vec<&str> =
        names.iter().map(|name| &**name).filter(|name| !MEETING.contains(name)).collect();
    names.dedup();
    names
}

#[test]
fn a_file_is_told_of_from_the_offer_to_its_place() {
    let stage = Stage::new();
    stage.hole(".bashrc", 3_000_000);
    let (sender, receiver) = stage.moves(&["--json", ".bashrc"], &["--json", "--yes"]);
    let said = assert_documented(&sender.stderr);
    let expected = ["offering", "accepted", "route", "progress", "confirming", "delivered"];
    assert_eq!(about_the_transfer(&said), expected);
    let said = assert_documented(&receiver.stderr);
    assert_eq!(about_the_transfer(&said), ["offered", "route", "progress", "written"]);

    let offering =
        json!({"event": "offering", "kind": "file", "name": ".bashrc", "bytes": 3_000_000});
    assert_eq!(event(&sender.stderr, "offering"), offering);
    let offered = event(&receiver.stderr, "offered");
    assert_eq!((&offered["path"], offered["warning"].is_string()), (&json!("./.bashrc"), true));
    let route = event(&receiver.stderr, "route");
    assert_eq!(route, json!({"event": "route", "kind": "direct", "address": "127.0.0.1"}));
    let last =
        events(&sender.stderr).into_iter().rfind(|event| event["event"] == "progress").unwrap();
    assert_eq!((&last["bytes"], &last["total"]), (&json!(3_000_000), &json!(3_000_000)));
    assert_eq!(event(&sender.stderr, "delivered")["bytes"], 3_000_000);
    let written = json!({"event": "written", "path": "./.bashrc", "bytes": 3_000_000});
    assert_eq!(event(&receiver.stderr, "written"), written);
}

#[test]
fn a_directory_is_told_of_with_its_files_and_what_is_left_out() {
    let stage = Stage::new();
    stage.file("tree/one", "12345");
    std::os::unix::fs::symlink("nowhere", stage.from().join("tree/dangling")).unwrap();
    let (sender, receiver) =
        stage.moves(&["--json", "--ignore-unsendable-files", "tree"], &["--json", "--accept-file"]);
    let said = assert_documented(&sender.stderr);
    assert_eq!(about_the_transfer(&said)[..2], ["left_out", "offering"]);
    assert_documented(&receiver.stderr);
    let outline =
        |event: Value| (event["kind"].clone(), event["bytes"].clone(), event["files"].clone());
    let expected = (json!("directory"), json!(5), json!(1));
    assert_eq!(outline(event(&sender.stderr, "offering")), expected);
    assert_eq!(outline(event(&receiver.stderr, "offered")), expected);
    let left_out = event(&sender.stderr, "left_out");
    assert!(
        left_out["path"].as_str().unwrap().ends_with("dangling") && left_out["reason"].is_string()
    );
    let written = event(&receiver.stderr, "written");
    assert_eq!(written["bytes"], event(&sender.stderr, "delivered")["bytes"], "the archive's");
}

#[test]
fn a_question_a_relay_and_a_refusal_are_told_of() {
    let (stage, relay) = (Stage::new(), Relay::start());
    stage.file("plan.txt", "dig");
    let helper = ["--json", "--no-listen", "--transit-helper", &relay.url];
    let sender = stage.send(&[&helper[..], &["plan.txt"]].concat());
    let receiver = stage.receive(&helper, b"yes\n").end().with_code(0);
    let sender = sender.end().with_code(0);
    let said = assert_documented(&receiver.stderr);
    assert_eq!(about_the_transfer(&said)[..2], ["offered", "ask_accept"]);
    assert_eq!(event(&sender.stderr, "route")["kind"], "relay");

    let sender = stage.send(&["--json", "plan.txt"]);
    stage.receive(&["--json", "-o", "elsewhere"], b"no\n").end().with_code(8);
    let sender = sender.end().with_code(5);
    assert_documented(&sender.stderr);
    let error = event(&sender.stderr, "error");
    assert_eq!((&error["fault"], &error["exit"]), (&json!("peer"), &json!(5)));
}

#[test]
fn standard_output_has_no_path_and_hidden_progress_is_hidden() {
    let stage = Stage::new();
    stage.file("plan.txt", "dig");
    let (sender, receiver) = stage.moves(
        &["--json", "--hide-progress", "plan.txt"],
        &["--json", "--hide-progress", "--yes", "-o", "-"],
    );
    assert!(!(sender.stderr + &receiver.stderr).contains(r#""progress""#));
    assert_eq!(receiver.stdout, b"dig");
    let written = json!({"event": "written", "bytes": 3});
    assert_eq!(event(&receiver.stderr, "written"), written);
    assert!(event(&receiver.stderr, "offered").get("path").is_none());
}

#[test]
fn a_strangers_name_is_exact_in_json_and_harmless_in_a_sentence() {
    let stage = Stage::new();
    let name = "a\u{202e}gpj\u{200b}.exe";
    stage.file(name, "x");
    let sender = stage.send(&[name]);
    let receiver = stage.receive(&["--json"], b"no\n").end().with_code(8);
    assert_eq!(event(&receiver.stderr, "offered")["name"], name);
    sender.end().with_code(5);
    let sender = stage.send(&[name]);
    let receiver = stage.receive(&[], b"no\n").end().with_code(8);
    assert!(receiver.stderr.contains("\\u{202e}gpj"), "{}", receiver.stderr);
    assert!(!receiver.stderr.contains(['\u{202e}', '\u{200b}']), "{}", receiver.stderr);
    sender.end().with_code(5);
}
