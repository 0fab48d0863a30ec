//! What other sides' messages do: the key exchange, and what comes under its key.

use rand_chacha::ChaCha20Rng;
use rand_core::RngCore;
use wormhole_sync_wire::{Phase, Side, limits::MAX_BODY, version_message::VersionMessage};

use super::{Stage, Wormhole, confirmed::Confirmed, contract::Event};
use crate::{
    error::Error,
    key::SharedKey,
    phase::{NONCE_BYTES, Order, Sealed, seal},
};

/// Messages that may come from other sides before the peer's key exchange does. An honest server
/// lets one other side in, which has nothing to say before.
///
/// ```
/// use wormhole_sync_core::{Error, Event, wormhole::MAX_EARLY};
///
/// # let mut meeting = wormhole_sync_testkit::doc::Meeting::new();
/// # use wormhole_sync_core::{Code, Input, Moment};
/// # meeting.one.set_code(Code::parse("4-purple-sausages").ok().unwrap()).unwrap();
/// # meeting.run();
/// # let wormhole = &mut meeting.one;
/// for number in 0..=MAX_EARLY {
///     let frame = format!(r#"{{"type":"message","side":"x","phase":"{number}","body":""}}"#);
///     wormhole.handle(Input::Received(&frame), Moment::ZERO);
/// }
/// # let [events, _] = meeting.run();
/// assert!(matches!(events.last(), Some(Event::Closed(Err(Error::PeerFlood)))));
/// ```
pub const MAX_EARLY: usize = 8;

impl Wormhole {
    pub(super) fn message(&mut self, sealed: Sealed) {
        let too_long = sealed.body.len() > MAX_BODY;
        match &mut self.stage {
            Stage::Exchanging { .. } if too_long => self.fail(Error::PeerFlood),
            Stage::Keyed { peer, .. } | Stage::Confirmed { peer, .. }
                if too_long && *peer == sealed.side =>
            {
                self.fail(Error::PeerFlood);
            }
            Stage::Exchanging { .. } if sealed.phase == Phase::Pake => self.exchange(&sealed),
            Stage::Exchanging { early, .. } if early.len() < MAX_EARLY => early.push(sealed),
            Stage::Exchanging { .. } => self.fail(Error::PeerFlood),
            // A third side's messages are nobody's.
            Stage::Keyed { peer, .. } | Stage::Confirmed { peer, .. } if *peer == sealed.side => {
                self.peer_message(&sealed);
            }
            _ => {}
        }
    }

    /// The first other side to begin a key exchange is the peer, and stays the only one.
    fn exchange(&mut self, sealed: &Sealed) {
        let Stage::Exchanging { pake, early } = std::mem::replace(&mut self.stage, Stage::NoCode)
        else {
            return;
        };
        match pake.finish(&sealed.body) {
            Ok(key) => self.keyed(key, sealed.side.clone(), early),
            Err(why) => self.fail(Error::BadKeyExchange(why)),
        }
    }

    fn keyed(&mut self, key: SharedKey, peer: Side, early: Vec<Sealed>) {
        let versions = VersionMessage {
            app_versions: self.settings.app_versions.clone(),
            ..VersionMessage::default()
        };
        self.mailbox.met(peer.clone());
        self.stage = Stage::Keyed { key, peer, order: Order::default() };
        self.say(Phase::Version, &versions.encode());
        self.tell(Event::KeyAgreed);
        for sealed in early {
            self.message(sealed);
        }
    }

    fn peer_message(&mut self, sealed: &Sealed) {
        let outcome = match &sealed.phase {
            Phase::Version => self.open_version(sealed),
            Phase::Numbered(number) => self.open_numbered(*number, sealed),
            Phase::Abort => self.open_abort(sealed),
            // A second pake is a replay; dilation and unknown phases are not for this library.
            Phase::Pake | Phase::Dilate(_) | Phase::Other(_) => Ok(()),
        };
        match outcome {
            Ok(()) => self.deliver(),
            Err(error) => self.fail(error),
        }
    }

    fn open_version(&mut self, sealed: &Sealed) -> Result<(), Error> {
        let Stage::Keyed { key, .. } = &self.stage else { return Ok(()) };
        let confirmed = Confirmed::open(key, sealed)?;
        self.stage = match std::mem::replace(&mut self.stage, Stage::NoCode) {
            Stage::Keyed { key, peer, order } => Stage::Confirmed { key, peer, order },
            other => other,
        };
        self.tell(Event::Confirmed(confirmed));
        self.send_unsent();
        Ok(())
    }

    fn open_numbered(&mut self, number: u64, sealed: &Sealed) -> Result<(), Error> {
        let (key, order, unopened) = match &mut self.stage {
            Stage::Keyed { key, order, .. } => (&*key, order, Error::WrongCode),
            Stage::Confirmed { key, order, .. } => (&*key, order, Error::Altered),
            _ => return Ok(()),
        };
        if order.wants(number) {
            let plaintext = sealed.open(key).map_err(|_| unopened)?.into_plaintext();
            order.insert(number, plaintext).map_err(|_| Error::PeerFlood)?;
        }
        Ok(())
    }

    fn open_abort(&self, sealed: &Sealed) -> Result<(), Error> {
        match &self.stage {
            // What does not open is another application's own phase of that name.
            Stage::Keyed { key, .. } | Stage::Confirmed { key, .. } if sealed.open(key).is_ok() => {
                Err(Error::PeerGaveUp)
            }
            _ => Ok(()),
        }
    }

    fn deliver(&mut self) {
        if let Stage::Confirmed { order, .. } = &mut self.stage {
            self.events.extend(std::iter::from_fn(|| order.pop()).map(Event::Received));
        }
    }

    /// Sends what waited for the key to be confirmed.
    pub(super) fn send_unsent(&mut self) {
        while matches!(self.stage, Stage::Confirmed { .. })
            && let Some(plaintext) = self.unsent.pop_front()
        {
            let phase = Phase::Numbered(self.next_number);
            self.next_number += 1;
            self.say(phase, &plaintext);
        }
    }

    /// Adds a message under the key, once there is one.
    pub(super) fn say(&mut self, phase: Phase, plaintext: &[u8]) {
        if let Stage::Keyed { key, .. } | Stage::Confirmed { key, .. } = &self.stage {
            let nonce = nonce(&mut self.random);
            let body = seal(key, self.mailbox.side(), &phase, nonce, plaintext);
            self.mailbox.add(phase, body);
        }
    }
}

fn nonce(random: &mut ChaCha20Rng) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    random.fill_bytes(&mut nonce);
    nonce
}
