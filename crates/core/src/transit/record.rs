//! Records: sealed with a counter for a nonce, between the caller's buffers.

use std::fmt;

use dryoc::classic::crypto_secretbox::{crypto_secretbox_easy, crypto_secretbox_open_easy};
use wormhole_sync_wire::{
    limits::MAX_RECORD,
    transit::{LENGTH_BYTES, NONCE_BYTES, TAG_BYTES},
};
use zeroize::Zeroizing;

use crate::key::KEY_BYTES;

/// Bytes that a record adds to its plaintext: length (4), nonce (24) and tag (16).
///
/// ```
/// assert_eq!(wormhole_sync_core::transit::OVERHEAD, 44);
/// ```
pub const OVERHEAD: usize = LENGTH_BYTES + NONCE_BYTES + TAG_BYTES;

/// Why what the peer wrote is no record. The link is of no use afterwards.
///
/// ```
/// use wormhole_sync_core::transit::{RecordError, frame};
///
/// assert_eq!(frame(&[0xff; 4]), Err(RecordError::Length(0xffff_ffff)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// Shorter than nonce and tag, or longer than
    /// [`MAX_RECORD`] allows.
    Length(u32),
    /// Not the next number: replayed, reordered, or left out.
    Order,
    /// Not sealed with the key of this transfer.
    Forged,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => write!(f, "a record of {length} bytes, which no peer sends"),
            Self::Order => f.write_str("a record out of its order"),
            Self::Forged => f.write_str("a record that is not the peer's"),
        }
    }
}

impl std::error::Error for RecordError {}

/// Seals one direction's records. Each number is used once: the counter cannot be set, and
/// overflow stops the program long after the sun.
///
/// ```
/// use wormhole_sync_core::{transit::{OVERHEAD, TransitKey}, wire::transit::Role};
///
/// # let key = TransitKey::new(&wormhole_sync_testkit::doc::keys().0);
/// let mut sealer = key.sealer(Role::Sender);
/// let mut batch = [0; 2 * (3 + OVERHEAD)]; // two records, for one write
/// let first = sealer.seal(b"one", &mut batch).unwrap();
/// sealer.seal(b"two", &mut batch[first..]).unwrap();
/// ```
pub struct Sealer {
    key: Zeroizing<[u8; KEY_BYTES]>,
    next: u64,
}

impl Sealer {
    pub(super) const fn new(key: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self { key, next: 0 }
    }

    /// Writes the record of `plaintext` to the beginning of `space`; its length, or `None` where the
    /// space is too short or the plaintext longer than [`MAX_RECORD`].
    ///
    /// ```
    /// use wormhole_sync_core::{transit::TransitKey, wire::transit::Role};
    ///
    /// # let key = TransitKey::new(&wormhole_sync_testkit::doc::keys().0);
    /// let mut sealer = key.sealer(Role::Sender);
    /// assert_eq!(sealer.seal(b"four", &mut [0; 48]), Some(48));
    /// assert_eq!(sealer.seal(b"four", &mut [0; 47]), None);
    /// ```
    pub fn seal(&mut self, plaintext: &[u8], space: &mut [u8]) -> Option<usize> {
        let length = u32::try_from(NONCE_BYTES + TAG_BYTES + plaintext.len()).ok()?;
        if plaintext.len() > MAX_RECORD {
            return None;
        }
        let nonce = nonce(self.next);
        let (prefix, rest) = space.split_first_chunk_mut::<LENGTH_BYTES>()?;
        let (shown, rest) = rest.split_first_chunk_mut::<NONCE_BYTES>()?;
        let sealed = rest.get_mut(..plaintext.len() + TAG_BYTES)?;
        crypto_secretbox_easy(sealed, plaintext, &nonce, &self.key).ok()?;
        *prefix = length.to_be_bytes();
        *shown = nonce;
        self.next += 1;
        Some(plaintext.len() + OVERHEAD)
    }
}

