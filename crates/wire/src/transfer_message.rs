//! The messages of file transfer v1: JSON objects over the numbered phases.
//!
//! Several keys may share one object; unknown ones are ignored.

use serde::{Deserialize, Serialize};

use crate::{
    hint::{Hint, understood},
    object::is_object,
};

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
    /// How the side can be reached for the bytes of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transit: Option<Transit>,
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

/// How a side can be reached.
///
/// ```
/// use wormhole_sync_wire::{hint::{Endpoint, Hint}, transfer_message::{Ability, Digest, Transit, TransferMessage}};
///
/// let transit = Transit {
///     abilities: vec![Ability::DirectTcp],
///     hints: vec![Hint::Direct(Endpoint::new("192.0.2.7", 4001).unwrap())],
///     digests: vec![Digest::Blake3],
/// };
/// let message = TransferMessage { transit: Some(transit), ..TransferMessage::default() };
/// assert_eq!(TransferMessage::decode(&message.encode()), Some(message));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Transit {
    /// What kinds of links the side knows.
    #[serde(default, rename = "abilities-v1", deserialize_with = "understood")]
    pub abilities: Vec<Ability>,
    /// Where it can be reached.
    #[serde(default, rename = "hints-v1", deserialize_with = "understood")]
    pub hints: Vec<Hint>,
    /// What it can take instead of SHA-256 of all bytes: an addition of ours, which other peers pass over.
    #[serde(
        default,
        rename = "digests-v1",
        deserialize_with = "understood",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub digests: Vec<Digest>,
}

/// The hash of all bytes that both sides take, and the receiver confirms.
///
/// ```
/// use wormhole_sync_wire::transfer_message::Digest;
///
/// assert_eq!(Digest::default(), Digest::Sha256, "what every peer knows");
/// assert_eq!(serde_json::to_string(&Digest::Blake3).unwrap(), r#""blake3""#);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Digest {
    /// SHA-256: the family's.
    #[default]
    Sha256,
    /// BLAKE3, of 32 bytes: a third of the time where the processor knows SHA-256, and a tenth where not. Both sides
    /// must have said that they take it.
    Blake3,
}

/// A kind of link.
///
/// ```
/// use wormhole_sync_wire::transfer_message::Ability;
///
/// assert_eq!(serde_json::to_string(&Ability::Relay).unwrap(), r#"{"type":"relay-v1"}"#);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Ability {
    /// TCP to the other side's own port.
    #[serde(rename = "direct-tcp-v1")]
    DirectTcp,
    /// By way of a relay.
    #[serde(rename = "relay-v1")]
    Relay,
}

/// What a sender has to give.
///
/// ```
/// use wormhole_sync_wire::transfer_message::{Offer, TransferMessage};
///
/// let plaintext = br#"{"offer":{"file":{"filename":"plan.pdf","filesize":70213}}}"#;
/// match TransferMessage::decode(plaintext).unwrap().offer {
///     Some(Offer::File(file)) => assert_eq!(file.size, 70_213),
///     _ => panic!("a file is offered"),
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Offer {
    /// A text, which is here already.
    Message(String),
    /// A file.
    File(FileOffer),
    /// A directory, as one archive.
    Directory(DirectoryOffer),
}

/// A file that is offered.
///
/// ```
/// use wormhole_sync_wire::transfer_message::{FileOffer, Offer, TransferMessage};
///
/// let file = FileOffer { name: "plan.pdf".into(), size: 3 };
/// let message = TransferMessage { offer: Some(Offer::File(file)), ..TransferMessage::default() };
/// assert_eq!(message.encode(), br#"{"offer":{"file":{"filename":"plan.pdf","filesize":3}}}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOffer {
    /// What the file is called: a stranger's text, and no path.
    #[serde(rename = "filename")]
    pub name: String,
    /// Its bytes.
    #[serde(rename = "filesize")]
    pub size: u64,
}

/// A directory that is offered.
///
/// ```
/// use wormhole_sync_wire::transfer_message::{DirectoryOffer, Offer, TransferMessage};
///
/// let text = br#"{"offer":{"directory":{"mode":"zipfile/deflated","dirname":"holiday",
///     "zipsize":1234,"numbytes":1000,"numfiles":2}}}"#;
/// let Some(Offer::Directory(directory)) = TransferMessage::decode(text).unwrap().offer else {
///     panic!("a directory is offered");
/// };
/// assert!(directory.is_zip());
/// assert_eq!((directory.name.as_str(), directory.files), ("holiday", 2));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryOffer {
    /// How it is packed: [`DirectoryOffer::ZIP`] from every peer so far.
    pub mode: String,
    /// What the directory is called: a stranger's text, and no path.
    #[serde(rename = "dirname")]
    pub name: String,
    /// Bytes of the archive.
    #[serde(rename = "zipsize")]
    pub archive_size: u64,
    /// Bytes of all files together, as the sender says.
    #[serde(rename = "numbytes")]
    pub bytes: u64,
    /// Number of files, without directories, as the sender says.
    #[serde(rename = "numfiles")]
    pub files: u64,
}

