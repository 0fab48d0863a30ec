//! What tells a JSON object from other JSON before it is read.

/// Whether `json` can only be an object. Derived readers would take an array of the fields' values
/// for one as well, which no other implementation does.
pub(crate) fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().starts_with(b"{")
}