/// Opens one direction's records, in their order.
///
/// ```
/// use wormhole_sync_core::{transit::{RecordError, TransitKey}, wire::transit::Role};
///
/// # let key = TransitKey::new(&wormhole_sync_testkit::doc::keys().0);
/// let (mut sealer, mut opener) = (key.sealer(Role::Sender), key.opener(Role::Sender));
/// let (mut record, mut plaintext) = ([0; 48], [0; 4]);
/// sealer.seal(b"four", &mut record).unwrap();
/// assert_eq!(opener.open(&record[4..], &mut plaintext), Ok(4));
/// assert_eq!(opener.open(&record[4..], &mut plaintext), Err(RecordError::Order)); // replayed
/// ```
pub struct Opener {
    key: Zeroizing<[u8; KEY_BYTES]>,
    next: u64,
}

impl Opener {
    pub(super) const fn new(key: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self { key, next: 0 }
    }

    /// Writes the plaintext of the next record, `sealed` without its length, to the beginning of
    /// `space`; its length. Where it does not open, `space` holds nothing of the peer's to be used.
    ///
    /// ```
    /// # use wormhole_sync_core::{transit::{RecordError, TransitKey}, wire::transit::Role};
    /// # let key = TransitKey::new(&wormhole_sync_testkit::doc::keys().0);
    /// # let (mut sealer, mut opener) = (key.sealer(Role::Sender), key.opener(Role::Sender));
    /// # let (mut record, mut plaintext) = ([0; 48], [0; 4]);
    /// # sealer.seal(b"four", &mut record).unwrap();
    /// record[47] ^= 1;
    /// assert_eq!(opener.open(&record[4..], &mut plaintext), Err(RecordError::Forged));
    /// ```
    pub fn open(&mut self, sealed: &[u8], space: &mut [u8]) -> Result<usize, RecordError> {
        let wrong = || RecordError::Length(u32::try_from(sealed.len()).unwrap_or(u32::MAX));
        let (shown, boxed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(wrong)?;
        let length = boxed.len().checked_sub(TAG_BYTES).ok_or_else(wrong)?;
        let plaintext = space.get_mut(..length).ok_or_else(wrong)?;
        let nonce = nonce(self.next);
        if *shown != nonce {
            let unopened = crypto_secretbox_open_easy(plaintext, boxed, shown, &self.key).is_err();
            plaintext.fill(0);
            return Err(if unopened { RecordError::Forged } else { RecordError::Order });
        }
        if crypto_secretbox_open_easy(plaintext, boxed, &nonce, &self.key).is_err() {
            plaintext.fill(0);
            return Err(RecordError::Forged);
        }
        self.next += 1;
        Ok(length)
    }
}

/// The length of the first whole record's sealed part in `received`, which begins after its four
/// bytes of length; `None` while more has to come.
///
/// A length that no peer sends is refused as soon as it can be read.
///
/// ```
/// use wormhole_sync_core::{transit::{RecordError, TransitKey, frame}, wire::transit::Role};
///
/// # let key = TransitKey::new(&wormhole_sync_testkit::doc::keys().0);
/// let mut record = [0; 48];
/// key.sealer(Role::Sender).seal(b"four", &mut record).unwrap();
/// assert_eq!(frame(&record), Ok(Some(44)));
/// assert_eq!(frame(&record[..47]), Ok(None));
/// assert_eq!(frame(&[0, 0, 0, 39]), Err(RecordError::Length(39)));
/// ```
pub fn frame(received: &[u8]) -> Result<Option<usize>, RecordError> {
    let Some((prefix, rest)) = received.split_first_chunk::<LENGTH_BYTES>() else {
        return Ok(None);
    };
    let claimed = u32::from_be_bytes(*prefix);
    let length = usize::try_from(claimed).map_err(|_| RecordError::Length(claimed))?;
    let possible = NONCE_BYTES + TAG_BYTES..=NONCE_BYTES + TAG_BYTES + MAX_RECORD;
    if !possible.contains(&length) {
        return Err(RecordError::Length(claimed));
    }
    Ok((rest.len() >= length).then_some(length))
}

/// The number of a record as its nonce: big-endian, which the running peers write and check.
fn nonce(number: u64) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    if let Some(last) = nonce.last_chunk_mut() {
        *last = number.to_be_bytes();
    }
    nonce
}

#[cfg(test)]
mod tests {
    use crypto_secretbox::{KeyInit, XSalsa20Poly1305, aead::Aead};

