//! The hash of all bytes of a transfer.

use sha2::{Digest as _, Sha256};
use wormhole_sync_core::wire::transfer_message::Digest;

/// Takes bytes in their order. BLAKE3 chooses the widest vectors that the processor has; SHA-256 its own instructions,
/// where it has them.
pub(super) enum Hash {
    Sha256(Sha256),
    Blake3(Box<blake3::Hasher>),
}

impl Hash {
    pub(super) fn new(digest: Digest) -> Self {
        match digest {
            Digest::Sha256 => Self::Sha256(Sha256::new()),
            Digest::Blake3 => Self::Blake3(Box::default()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Blake3(hash) => _ = hash.update(bytes),
        }
    }

    pub(super) fn finish(self) -> [u8; 32] {
        match self {
            Self::Sha256(hash) => hash.finalize().into(),
            Self::Blake3(hash) => hash.finalize().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use wormhole_sync_core::wire::hex;

    use super::*;

    fn hashed(digest: Digest, pieces: &[&[u8]]) -> String {
        let mut hash = Hash::new(digest);
        for piece in pieces {
            hash.update(piece);
        }
        hex::encode(&hash.finish())
    }

    /// Of SHA-256 from FIPS 180-4, of BLAKE3 from its authors' test vectors: bytes that count from 0 to 250.
    #[test]
    fn published_values() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hashed(Digest::Sha256, &[b"a", b"bc"]), abc);
        let nothing = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(hashed(Digest::Blake3, &[]), nothing);
        let counting: Vec<u8> = (0..=250).cycle().take(102_400).collect();
        let expected = "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085";
        assert_eq!(hashed(Digest::Blake3, &[&counting]), expected);
        let (one, other) = counting.split_at(70_001);
        assert_eq!(hashed(Digest::Blake3, &[one, other]), expected);
    }
}
