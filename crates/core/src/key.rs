//! The shared key, and the keys for each purpose that come out of it.
//!
//! Derivation is HKDF-SHA256 with an empty salt; what sets keys apart is the info text. No key has
//! `Debug`, and each is wiped when dropped.

use std::fmt;

use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use wormhole_sync_wire::{Phase, Side, hex};
use zeroize::Zeroizing;

/// Bytes of every key of the protocol.
///
/// ```
/// use wormhole_sync_core::key::{KEY_BYTES, Purpose};
///
/// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
/// let key: &[u8; KEY_BYTES] = &ours.derive(Purpose::Transit);
/// assert_eq!(key.len(), 32);
/// ```
pub const KEY_BYTES: usize = 32;

/// Most bytes of one derived key, by HKDF's own limit (RFC 5869, 255 hash lengths).
///
/// ```
/// use wormhole_sync_core::key::{DeriveError, MAX_DERIVED};
///
/// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
/// assert_eq!(ours.derive_for_application("stream", MAX_DERIVED)?.len(), 8_160);
/// assert!(ours.derive_for_application("stream", MAX_DERIVED + 1).is_err());
/// # Ok::<(), DeriveError>(())
/// ```
pub const MAX_DERIVED: usize = 255 * 32;

/// The key that the two sides agreed on.
///
/// ```
/// // `ours` on one side and `theirs` on the other, out of one key exchange
/// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
/// assert_eq!(ours.verifier(), theirs.verifier());
/// assert_eq!(ours.derive_for_application("disk", 16), theirs.derive_for_application("disk", 16));
/// ```
pub struct SharedKey(Zeroizing<[u8; KEY_BYTES]>);

/// A value that both sides can compare aloud: equal on both exactly when nobody sits between them.
///
/// It is no secret.
///
/// ```
/// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
/// let (shown_here, shown_there) = (ours.verifier().to_string(), theirs.verifier().to_string());
/// assert_eq!(shown_here, shown_there);
/// assert_eq!(shown_here.len(), 64); // hex
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Verifier([u8; KEY_BYTES]);

/// What a key is for.
///
/// ```
/// use wormhole_sync_core::key::Purpose;
///
/// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
/// assert_ne!(ours.derive(Purpose::Transit), ours.derive(Purpose::Dilation));
/// let disk = Purpose::Application("disk");
/// assert_eq!(ours.derive(disk), theirs.derive(disk));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    /// Sealing one phase of one side.
    Phase(&'a Side, &'a Phase),
    /// The verifier.
    Verifier,
    /// The bulk channel of file transfer. Constant even under another application id.
    Transit,
    /// Dilation.
    Dilation,
    /// Anything that the application names.
    Application(&'a str),
}

/// Why the application cannot have the key that it asks for.
///
/// ```
/// use wormhole_sync_core::key::DeriveError;
///
/// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
/// let error = ours.derive_for_application("wormhole:verifier", 32).unwrap_err();
/// assert_eq!(error, DeriveError::Reserved);
/// assert_eq!(ours.derive_for_application("disk", 0), Err(DeriveError::Length));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeriveError {
    /// The purpose begins with `wormhole:`, under which the protocol keeps its own keys: the
    /// verifier is public, and a phase key opens messages.
    Reserved,
    /// More than [`MAX_DERIVED`] bytes, or none.
    Length,
}

impl fmt::Display for DeriveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reserved => {
                "purposes that begin with 'wormhole:' are the protocol's own; choose another"
            }
            Self::Length => "a derived key has 1 to 8160 bytes; ask for fewer",
        })
    }
}

impl std::error::Error for DeriveError {}

impl SharedKey {
    /// Takes the outcome of the key exchange.
    pub(crate) fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The 32-byte key for one of the protocol's purposes or the application's.
    ///
    /// ```
    /// use wormhole_sync_core::key::Purpose;
    ///
    /// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
    /// assert_eq!(ours.derive(Purpose::Transit), theirs.derive(Purpose::Transit));
    /// ```
    pub fn derive(&self, purpose: Purpose<'_>) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        self.expand(&purpose.info(), &mut *key);
        key
    }

