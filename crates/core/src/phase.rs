//! Sealed and opened phases, and the order of the application's messages.

use std::collections::BTreeMap;

use crypto_secretbox::{KeyInit, XSalsa20Poly1305, aead::Aead};
use wormhole_sync_wire::{Phase, Side};

use crate::key::{Purpose, SharedKey};

pub use crate::mailbox::Sealed;

/// Bytes of the random nonce at the head of a sealed body.
///
/// ```
/// use wormhole_sync_core::{phase::{NONCE_BYTES, seal}, wire::{Phase, Side}};
///
/// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
/// # let (side, phase) = (Side::new("5e1f")?, Phase::Numbered(0));
/// let body = seal(&ours, &side, &phase, [7; NONCE_BYTES], b"hello");
/// assert_eq!(&body[..NONCE_BYTES], [7; NONCE_BYTES]);
/// # let _ = theirs;
/// # Ok::<(), wormhole_sync_core::wire::InvalidName>(())
/// ```
pub const NONCE_BYTES: usize = 24;

/// Messages of the peer's that may wait for an earlier one. Servers deliver in order, so that an
/// honest peer needs none.
///
/// ```
/// use wormhole_sync_core::phase::{MAX_AHEAD, Order, TooFarAhead};
///
/// let mut order = Order::default();
/// for number in 1..=MAX_AHEAD as u64 {
///     assert_eq!(order.insert(number, b"waits for 0".to_vec()), Ok(()));
/// }
/// assert_eq!(order.insert(1_000, b"too many".to_vec()), Err(TooFarAhead));
/// ```
pub const MAX_AHEAD: usize = 64;

/// A plaintext that opened under the shared key: nobody but the peer can have made it.
///
/// ```
/// use wormhole_sync_core::{phase::{Sealed, seal}, wire::{Phase, Side}};
///
/// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
/// # let (side, phase) = (Side::new("5e1f")?, Phase::Numbered(0));
/// # let body = seal(&theirs, &side, &phase, [7; 24], b"hello");
/// let opened = Sealed { side, phase, body }.open(&ours).expect("the peer sealed it");
/// assert_eq!(opened.phase(), &Phase::Numbered(0));
/// assert_eq!(opened.into_plaintext(), b"hello");
/// # Ok::<(), wormhole_sync_core::wire::InvalidName>(())
/// ```
pub struct Opened {
    phase: Phase,
    plaintext: Vec<u8>,
}

/// A body did not open.
///
/// ```
/// use wormhole_sync_core::{phase::{Sealed, Unopened, seal}, wire::{Phase, Side}};
///
/// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
/// # let (side, phase) = (Side::new("5e1f")?, Phase::Numbered(0));
/// # let body = seal(&theirs, &side, &phase, [7; 24], b"hello");
/// let as_another = Sealed { side, phase: Phase::Numbered(1), body };
/// assert_eq!(as_another.open(&ours).err(), Some(Unopened)); // it was sealed as phase 0
/// # Ok::<(), wormhole_sync_core::wire::InvalidName>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unopened;

