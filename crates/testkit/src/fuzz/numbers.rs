//! Numbers of JSON that do not come back as they went.

use serde_json::Value;

/// Whether a number with a fraction or an exponent is somewhere in `value`. Such a number is read
/// to within the last bit only, so that it may differ after being written and read again.
pub(super) fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(values) => values.iter().any(has_fraction),
        Value::Object(fields) => fields.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}