impl DirectoryOffer {
    /// What the family writes, though the entries are stored and not deflated.
    ///
    /// ```
    /// use wormhole_sync_wire::transfer_message::DirectoryOffer;
    ///
    /// assert_eq!(DirectoryOffer::ZIP, "zipfile/deflated");
    /// ```
    pub const ZIP: &str = "zipfile/deflated";

    /// Whether the directory comes as a zip file. Receivers take every mode that begins so.
    ///
    /// ```
    /// # use wormhole_sync_wire::transfer_message::DirectoryOffer;
    /// let directory = |mode: &str| DirectoryOffer {
    ///     mode: mode.into(), name: "x".into(), archive_size: 22, bytes: 0, files: 0,
    /// };
    /// assert!(directory("zipfile").is_zip());
    /// assert!(!directory("tarball").is_zip());
    /// ```
    pub fn is_zip(&self) -> bool {
        self.mode.starts_with("zipfile")
    }
}

/// What a receiver says at the end, as the one record of its direction.
///
/// ```
/// use wormhole_sync_wire::transfer_message::{Ack, Digest};
///
/// let ack = Ack::ok(Digest::Sha256, &[0xab; 32]);
/// assert_eq!(Ack::decode(&ack.encode()).unwrap(), ack);
/// assert!(ack.confirms(Digest::Sha256, &[0xab; 32]));
/// assert!(!ack.confirms(Digest::Sha256, &[0xcd; 32]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// `ok`, when everything has arrived.
    pub ack: String,
    /// Hex of the SHA-256 of all bytes that were received. Old receivers leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Hex of the BLAKE3 of them, where both sides take that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
}

impl Ack {
    /// Everything has arrived, with this hash.
    ///
    /// ```
    /// # use wormhole_sync_wire::transfer_message::{Ack, Digest};
    /// assert_eq!(Ack::ok(Digest::Sha256, &[0; 32]).ack, "ok");
    /// ```
    #[must_use]
    pub fn ok(digest: Digest, hash: &[u8; 32]) -> Self {
        let ok = Self { ack: "ok".to_owned(), ..Self::default() };
        let hash = Some(crate::hex::encode(hash));
        match digest {
            Digest::Sha256 => Self { sha256: hash, ..ok },
            Digest::Blake3 => Self { blake3: hash, ..ok },
        }
    }

    /// Whether the receiver has everything, and it is what has this hash.
    ///
    /// ```
    /// # use wormhole_sync_wire::transfer_message::{Ack, Digest};
    /// let old = Ack::decode(br#"{"ack":"ok"}"#).unwrap();
    /// assert!(old.confirms(Digest::Sha256, &[0; 32]));
    /// assert!(!Ack::ok(Digest::Blake3, &[0; 32]).confirms(Digest::Sha256, &[0; 32]));
    /// assert!(!old.confirms(Digest::Blake3, &[0; 32]), "who takes that is not old");
    /// ```
    pub fn confirms(&self, digest: Digest, hash: &[u8; 32]) -> bool {
        let same = |hex: &String| crate::hex::decode_array(hex).as_ref() == Some(hash);
        let confirmed = match digest {
            // Who names another hash is not old, and has confirmed something else.
            Digest::Sha256 => self.sha256.as_ref().map_or(self.blake3.is_none(), same),
            Digest::Blake3 => self.blake3.as_ref().is_some_and(same),
        };
        self.ack == "ok" && confirmed
    }

    /// The JSON of the record.
    ///
    /// ```
    /// # use wormhole_sync_wire::transfer_message::Ack;
    /// let nothing = Ack { ack: "ok".into(), ..Ack::default() };
    /// assert_eq!(nothing.encode(), br#"{"ack":"ok"}"#);
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        // A struct of strings cannot fail to become JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a record; `None` when it is no such object.
    ///
    /// ```
    /// # use wormhole_sync_wire::transfer_message::Ack;
    /// assert_eq!(Ack::decode(b"ok"), None);
    /// ```
    pub fn decode(record: &[u8]) -> Option<Self> {
        if is_object(record) { serde_json::from_slice(record).ok() } else { None }
    }
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
            r#"{"offer":{"file":{"filename":"x"}}}"#,
            r#"{"offer":{"file":{"filename":"x","filesize":-1}}}"#,
            r#"{"offer":{"file":{"filename":"x","filesize":1.5}}}"#,
            r#"{"offer":{"file":{"filename":"x","filesize":18446744073709551616}}}"#,
            r#"{"offer":{"file":{"filename":7,"filesize":1}}}"#,
            r#"{"offer":{"directory":{"dirname":"x","zipsize":1,"numbytes":1,"numfiles":1}}}"#,
            r#"{"transit":{"hints-v1":{}}}"#,
        ] {
            assert_eq!(TransferMessage::decode(text.as_bytes()), None, "{text}");
        }
    }
}
