//! Transit: the sealed bulk channel of file transfer v1.
//!
//! ```text
//!  SharedKey ─▶ TransitKey ─┬▶ Handshake (on every link of the race) ─▶ one chosen link
//!                           └▶ Sealer, Opener ─▶ records on it
//! ```
//!
//! Records do not pass through an effect queue: they are sealed and opened between the caller's
//! buffers, so that a driver can overlap disk, hash, cipher and socket.

mod handshake;
mod record;

use hkdf::Hkdf;
use sha2::Sha256;
use wormhole_sync_wire::transit::{Role, ready_line, relay_line};
use zeroize::Zeroizing;

pub use handshake::{Handshake, Handshakes};
pub use record::{OVERHEAD, Opener, RecordError, Sealer, frame};

use crate::key::{KEY_BYTES, Purpose, SharedKey};

/// The key that everything on a transit link is derived from.
///
/// ```
/// use wormhole_sync_core::{transit::TransitKey, wire::transit::Role};
///
/// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
/// let (ours, theirs) = (TransitKey::new(&ours), TransitKey::new(&theirs));
/// let mut record = [0; 100];
/// let length = ours.sealer(Role::Sender).seal(b"bulk", &mut record).unwrap();
/// let mut plaintext = [0; 100];
/// let opened = theirs.opener(Role::Sender).open(&record[4..length], &mut plaintext)?;
/// assert_eq!(&plaintext[..opened], b"bulk");
/// # Ok::<(), wormhole_sync_core::transit::RecordError>(())
/// ```
#[derive(Clone)]
pub struct TransitKey(Zeroizing<[u8; KEY_BYTES]>);

impl TransitKey {
    /// The transit key of a wormhole.
    ///
    /// ```
    /// use wormhole_sync_core::{transit::TransitKey, wire::transit::Role};
    ///
    /// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
    /// let line = TransitKey::new(&ours).ready_line(Role::Sender);
    /// assert_eq!(line, TransitKey::new(&theirs).ready_line(Role::Sender));
    /// ```
    pub fn new(key: &SharedKey) -> Self {
        Self(key.derive(Purpose::Transit))
    }

    /// What the side of `role` proves itself with on a link.
    ///
    /// ```
    /// use wormhole_sync_core::{transit::TransitKey, wire::transit::Role};
    ///
    /// # let key = TransitKey::new(&wormhole_sync_testkit::doc::keys().0);
    /// assert!(key.ready_line(Role::Receiver).starts_with("transit receiver "));
    /// ```
    pub fn ready_line(&self, role: Role) -> Zeroizing<String> {
        let info: &[u8] = match role {
            Role::Sender => b"transit_sender",
            Role::Receiver => b"transit_receiver",
        };
        Zeroizing::new(ready_line(role, &self.derive(info)))
    }

    /// What a relay pairs the two ends by. `side` must differ at the two ends.
    ///
    /// ```
    /// # use wormhole_sync_core::transit::TransitKey;
    /// # let key = TransitKey::new(&wormhole_sync_testkit::doc::keys().0);
    /// assert!(key.relay_line("0011223344556677").ends_with(" for side 0011223344556677\n"));
    /// ```
    pub fn relay_line(&self, side: &str) -> String {
        relay_line(&self.derive(b"transit_relay_token"), side)
    }

    /// Seals what the side of `role` writes.
    ///
    /// ```
    /// use wormhole_sync_core::{transit::TransitKey, wire::transit::Role};
    ///
    /// # let key = TransitKey::new(&wormhole_sync_testkit::doc::keys().0);
    /// let mut record = [0; 64];
    /// assert_eq!(key.sealer(Role::Sender).seal(b"1234", &mut record), Some(48));
    /// ```
    pub fn sealer(&self, role: Role) -> Sealer {
        Sealer::new(self.record_key(role))
    }

    /// Opens what the side of `role` has written.
    ///
    /// ```
    /// use wormhole_sync_core::{transit::{RecordError, TransitKey}, wire::transit::Role};
    ///
    /// # let key = TransitKey::new(&wormhole_sync_testkit::doc::keys().0);
    /// let refused = key.opener(Role::Sender).open(&[0; 60], &mut [0; 60]);
    /// assert_eq!(refused, Err(RecordError::Forged));
    /// ```
    pub fn opener(&self, role: Role) -> Opener {
        Opener::new(self.record_key(role))
    }

    fn record_key(&self, role: Role) -> Zeroizing<[u8; KEY_BYTES]> {
        self.derive(match role {
            Role::Sender => b"transit_record_sender_key",
            Role::Receiver => b"transit_record_receiver_key",
        })
    }

    fn derive(&self, info: &[u8]) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        // Fails for lengths that are not asked for here.
        let done = Hkdf::<Sha256>::new(None, &*self.0).expand(info, &mut *key);
        debug_assert!(done.is_ok(), "32 bytes are within HKDF's limit");
        key
    }
}
