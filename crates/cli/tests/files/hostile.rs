//! What a stranger offers that is no offer, and sizes that cannot be.

use serde_json::json;
use wormhole_sync::TRANSFER_APP_ID;

use super::stage::Stage;
use crate::support::stranger;

/// Offers this over an honest wormhole, and returns what the other side answers.
fn offers(stage: &Stage, offer: &serde_json::Value) -> String {
    stranger::offers(&stage.scene.url, TRANSFER_APP_ID, offer)
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
