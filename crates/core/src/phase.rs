//! Sealed and opened phases, and the order of the application's messages.

use std::collections::BTreeMap;

use crypto_secretbox::{KeyInit, XSalsa20Poly1305, aead::Aead};
use wormhole_sync_wire::{Phase, Side};

use crate::key::{Purpose, SharedKey};

pub use crate::mailbox::Sealed;

/// Bytes of the random nonce at the head of a sealed body.
pub const NONCE_BYTES: usize = 24;

/// Messages of the peer's that may wait for an earlier one. Servers deliver in order, so that an
/// honest peer needs none.
pub const MAX_AHEAD: usize = 64;

/// A plaintext that opened under the shared key: nobody but the peer can have made it.
pub struct Opened {
    phase: Phase,
    plaintext: Vec<u8>,
}

/// A body did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unopened;

/// Seals `plaintext` as `side`'s `phase`.
pub fn seal(
    key: &SharedKey,
    side: &Side,
    phase: &Phase,
    nonce: [u8; NONCE_BYTES],
    plaintext: &[u8],
) -> Vec<u8> {
    let mut body = nonce.to_vec();
    // Fails for plaintexts of gigabytes only, and `limits::MAX_PLAINTEXT` is far below.
    let sealed = secretbox(key, side, phase).encrypt(&nonce.into(), plaintext).unwrap_or_default();
    body.extend_from_slice(&sealed);
    body
}

impl Sealed {
    /// Opens the body, or tells that it was not made with this key for this side and phase.
    pub fn open(&self, key: &SharedKey) -> Result<Opened, Unopened> {
        let (nonce, ciphertext) = self.body.split_first_chunk::<NONCE_BYTES>().ok_or(Unopened)?;
        let plaintext = secretbox(key, &self.side, &self.phase)
            .decrypt(nonce.into(), ciphertext)
            .map_err(|_| Unopened)?;
        Ok(Opened { phase: self.phase.clone(), plaintext })
    }
}

fn secretbox(key: &SharedKey, side: &Side, phase: &Phase) -> XSalsa20Poly1305 {
    XSalsa20Poly1305::new((&*key.derive(Purpose::Phase(side, phase))).into())
}

impl Opened {
    /// What it is about.
    pub const fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The plaintext.
    pub fn into_plaintext(self) -> Vec<u8> {
        self.plaintext
    }
}

/// Puts the peer's numbered messages in order and drops what came twice.
#[derive(Default)]
pub struct Order {
    next: u64,
    ahead: BTreeMap<u64, Vec<u8>>,
}

/// More messages came ahead of their turn than [`MAX_AHEAD`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFarAhead;

impl Order {
    /// Whether message `number` is new. One that is not need not be opened.
    pub fn wants(&self, number: u64) -> bool {
        number >= self.next && !self.ahead.contains_key(&number)
    }

    /// Takes message `number`.
    pub fn insert(&mut self, number: u64, plaintext: Vec<u8>) -> Result<(), TooFarAhead> {
        if self.wants(number) {
            if self.ahead.len() >= MAX_AHEAD && number != self.next {
                return Err(TooFarAhead);
            }
            self.ahead.insert(number, plaintext);
        }
        Ok(())
    }

    /// The next message whose turn it is.
    pub fn pop(&mut self) -> Option<Vec<u8>> {
        let plaintext = self.ahead.remove(&self.next)?;
        self.next += 1;
        Some(plaintext)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn side(name: &str) -> Side {
        Side::new(name).unwrap()
    }

    fn sealed(key: u8, by: &str, phase: Phase) -> Sealed {
        let body = seal(&SharedKey::new([key; 32]), &side(by), &phase, [9; 24], b"hello");
        Sealed { side: side(by), phase, body }
    }

    #[test]
    fn what_was_sealed_opens() {
        let opened =
            sealed(1, "a", Phase::Numbered(3)).open(&SharedKey::new([1; 32])).ok().unwrap();
        assert_eq!(opened.phase(), &Phase::Numbered(3));
        assert_eq!(opened.into_plaintext(), b"hello");
    }

    #[test]
    fn another_key_side_or_phase_does_not_open_it() {
        let message = || sealed(1, "a", Phase::Numbered(3));
        let key = SharedKey::new([1; 32]);
        assert!(message().open(&SharedKey::new([2; 32])).is_err());
        assert!(Sealed { side: side("b"), ..message() }.open(&key).is_err());
        assert!(Sealed { phase: Phase::Numbered(4), ..message() }.open(&key).is_err());
        assert!(Sealed { phase: Phase::Version, ..message() }.open(&key).is_err());
    }

    #[test]
    fn truncated_and_flipped_bodies_do_not_open() {
        let whole = sealed(1, "a", Phase::Version).body;
        let key = SharedKey::new([1; 32]);
        for length in 0..whole.len() {
            let body = whole[..length].to_vec();
            assert!(Sealed { side: side("a"), phase: Phase::Version, body }.open(&key).is_err());
        }
        for bit in 0..whole.len() * 8 {
            let mut body = whole.clone();
            body[bit / 8] ^= 1 << (bit % 8);
            assert!(Sealed { side: side("a"), phase: Phase::Version, body }.open(&key).is_err());
        }
    }

    #[test]
    fn a_peer_far_ahead_is_stopped() {
        let mut order = Order::default();
        for number in 1..=MAX_AHEAD as u64 {
            assert_eq!(order.insert(number, vec![]), Ok(()));
        }
        assert_eq!(order.insert(u64::MAX, vec![]), Err(TooFarAhead));
        assert_eq!(order.insert(0, vec![]), Ok(()), "the one that all wait for still comes in");
        assert_eq!(std::iter::from_fn(|| order.pop()).count(), MAX_AHEAD + 1);
    }

    proptest! {
        #[test]
        fn any_schedule_comes_out_once_and_in_order(numbers in proptest::collection::vec(0_u64..20, 0..60)) {
            let mut order = Order::default();
            let mut out = Vec::new();
            for number in &numbers {
                order.insert(*number, number.to_be_bytes().to_vec()).unwrap();
                out.extend(std::iter::from_fn(|| order.pop()));
            }
            let unbroken = (0..).take_while(|number| numbers.contains(number));
            let expected: Vec<Vec<u8>> = unbroken.map(|number: u64| number.to_be_bytes().to_vec()).collect();
            prop_assert_eq!(out, expected);
        }
    }
}
