//! The plaintext of phase `version`: what a side's application and library can do.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::object::is_object;

/// A side's versions and abilities.
///
/// ```
/// use wormhole_sync_wire::version_message::VersionMessage;
///
/// let mut message = VersionMessage::default();
/// message.app_versions.insert("chat".into(), 2.into());
/// assert_eq!(message.encode(), br#"{"app_versions":{"chat":2}}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VersionMessage {
    /// The application's own words: any JSON object.
    #[serde(default)]
    pub app_versions: Map<String, Value>,
    /// The dilation versions that the side can speak, best first; empty when it cannot.
    #[serde(default, rename = "can-dilate", skip_serializing_if = "Vec::is_empty")]
    pub can_dilate: Vec<String>,
    /// How the side can be reached for dilation.
    #[serde(default, rename = "dilation-abilities", skip_serializing_if = "Vec::is_empty")]
    pub dilation_abilities: Vec<Ability>,
}

/// One way in which a side can be reached.
///
/// ```
/// use wormhole_sync_wire::version_message::{Ability, VersionMessage};
///
/// let plaintext = br#"{"can-dilate":["ged"],"dilation-abilities":[{"type":"direct-tcp-v1"}]}"#;
/// let message = VersionMessage::decode(plaintext).unwrap();
/// assert_eq!(message.dilation_abilities, [Ability { kind: "direct-tcp-v1".into() }]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ability {
    /// `direct-tcp-v1`, `relay-v1`, or a name that this library does not know.
    #[serde(rename = "type")]
    pub kind: String,
}

impl VersionMessage {
    /// The JSON that is sealed.
    ///
    /// ```
    /// let message = wormhole_sync_wire::version_message::VersionMessage::default();
    /// assert_eq!(message.encode(), br#"{"app_versions":{}}"#);
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        // A struct of strings and a JSON object cannot fail to become JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads an opened plaintext; `None` when it is not such an object.
    ///
    /// ```
    /// use wormhole_sync_wire::version_message::VersionMessage;
    ///
    /// let message = VersionMessage::decode(br#"{"app_versions":{"chat":2},"later":true}"#).unwrap();
    /// assert_eq!(message.app_versions["chat"], 2);
    /// assert_eq!(VersionMessage::decode(br#"["chat", 2]"#), None);
    /// ```
    pub fn decode(plaintext: &[u8]) -> Option<Self> {
        if is_object(plaintext) { serde_json::from_slice(plaintext).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_form_is_what_peers_write() {
        assert_eq!(VersionMessage::default().encode(), br#"{"app_versions":{}}"#);
    }

    #[test]
    fn abilities_and_unknown_keys_are_read() {
        let text = br#"{"can-dilate":["ged","1"],"dilation-abilities":[{"type":"direct-tcp-v1"},{"type":"x","y":1}],
                        "app_versions":{"a":{"b":[1]}},"later":true}"#;
        let message = VersionMessage::decode(text).unwrap();
        assert_eq!(message.can_dilate, ["ged", "1"]);
        assert_eq!(message.dilation_abilities.len(), 2);
        assert_eq!(message.app_versions["a"]["b"][0], 1);
        assert_eq!(VersionMessage::decode(&message.encode()), Some(message));
    }

    #[test]
    fn what_is_no_such_object_is_refused() {
        let deep =
            format!("{{\"app_versions\":{{\"a\":{}{}}}}}", "[".repeat(10_000), "]".repeat(10_000));
        for text in
            ["", "[1]", "[{}]", "null", "{\"app_versions\":[1]}", "{\"can-dilate\":\"ged\"}", &deep]
        {
            assert_eq!(VersionMessage::decode(text.as_bytes()), None);
        }
    }
}
