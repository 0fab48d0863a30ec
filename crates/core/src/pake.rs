//! The key exchange: SPAKE2, symmetric, over the Ed25519 group.
//!
//! A password of a few bits becomes a strong key, and an attacker gets one guess for each
//! exchange that it takes part in. The mathematics are the `spake2` crate's; the checks on the
//! peer's message that it leaves out stand in `checked`.

use curve25519_dalek::{edwards::CompressedEdwardsY, traits::IsIdentity};
use rand_core::{CryptoRng, RngCore};
use spake2::{Ed25519Group, Identity, Password, Spake2};
use unicode_normalization::UnicodeNormalization;
use wormhole_sync_wire::{
    AppId,
    pake_message::{self, PAKE_BYTES},
};
use zeroize::Zeroizing;

use crate::{
    code::Code,
    error::BadPoint,
    key::{KEY_BYTES, SharedKey},
};

/// What SPAKE2 calls the symmetric role.
const SYMMETRIC: u8 = 0x53;

/// This side of an exchange that waits for the other's message. It can be finished once.
///
/// ```
/// use wormhole_sync_core::{Code, pake::Pake, wire::AppId};
///
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let (code, app_id) = (Code::parse("4-purple-sausages")?, AppId::new("example.com/chat")?);
/// # let random = |seed| ChaCha20Rng::from_seed([seed; 32]); // the operating system's, elsewhere
/// let one = Pake::start(&code, &app_id, random(1));
/// let other = Pake::start(&code, &app_id, random(2));
/// let (body, others) = (one.body(), other.body());
/// let (ours, theirs) = (one.finish(&others).unwrap(), other.finish(&body).unwrap());
/// assert_eq!(ours.verifier(), theirs.verifier());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pake {
    spake: Spake2<Ed25519Group>,
    message: [u8; PAKE_BYTES],
}

impl Pake {
    /// Begins an exchange over `code` for `app_id`.
    ///
    /// ```
    /// use wormhole_sync_core::{Code, pake::Pake, wire::AppId};
    ///
    /// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    /// # let (code, app_id) = (Code::parse("4-purple-sausages")?, AppId::new("example.com/chat")?);
    /// # let random = |seed| ChaCha20Rng::from_seed([seed; 32]); // the operating system's, elsewhere
    /// let one = Pake::start(&code, &app_id, random(1));
    /// let other = Pake::start(&code, &app_id, random(2));
    /// assert_ne!(one.body(), other.body()); // so that nobody takes one for the other
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start(code: &Code, app_id: &AppId, random: impl CryptoRng + RngCore) -> Self {
        let app_id: String = app_id.nfc().collect();
        let (spake, bytes) = Spake2::<Ed25519Group>::start_symmetric_with_rng(
            &Password::new(code.as_str()),
            &Identity::new(app_id.as_bytes()),
            random,
        );
        let mut message = [SYMMETRIC; PAKE_BYTES];
        debug_assert_eq!(bytes.len(), PAKE_BYTES, "an Ed25519 element and its prefix");
        message.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        Self { spake, message }
    }