    /// A key of `length` bytes for an application's `purpose`, which is normalized to NFC.
    ///
    /// ```
    /// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
    /// let key = ours.derive_for_application("example.com/chat/history", 16)?;
    /// assert_eq!(key, theirs.derive_for_application("example.com/chat/history", 16)?);
    /// assert_ne!(key, theirs.derive_for_application("example.com/chat/avatar", 16)?);
    /// # Ok::<(), wormhole_sync_core::key::DeriveError>(())
    /// ```
    pub fn derive_for_application(
        &self,
        purpose: &str,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, DeriveError> {
        let info = Purpose::Application(purpose).info();
        if info.starts_with(b"wormhole:") {
            return Err(DeriveError::Reserved);
        }
        if length == 0 || length > MAX_DERIVED {
            return Err(DeriveError::Length);
        }
        let mut key = Zeroizing::new(vec![0; length]);
        self.expand(&info, &mut key);
        Ok(key)
    }

    /// The verifier of this key.
    ///
    /// ```
    /// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
    /// assert_eq!(ours.verifier(), theirs.verifier());
    /// ```
    pub fn verifier(&self) -> Verifier {
        Verifier(*self.derive(Purpose::Verifier))
    }

    fn expand(&self, info: &[u8], out: &mut [u8]) {
        // Fails for more than MAX_DERIVED bytes only, which no caller asks for.
        let done = Hkdf::<Sha256>::new(None, &*self.0).expand(info, out);
        debug_assert!(done.is_ok(), "longer than HKDF allows");
    }
}

impl Purpose<'_> {
    fn info(self) -> Vec<u8> {
        match self {
            Self::Phase(side, phase) => {
                let mut info = b"wormhole:phase:".to_vec();
                info.extend_from_slice(&Sha256::digest(side.as_bytes()));
                info.extend_from_slice(&Sha256::digest(phase.name().as_bytes()));
                info
            }
            Self::Verifier => b"wormhole:verifier".to_vec(),
            Self::Transit => b"lothar.com/wormhole/text-or-file-xfer/transit-key".to_vec(),
            Self::Dilation => b"dilation-v1".to_vec(),
            Self::Application(purpose) => purpose.nfc().collect::<String>().into_bytes(),
        }
    }
}

impl Verifier {
    /// The verifier's bytes.
    ///
    /// ```
    /// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
    /// assert_eq!(ours.verifier().as_bytes().len(), 32);
    /// assert_eq!(ours.verifier().as_bytes(), theirs.verifier().as_bytes());
    /// ```
    pub const fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_wiped_when_it_is_dropped() {
        fn wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let SharedKey(shared) = SharedKey::new([7; 32]);
        wiped(&shared);
        wiped(&SharedKey(shared).derive(Purpose::Dilation));
        wiped(&SharedKey::new([7; 32]).derive_for_application("disk", 16).unwrap());
    }

    #[test]
    fn an_application_cannot_ask_for_the_protocols_own_keys() {
        let key = SharedKey::new([7; 32]);
        for purpose in ["wormhole:verifier", "wormhole:phase:x", "wormhole:"] {
            assert_eq!(key.derive_for_application(purpose, 32).err(), Some(DeriveError::Reserved));
        }
    }

    #[test]
    fn lengths_beyond_hkdf_are_refused() {
        let key = SharedKey::new([7; 32]);
        assert_eq!(key.derive_for_application("x", 0).err(), Some(DeriveError::Length));
        assert_eq!(
            key.derive_for_application("x", MAX_DERIVED + 1).err(),
            Some(DeriveError::Length)
        );
        assert_eq!(key.derive_for_application("x", MAX_DERIVED).unwrap().len(), MAX_DERIVED);
    }

    #[test]
    fn purposes_are_normalized() {
        let key = SharedKey::new([7; 32]);
        let composed = key.derive_for_application("caf\u{e9}", 16).unwrap();
        assert_eq!(composed, key.derive_for_application("cafe\u{301}", 16).unwrap());
    }
}
