//! Hexadecimal text, as bodies, PAKE messages and keys travel.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

/// Lower-case hex of `bytes`.
///
/// ```
/// assert_eq!(wormhole_sync_wire::hex::encode(&[0x53, 0xff]), "53ff");
/// ```
pub fn encode(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// The bytes behind hex `text` of either case, or `None` when it is not hex.
///
/// ```
/// use wormhole_sync_wire::hex;
///
/// assert_eq!(hex::decode("53fF"), Some(vec![0x53, 0xff]));
/// assert_eq!(hex::decode("53f"), None);
/// ```
pub fn decode(text: &str) -> Option<Vec<u8>> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()
}

/// Exactly `N` bytes from hex `text`, without allocating.
///
/// ```
/// use wormhole_sync_wire::hex;
///
/// assert_eq!(hex::decode_array("53ff"), Some([0x53, 0xff]));
/// assert_eq!(hex::decode_array::<3>("53ff"), None);
/// ```
pub fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let exact = HEXLOWER_PERMISSIVE.decode_len(text.len()) == Ok(N);
    (exact && HEXLOWER_PERMISSIVE.decode_mut(text.as_bytes(), &mut bytes) == Ok(N)).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_case_is_read_and_lower_case_is_written() {
        assert_eq!(decode("00fFAb"), Some(vec![0, 255, 0xab]));
        assert_eq!(encode(&[0, 255, 0xab]), "00ffab");
    }

    #[test]
    fn odd_lengths_and_other_letters_are_refused() {
        for text in ["0", "0g", "0x", "é0", " 00"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn an_array_takes_its_exact_length_only() {
        assert_eq!(decode_array::<2>("beef"), Some([0xbe, 0xef]));
        assert_eq!(decode_array::<2>("beefbe"), None);
        assert_eq!(decode_array::<2>("be"), None);
        assert_eq!(decode_array::<2>("beeg"), None);
        assert_eq!(decode_array::<0>(""), Some([]));
    }
}
