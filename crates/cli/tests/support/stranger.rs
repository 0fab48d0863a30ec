//! A peer that knows the code, and says what the command would not.

use serde_json::json;
use wormhole_sync::{Code, Options, blocking::Wormhole};

use super::PATIENCE;

/// Offers this over an honest wormhole, and returns what the other side answers.
pub(crate) fn offers(url: &str, app_id: &str, offer: &serde_json::Value) -> String {
    let options = Options::new().rendezvous(url).time_limit(PATIENCE);
    let connected = Wormhole::connect(app_id, options).unwrap();
    let mut wormhole = connected
        .set_code(Code::parse("7-guitarist-revenge").unwrap())
        .unwrap()
        .confirmed()
        .unwrap();
    wormhole.send(json!({ "offer": offer }).to_string().as_bytes()).unwrap();
    let answer = wormhole.receive().unwrap();
    wormhole.close().unwrap();
    String::from_utf8(answer).unwrap()
}
