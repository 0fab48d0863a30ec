//! A peer that knows the code, and says what the command would not.

use serde_json::json;
use wormhole_sync::{Code, Options, blocking::Wormhole};

use super::PATIENCE;

/// The stranger, once somebody has taken the code 7-guitarist-revenge.
pub(crate) fn meets(url: &str, app_id: &str) -> Wormhole {
    let options = Options::new().rendezvous(url).time_limit(PATIENCE);
    let connected = Wormhole::connect(app_id, options).unwrap();
    let code = Code::parse("7-guitarist-revenge").unwrap();
    connected.set_code(code).unwrap().confirmed().unwrap()
}

/// Says this over an honest wormhole, and leaves.
pub(crate) fn says(url: &str, app_id: &str, words: &[u8]) {
    let mut wormhole = meets(url, app_id);
    wormhole.send(words).unwrap();
    wormhole.close().unwrap();
}

/// Offers this, and returns what the other side answers.
pub(crate) fn offers(url: &str, app_id: &str, offer: &serde_json::Value) -> String {
    let mut wormhole = meets(url, app_id);
    wormhole.send(json!({ "offer": offer }).to_string().as_bytes()).unwrap();
    let answer = wormhole.receive().unwrap();
    wormhole.close().unwrap();
    String::from_utf8(answer).unwrap()
}
