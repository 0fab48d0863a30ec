//! What tells a JSON object from other JSON before it is read, and null from nothing.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Whether `json` can only be an object. Derived readers would take an array of the fields' values
/// for one as well, which no other implementation does.
pub(crate) fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().starts_with(b"{")
}

/// A field that may be null and is there all the same.
pub(crate) fn even_null<'de, D>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error>
where
    D: Deserializer<'de>,
{
    <&RawValue>::deserialize(deserializer).map(Some)
}
