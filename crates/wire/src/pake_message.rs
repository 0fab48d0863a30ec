//! The body of phase `pake`: one point of the key exchange, in JSON.

use serde::{Deserialize, Serialize};

use crate::{hex, object::is_object};

/// The bytes of a SPAKE2 message: a prefix and a point.
///
/// ```
/// use wormhole_sync_wire::pake_message::{PAKE_BYTES, decode, encode};
///
/// let message = [0x53; PAKE_BYTES];
/// assert_eq!(decode(&encode(&message)), Some(message));
/// ```
pub const PAKE_BYTES: usize = 33;

#[derive(Serialize, Deserialize)]
struct Body<T> {
    pake_v1: T,
}

/// The JSON that carries `message`.
///
/// ```
/// use wormhole_sync_wire::pake_message::encode;
///
/// let body = String::from_utf8(encode(&[0x53; 33])).unwrap();
/// assert_eq!(body, format!(r#"{{"pake_v1":"{}"}}"#, "53".repeat(33)));
/// ```
pub fn encode(message: &[u8; PAKE_BYTES]) -> Vec<u8> {
    format!("{{\"pake_v1\":\"{}\"}}", hex::encode(message)).into_bytes()
}

/// The message inside JSON `body`; `None` when it is anything but 66 hex digits under `pake_v1`.
/// Further keys are ignored.
///
/// ```
/// use wormhole_sync_wire::pake_message::decode;
///
/// let body = format!(r#"{{"pake_v1":"{}","pake_v2":"later"}}"#, "53".repeat(33));
/// assert_eq!(decode(body.as_bytes()), Some([0x53; 33]));
/// assert_eq!(decode(br#"{"pake_v1":"53"}"#), None);
/// ```
pub fn decode(body: &[u8]) -> Option<[u8; PAKE_BYTES]> {
    let body = Some(body).filter(|body| is_object(body))?;
    let body: Body<std::borrow::Cow<'_, str>> = serde_json::from_slice(body).ok()?;
    hex::decode_array(&body.pake_v1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let message = [0x53; PAKE_BYTES];
        assert_eq!(decode(&encode(&message)), Some(message));
        let spaced = format!("{{ \"v\": 2, \"pake_v1\" : \"{}\" }}", "5A".repeat(PAKE_BYTES));
        assert_eq!(decode(spaced.as_bytes()), Some([0x5a; PAKE_BYTES]));
    }

    #[test]
    fn anything_else_is_refused() {
        let short = format!("{{\"pake_v1\":\"{}\"}}", "00".repeat(PAKE_BYTES - 1));
        let long = format!("{{\"pake_v1\":\"{}\"}}", "00".repeat(PAKE_BYTES + 1));
        let letters = format!("{{\"pake_v1\":\"{}\"}}", "zz".repeat(PAKE_BYTES));
        let array = format!("[\"{}\"]", "53".repeat(PAKE_BYTES));
        for body in
            [&array, &short, &long, &letters, "", "{}", "[]", "{\"pake_v1\":1}", "\u{feff}{}"]
        {
            assert_eq!(decode(body.as_bytes()), None, "{body}");
        }
        assert_eq!(decode(&[0xff, 0xfe]), None);
    }
}
