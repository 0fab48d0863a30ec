//! What an error says of the message that it is about.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::{RawValue, to_raw_value};
use wormhole_sync_wire::limits::{MAX_MESSAGE_ID, MAX_ORIG};

/// The message itself, when it is JSON and small. Of one that is long, or that is known by its
/// beginning only, what can be read of its `type` and `id`: its sender takes an error about nothing
/// for trouble of the connection, and would send it again on the next.
pub(super) fn orig(frame: &str) -> Option<Box<RawValue>> {
    let whole = (frame.len() <= MAX_ORIG).then(|| serde_json::from_str(frame).ok()).flatten();
    whole.or_else(|| {
        let mut name = Name::default();
        // What was read before an error counts.
        let _ = serde_json::Deserializer::from_str(frame).deserialize_map(&mut name);
        name.kind?;
        to_raw_value(&name).ok()
    })
}

#[derive(Default, Serialize)]
struct Name<'a> {
    #[serde(rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
}

impl<'de> Visitor<'de> for &mut Name<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let short = |raw: &'de RawValue| Some(raw).filter(|raw| raw.get().len() <= MAX_MESSAGE_ID);
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            match &*key {
                "type" => self.kind = short(map.next_value()?),
                "id" => self.id = short(map.next_value()?),
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(frame: &str) -> Option<String> {
        orig(frame).map(|orig| orig.get().to_owned())
    }

    #[test]
    fn a_small_message_comes_back_whole() {
        let frame = r#"{"type":"sing","song":"la"}"#;
        assert_eq!(told(frame).as_deref(), Some(frame));
    }

    #[test]
    fn a_long_one_is_named() {
        let long = "0".repeat(MAX_ORIG);
        let name = r#"{"type":"add","id":"a1"}"#;
        for frame in [
            format!(r#"{{"type":"add","id":"a1","phase":"0","body":"{long}"}}"#),
            format!(r#"{{"phase":"0","body":"{long}","id":"a1","type":"add"}}"#),
        ] {
            assert_eq!(told(&frame).as_deref(), Some(name));
        }
        assert_eq!(told(&format!(r#"{{"type":"{long}"}}"#)), None);
        assert_eq!(told(&format!(r#"{{"id":"a1","body":"{long}"}}"#)), None);
        assert_eq!(told(&long), None);
    }

    #[test]
    fn the_beginning_of_one_is_enough() {
        let frame = r#"{"type":"add","id":"a1","phase":"0","body":"00"#;
        assert_eq!(told(frame).as_deref(), Some(r#"{"type":"add","id":"a1"}"#));
        assert_eq!(told(frame.get(..16).unwrap()).as_deref(), Some(r#"{"type":"add"}"#));
        assert_eq!(told(frame.get(..10).unwrap()), None);
    }
}
