//! The messages of file transfer v1: JSON objects over the numbered phases.
//!
//! Several keys may share one object; unknown ones are ignored.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::object::is_object;

/// One message of either side.
///
/// ```
/// use wormhole_sync_wire::transfer_message::{Offer, TransferMessage};
///
/// let offer = Some(Offer::Message("hello".into()));
/// let message = TransferMessage { offer, ..TransferMessage::default() };
/// assert_eq!(message.encode(), br#"{"offer":{"message":"hello"}}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TransferMessage {
    /// How the side can be reached for the bytes of a file. Not looked into yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transit: Option<Value>,
    /// What the sender has to give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
    /// The receiver's consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// Why the side gives up: a stranger's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a sender has to give.
///
/// ```
/// use wormhole_sync_wire::transfer_message::{Offer, TransferMessage};
///
/// let plaintext = br#"{"offer":{"file":{"filename":"plan.pdf","filesize":70213}}}"#;
/// match TransferMessage::decode(plaintext).unwrap().offer {
///     Some(Offer::File(file)) => assert_eq!(file["filesize"], 70_213),
///     _ => panic!("a file is offered"),
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Offer {
    /// A text, which is here already.
    Message(String),
    /// A file.
    File(Value),
    /// A directory.
    Directory(Value),
}

/// A receiver's consent.
///
/// ```
/// use wormhole_sync_wire::transfer_message::{Answer, TransferMessage};
///
/// let answer = Some(Answer { message_ack: Some("ok".into()), file_ack: None });
/// let message = TransferMessage { answer, ..TransferMessage::default() };
/// assert_eq!(message.encode(), br#"{"answer":{"message_ack":"ok"}}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// `ok` to a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_ack: Option<String>,
    /// `ok` to a file or directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_ack: Option<String>,
}

impl TransferMessage {
    /// The JSON that is sent.
    ///
    /// ```
    /// use wormhole_sync_wire::transfer_message::TransferMessage;
    ///
    /// let error = Some("transfer rejected".into());
    /// let message = TransferMessage { error, ..TransferMessage::default() };
    /// assert_eq!(message.encode(), br#"{"error":"transfer rejected"}"#);
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        // A struct of strings and JSON values cannot fail to become JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a plaintext; `None` when it is not such an object.
    ///
    /// ```
    /// use wormhole_sync_wire::transfer_message::TransferMessage;
    ///
    /// let message = TransferMessage::decode(br#"{"error":"disk full","later":1}"#).unwrap();
    /// assert_eq!(message.error.as_deref(), Some("disk full"));
    /// assert_eq!(TransferMessage::decode(b"[]"), None);
    /// ```
    pub fn decode(plaintext: &[u8]) -> Option<Self> {
        if is_object(plaintext) { serde_json::from_slice(plaintext).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_python_tool() {
        for (text, message) in [
            (
                r#"{"offer":{"message":"hi \u00e9"}}"#,
                TransferMessage {
                    offer: Some(Offer::Message("hi é".into())),
                    ..Default::default()
                },
            ),
            (
                r#"{"answer":{"message_ack":"ok"}}"#,
                TransferMessage {
                    answer: Some(Answer { message_ack: Some("ok".into()), file_ack: None }),
                    ..Default::default()
                },
            ),
            (
                r#"{"error":"transfer rejected"}"#,
                TransferMessage { error: Some("transfer rejected".into()), ..Default::default() },
            ),
        ] {
            assert_eq!(TransferMessage::decode(text.as_bytes()).unwrap(), message);
            assert_eq!(TransferMessage::decode(&message.encode()).unwrap(), message);
        }
    }

    #[test]
    fn several_keys_and_unknown_ones_may_share_a_message() {
        let text = br#"{"transit":{"hints-v1":[]},"offer":{"file":{"filename":"x","filesize":3}},"later":[1]}"#;
        let message = TransferMessage::decode(text).unwrap();
        assert!(message.transit.is_some());
        assert!(matches!(message.offer, Some(Offer::File(_))));
    }

    #[test]
    fn what_is_no_such_object_is_refused() {
        for text in [
            "",
            "[1]",
            "1",
            r#"{"offer":{"song":"x"}}"#,
            r#"{"offer":{"message":1}}"#,
            r#"{"error":{}}"#,
        ] {
            assert_eq!(TransferMessage::decode(text.as_bytes()), None, "{text}");
        }
    }
}