    use super::*;

    fn pair() -> (Sealer, Opener) {
        (Sealer::new(Zeroizing::new([7; 32])), Opener::new(Zeroizing::new([7; 32])))
    }

    fn sealed(sealer: &mut Sealer, plaintext: &[u8]) -> Vec<u8> {
        let mut record = vec![0; plaintext.len() + OVERHEAD];
        assert_eq!(sealer.seal(plaintext, &mut record), Some(record.len()));
        record
    }

    /// The fast cipher against the one that seals phases, at each length where a kernel might turn a corner.
    #[test]
    fn both_ciphers_make_the_same_records() {
        let (mut sealer, mut opener) = pair();
        let slow = XSalsa20Poly1305::new(&[7; 32].into());
        let bytes: Vec<u8> = (0..20_000_u32).flat_map(|n| (n * n % 65_537).to_le_bytes()).collect();
        let lengths = (0..600).chain([1023, 1024, 1025, 4096, 16_384, 65_535, 65_536, 65_537]);
        for (number, length) in lengths.enumerate() {
            let record = sealed(&mut sealer, &bytes[..length]);
            let nonce = nonce(number as u64);
            let expected = slow.encrypt((&nonce).into(), &bytes[..length]).unwrap();
            assert_eq!(record[..4], u32::try_from(expected.len() + 24).unwrap().to_be_bytes());
            assert_eq!(record[4..28], nonce);
            assert!(record[28..] == expected, "{length} bytes");
            let mut plaintext = vec![0; length];
            assert_eq!(opener.open(&record[4..], &mut plaintext), Ok(length));
            assert!(plaintext == bytes[..length], "{length} bytes");
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let (mut sealer, mut opener) = pair();
        let record = sealed(&mut sealer, b"some bytes");
        for bit in 0..(record.len() - 4) * 8 {
            let mut forged = record[4..].to_vec();
            forged[bit / 8] ^= 1 << (bit % 8);
            let mut plaintext = [0xee; 10];
            assert_eq!(opener.open(&forged, &mut plaintext), Err(RecordError::Forged), "{bit}");
            assert_eq!(plaintext, [0; 10], "nothing of it may be used");
        }
        assert_eq!(opener.open(&record[4..], &mut [0; 10]), Ok(10));
    }

    #[test]
    fn records_replayed_left_out_or_reordered_are_refused() {
        let (mut sealer, mut opener) = pair();
        let records: Vec<_> = (0..3).map(|n| sealed(&mut sealer, &[n])).collect();
        let mut open = |record: &Vec<u8>| opener.open(&record[4..], &mut [0]);
        assert_eq!(open(&records[1]), Err(RecordError::Order));
        assert_eq!(open(&records[0]), Ok(1));
        assert_eq!(open(&records[0]), Err(RecordError::Order));
        assert_eq!(open(&records[2]), Err(RecordError::Order));
        assert_eq!(open(&records[1]), Ok(1));
    }

    #[test]
    fn records_cut_short_are_refused() {
        let (mut sealer, mut opener) = pair();
        let record = sealed(&mut sealer, b"some bytes");
        for length in 0..record.len() - 4 {
            assert!(opener.open(&record[4..4 + length], &mut [0; 10]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_anything_is_kept() {
        let longest = u32::try_from(MAX_RECORD + 40).unwrap();
        assert_eq!(frame(&longest.to_be_bytes()), Ok(None));
        for length in [0, 39, longest + 1, u32::MAX] {
            assert_eq!(frame(&length.to_be_bytes()), Err(RecordError::Length(length)));
        }
        let (mut sealer, _) = pair();
        assert_eq!(sealer.seal(&vec![0; MAX_RECORD + 1], &mut vec![0; MAX_RECORD + 100]), None);
    }

    #[test]
    fn a_space_too_short_spends_no_number() {
        let (mut sealer, mut opener) = pair();
        assert_eq!(sealer.seal(b"x", &mut [0; 44]), None);
        let record = sealed(&mut sealer, b"x");
        assert_eq!(opener.open(&record[4..], &mut []), Err(RecordError::Length(41)));
        assert_eq!(opener.open(&record[4..], &mut [0]), Ok(1));
    }
}