/// Seals `plaintext` as `side`'s `phase`.
///
/// ```
/// use wormhole_sync_core::{phase::{Sealed, seal}, wire::{Phase, Side}};
///
/// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
/// let (side, phase) = (Side::new("5e1f")?, Phase::Version);
/// let body = seal(&ours, &side, &phase, [7; 24], b"{}"); // the nonce must never come twice
/// let opened = Sealed { side, phase, body }.open(&theirs);
/// assert_eq!(opened.unwrap().into_plaintext(), b"{}");
/// # Ok::<(), wormhole_sync_core::wire::InvalidName>(())
/// ```
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
    ///
    /// ```
    /// use wormhole_sync_core::{phase::{Sealed, seal}, wire::{Phase, Side}};
    ///
    /// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
    /// # let (side, phase) = (Side::new("5e1f")?, Phase::Numbered(0));
    /// # let body = seal(&theirs, &side, &phase, [7; 24], b"hello");
    /// let mut sealed = Sealed { side, phase, body };
    /// assert!(sealed.open(&ours).is_ok());
    /// sealed.body[30] ^= 1; // somebody touched it
    /// assert!(sealed.open(&ours).is_err());
    /// # Ok::<(), wormhole_sync_core::wire::InvalidName>(())
    /// ```
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
    ///
    /// ```
    /// use wormhole_sync_core::{phase::{Sealed, seal}, wire::{Phase, Side}};
    ///
    /// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
    /// # let (side, phase) = (Side::new("5e1f")?, Phase::Numbered(0));
    /// # let body = seal(&theirs, &side, &phase, [7; 24], b"hello");
    /// let opened = Sealed { side, phase, body }.open(&ours).unwrap();
    /// assert_eq!(opened.phase(), &Phase::Numbered(0));
    /// # Ok::<(), wormhole_sync_core::wire::InvalidName>(())
    /// ```
    pub const fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The plaintext.
    ///
    /// ```
    /// use wormhole_sync_core::{phase::{Sealed, seal}, wire::{Phase, Side}};
    ///
    /// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
    /// # let (side, phase) = (Side::new("5e1f")?, Phase::Numbered(0));
    /// # let body = seal(&theirs, &side, &phase, [7; 24], b"hello");
    /// let opened = Sealed { side, phase, body }.open(&ours).unwrap();
    /// assert_eq!(opened.into_plaintext(), b"hello");
    /// # Ok::<(), wormhole_sync_core::wire::InvalidName>(())
    /// ```
    pub fn into_plaintext(self) -> Vec<u8> {
        self.plaintext
    }
}

/// Puts the peer's numbered messages in order and drops what came twice.
///
/// ```
/// use wormhole_sync_core::phase::Order;
///
/// let mut order = Order::default();
/// order.insert(1, b"world".to_vec())?;
/// assert_eq!(order.pop(), None); // 0 is missing
/// order.insert(0, b"hello".to_vec())?;
/// assert_eq!((order.pop(), order.pop()), (Some(b"hello".to_vec()), Some(b"world".to_vec())));
/// # Ok::<(), wormhole_sync_core::phase::TooFarAhead>(())
/// ```
#[derive(Default)]
pub struct Order {
    next: u64,
    ahead: BTreeMap<u64, Vec<u8>>,
}

/// More messages came ahead of their turn than [`MAX_AHEAD`].
///
/// ```
/// use wormhole_sync_core::phase::{Order, TooFarAhead};
///
/// let mut order = Order::default();
/// let flood = (1..).find_map(|number| order.insert(number, Vec::new()).err());
/// assert_eq!(flood, Some(TooFarAhead));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFarAhead;

impl Order {
    /// Whether message `number` is new. One that is not need not be opened.
    ///
    /// ```
    /// use wormhole_sync_core::phase::Order;
    ///
    /// let mut order = Order::default();
    /// order.insert(5, b"early".to_vec())?;
    /// assert!(order.wants(0) && !order.wants(5));
    /// # Ok::<(), wormhole_sync_core::phase::TooFarAhead>(())
    /// ```
    pub fn wants(&self, number: u64) -> bool {
        number >= self.next && !self.ahead.contains_key(&number)
    }

    /// Takes message `number`.
    ///
    /// ```
    /// use wormhole_sync_core::phase::Order;
    ///
    /// let mut order = Order::default();
    /// order.insert(0, b"hello".to_vec())?;
    /// order.insert(0, b"again".to_vec())?; // dropped
    /// assert_eq!(order.pop(), Some(b"hello".to_vec()));
    /// assert_eq!(order.pop(), None);
    /// # Ok::<(), wormhole_sync_core::phase::TooFarAhead>(())
    /// ```
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
    ///
    /// ```
    /// use wormhole_sync_core::phase::Order;
    ///
    /// let mut order = Order::default();
    /// for (number, message) in [(2, "c"), (0, "a"), (1, "b")] {
    ///     order.insert(number, message.into())?;
    /// }
    /// let messages: Vec<_> = std::iter::from_fn(|| order.pop()).collect();
    /// assert_eq!(messages.concat(), b"abc");
    /// # Ok::<(), wormhole_sync_core::phase::TooFarAhead>(())
    /// ```
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
