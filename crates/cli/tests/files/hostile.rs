//! What a stranger offers: names that lead elsewhere, in each output mode, and sizes that cannot be.

use std::fs;

use serde_json::json;
use wormhole_sync::TRANSFER_APP_ID;

use super::stage::Stage;
use crate::support::{names, stranger};

/// The names of hostile-looking offers, each of which is refused where it would be used.
const NAMES: [&str; 14] = [
    "../evil",
    "a/../../evil",
    "/etc/evil",
    "",
    ".",
    "..",
    "dir/",
    "a/b",
    "nul\0byte",
    "../to-evil/x",
    "/",
    "//",
    "./x",
    "~/../x",
];

/// Offers this over an honest wormhole, and returns what the other side answers.
fn offers(stage: &Stage, offer: &serde_json::Value) -> String {
    stranger::offers(&stage.scene.url, TRANSFER_APP_ID, offer)
}

fn file(name: &str) -> serde_json::Value {
    json!({"file": {"filename": name, "filesize": 5}})
}

fn directory(name: &str) -> serde_json::Value {
    json!({"directory": {
        "mode": "zipfile/deflated", "dirname": name, "zipsize": 500, "numbytes": 5, "numfiles": 1
    }})
}

#[test]
fn a_name_that_leads_elsewhere_is_refused_where_it_would_be_used_and_nothing_is_made() {
    let stage = Stage::new();
    fs::create_dir(stage.to().join("inbox")).unwrap();
    for name in NAMES {
        for offer in [file(name), directory(name)] {
            for options in [&["--yes"][..], &["--yes", "-o", "inbox"]] {
                let receiver = stage.receive(options, b"");
                let answer = offers(&stage, &offer);
                assert!(answer.contains("transfer rejected: "), "{name:?}: {answer}");
                let said = receiver.end().with_code(5).stderr;
                assert!(said.contains("the other side's name"), "{name:?}: {said}");
            }
        }
    }
    assert_eq!(stage.stands(), ["inbox"]);
    assert_eq!(names(&stage.scene.home().join("to/inbox")), [""; 0]);
    assert_eq!(names(stage.scene.home()), ["from", "to"]);
}

#[test]
fn with_a_name_of_ones_own_the_strangers_is_only_shown() {
    let stage = Stage::new();
    for name in ["../evil", "\u{1b}[2J\u{202e}evil"] {
        for options in [&["-o", "mine"][..], &["-o", "-"]] {
            let receiver = stage.receive(options, b"n\n");
            assert!(offers(&stage, &file(name)).contains("transfer rejected"));
            let said = receiver.end().with_code(8).stderr;
            assert!(said.contains("evil'") && !said.contains(['\u{1b}', '\u{202e}']), "{said}");
        }
    }
    assert!(stage.stands().is_empty());
}

#[test]
fn a_size_or_a_mode_that_cannot_be_is_refused_before_anything_is_made() {
    let stage = Stage::new();
    let huge = json!({"file": {"filename": "x", "filesize": u64::MAX}});
    let bomb = json!({"directory": {
        "mode": "zipfile/deflated", "dirname": "x", "zipsize": 100, "numbytes": 1_u64 << 40, "numfiles": 1
    }});
    let tar = json!({"directory": {
        "mode": "tar", "dirname": "x", "zipsize": 100, "numbytes": 100, "numfiles": 1
    }});
    for (offer, code) in [(huge, 1), (bomb, 5), (tar, 5)] {
        let receiver = stage.receive(&["--yes"], b"");
        assert!(offers(&stage, &offer).contains("transfer rejected: "));
        receiver.end().with_code(code);
    }
    assert!(stage.stands().is_empty());
}

#[test]
fn an_offer_that_is_none_is_5_and_told() {
    let stage = Stage::new();
    for offer in [
        json!({"file": {"filename": "x"}}),
        json!({"file": {"filename": 5, "filesize": 5}}),
        json!({"file": {"filename": "x", "filesize": -1}}),
        json!({"file": {"filename": "x", "filesize": 1.5}}),
        json!({"hologram": {}}),
        json!([]),
    ] {
        let receiver = stage.receive(&["--yes"], b"");
        let answer = offers(&stage, &offer);
        assert!(answer.contains("error"), "{offer}: {answer}");
        receiver.end().with_code(5);
    }
    assert!(stage.stands().is_empty());
}