    /// The body of this side's `pake` phase.
    ///
    /// ```
    /// use wormhole_sync_core::{Code, pake::Pake, wire::AppId};
    ///
    /// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    /// # let (code, app_id) = (Code::parse("4-purple-sausages")?, AppId::new("example.com/chat")?);
    /// # let random = |seed| ChaCha20Rng::from_seed([seed; 32]); // the operating system's, elsewhere
    /// let body = Pake::start(&code, &app_id, random(1)).body();
    /// assert!(body.starts_with(br#"{"pake_v1":"53"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn body(&self) -> Vec<u8> {
        pake_message::encode(&self.message)
    }

    /// Ends the exchange with the body of the peer's `pake` phase.
    ///
    /// ```
    /// use wormhole_sync_core::{Code, error::BadPoint, pake::Pake, wire::AppId};
    ///
    /// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    /// # let (code, app_id) = (Code::parse("4-purple-sausages")?, AppId::new("example.com/chat")?);
    /// # let random = |seed| ChaCha20Rng::from_seed([seed; 32]); // the operating system's, elsewhere
    /// let pake = Pake::start(&code, &app_id, random(1));
    /// let wrong = Pake::start(&Code::parse("4-purple-sausage")?, &app_id, random(2));
    /// let (ours, theirs) = (pake.body(), wrong.body());
    /// // a wrong code gives another key, and nothing tells so yet
    /// let keys = (pake.finish(&theirs).unwrap(), wrong.finish(&ours).unwrap());
    /// assert_ne!(keys.0.verifier(), keys.1.verifier());
    ///
    /// let pake = Pake::start(&code, &app_id, random(1));
    /// assert_eq!(pake.finish(b"{}").err(), Some(BadPoint::Malformed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn finish(self, body: &[u8]) -> Result<SharedKey, BadPoint> {
        let theirs = checked(body, &self.message)?;
        let key = self.spake.finish(&theirs).map_err(|_| BadPoint::NotAPoint)?;
        let key = Zeroizing::new(key);
        let key: [u8; KEY_BYTES] = key.as_slice().try_into().map_err(|_| BadPoint::Malformed)?;
        Ok(SharedKey::new(key))
    }
}

/// The peer's message, once it is one that an honest peer can send.
fn checked(body: &[u8], ours: &[u8; PAKE_BYTES]) -> Result<[u8; PAKE_BYTES], BadPoint> {
    let theirs = pake_message::decode(body).ok_or(BadPoint::Malformed)?;
    let [role, encoded @ ..] = theirs;
    if role != SYMMETRIC {
        return Err(BadPoint::WrongRole);
    }
    if theirs == *ours {
        return Err(BadPoint::Reflected);
    }
    let encoded = CompressedEdwardsY(encoded);
    let point = encoded.decompress().ok_or(BadPoint::NotAPoint)?;
    if point.compress() != encoded {
        return Err(BadPoint::NotAPoint); // a second spelling would slip past the test for reflection
    }
    if point.is_identity() {
        return Err(BadPoint::Identity);
    }
    if !point.is_torsion_free() {
        return Err(BadPoint::SmallOrder);
    }
    Ok(theirs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    fn pake(code: &str, app_id: &str, seed: u8) -> Pake {
        let code = Code::parse(code).ok().unwrap();
        Pake::start(&code, &AppId::new(app_id).unwrap(), ChaCha20Rng::from_seed([seed; 32]))
    }

    fn agree(one: Pake, other: Pake) -> bool {
        let (body, others) = (one.body(), other.body());
        let keys = (one.finish(&others).ok().unwrap(), other.finish(&body).ok().unwrap());
        keys.0.verifier() == keys.1.verifier()
    }

    #[test]
    fn the_same_code_and_application_give_the_same_key() {
        assert!(agree(pake("4-a", "app", 1), pake("4-a", "app", 2)));
        assert!(agree(pake("1-caf\u{e9}", "\u{e9}", 1), pake("1-cafe\u{301}", "e\u{301}", 2)));
    }

    #[test]
    fn another_code_number_or_application_gives_another_key() {
        assert!(!agree(pake("4-a", "app", 1), pake("4-b", "app", 2)));
        assert!(!agree(pake("4-a", "app", 1), pake("5-a", "app", 2)));
        assert!(!agree(pake("4-a", "app", 1), pake("4-a", "another", 2)));
    }

    #[test]
    fn our_own_message_is_not_taken_for_the_peers() {
        let ours = pake("4-a", "app", 1);
        let body = ours.body();
        assert_eq!(ours.finish(&body).err(), Some(BadPoint::Reflected));
    }

    #[test]
    fn what_is_no_message_is_malformed() {
        for body in [&b""[..], b"{}", b"[]", br#"{"pake_v1":"53"}"#, &[0xff; 40]] {
            assert_eq!(pake("4-a", "app", 1).finish(body).err(), Some(BadPoint::Malformed));
        }
    }
}
