//! One link's handshake: that the far end knows the transit key, and that the sender wants this
//! link.
//!
//! ```text
//!              relay: ok        the other's line        sender: choose
//!   Relay ───────────────▶ Line ───────────────▶ Ready ───────────────▶ (chosen)
//!                           │                    receiver: go
//!                           └──────────────────▶ Verdict ──────────────▶ (chosen)
//! ```

use subtle::ConstantTimeEq;
use wormhole_sync_wire::transit::{GO, NEVERMIND, RELAY_OK, Role};
use zeroize::Zeroizing;

use super::TransitKey;
use crate::connect::{Negotiate, Negotiation, Path, Progress};

/// Makes the handshakes of one transfer's links.
///
/// ```
/// use wormhole_sync_core::{
///     connect::{Negotiate, Negotiation, Path},
///     transit::{Handshakes, TransitKey},
///     wire::transit::Role,
/// };
///
/// # let key = TransitKey::new(&wormhole_sync_testkit::doc::keys().0);
/// let handshakes = Handshakes::new(key, Role::Sender, "0011223344556677".into());
/// assert!(handshakes.begin(Path::Direct).opened().starts_with(b"transit sender "));
/// assert!(handshakes.begin(Path::Relay).opened().starts_with(b"please relay "));
/// ```
pub struct Handshakes {
    key: TransitKey,
    role: Role,
    side: String,
}

impl Handshakes {
    /// Handshakes of the side of `role`. `side` is 16 random hex digits, which tell the two ends
    /// apart at a relay.
    ///
    /// ```
    /// # use wormhole_sync_core::{transit::{Handshakes, TransitKey}, wire::transit::Role};
    /// # let key = TransitKey::new(&wormhole_sync_testkit::doc::keys().0);
    /// Handshakes::new(key, Role::Receiver, "0011223344556677".into());
    /// ```
    pub const fn new(key: TransitKey, role: Role, side: String) -> Self {
        Self { key, role, side }
    }
}

impl Negotiate for Handshakes {
    type Negotiation = Handshake;

    fn begin(&self, path: Path) -> Handshake {
        let relay_line = match path {
            Path::Direct => None,
            Path::Relay => Some(self.key.relay_line(&self.side).into_bytes()),
        };
        Handshake {
            role: self.role,
            ours: line(&self.key, self.role),
            theirs: line(&self.key, self.role.other()),
            state: if relay_line.is_some() { State::Relay } else { State::Line },
            relay_line,
            received: Vec::new(),
        }
    }
}

fn line(key: &TransitKey, role: Role) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(key.ready_line(role).as_bytes().to_vec())
}

/// One link's handshake.
///
/// The other's line is compared once all of it is there, and in constant time: a stranger who
/// connects cannot guess his way along it byte by byte.
///
/// ```
/// use wormhole_sync_core::{
///     connect::{Negotiate, Negotiation, Path, Progress},
///     transit::{Handshakes, TransitKey},
///     wire::transit::Role,
/// };
///
/// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
/// # let (ours, theirs) = (TransitKey::new(&ours), TransitKey::new(&theirs));
/// let mut sender = Handshakes::new(ours, Role::Sender, "00".repeat(8)).begin(Path::Direct);
/// let mut receiver = Handshakes::new(theirs, Role::Receiver, "11".repeat(8)).begin(Path::Direct);
/// let (from_sender, from_receiver) = (sender.opened(), receiver.opened());
/// let mut reply = Vec::new(); // stays empty without a relay
/// assert_eq!(sender.received(&from_receiver, &mut reply), Progress::Ready);
/// assert_eq!(receiver.received(&from_sender, &mut reply), Progress::Proven);
/// let rest = Vec::new();
/// assert_eq!(receiver.received(&sender.choose(), &mut reply), Progress::Chosen { rest });
/// ```
pub struct Handshake {
    role: Role,
    ours: Zeroizing<Vec<u8>>,
    theirs: Zeroizing<Vec<u8>>,
    relay_line: Option<Vec<u8>>,
    state: State,
    /// What has come and is not understood yet; never longer than what is expected.
    received: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waiting for the relay, which waits for the partner.
    Relay,
    /// Waiting for the other's line.
    Line,
    /// The receiver waits for the sender's decision.
    Verdict,
    /// The sender decides.
    Ready,
    /// Decided, or refused.
    Over,
}

impl Negotiation for Handshake {
    fn opened(&mut self) -> Vec<u8> {
        self.relay_line.take().unwrap_or_else(|| self.ours.to_vec())
    }

    fn received(&mut self, mut bytes: &[u8], reply: &mut Vec<u8>) -> Progress {
        loop {
            let expected: &[u8] = match self.state {
                State::Relay => RELAY_OK,
                State::Line => &self.theirs,
                State::Verdict => GO,
                State::Ready | State::Over => break,
            };
            let missing = expected.len().saturating_sub(self.received.len());
            let (taken, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
            self.received.extend_from_slice(taken);
            bytes = rest;
            match comparison(&self.received, expected) {
                Comparison::Begun if self.state == State::Verdict => return Progress::Proven,
                Comparison::Begun => return Progress::Waiting,
                Comparison::Other => return self.refuse(),
                Comparison::Same => self.received.clear(),
            }
            match self.state {
                State::Relay => {
                    reply.extend_from_slice(&self.ours);
                    self.state = State::Line;
                }
                State::Line if self.role == Role::Sender => self.state = State::Ready,
                State::Line => self.state = State::Verdict,
                State::Verdict | State::Ready | State::Over => {
                    self.state = State::Over;
                    return Progress::Chosen { rest: bytes.to_vec() };
                }
            }
        }
        // The sender alone comes here. Nothing may be said to it before it has decided.
        if self.state == State::Ready && bytes.is_empty() { Progress::Ready } else { self.refuse() }
    }

    fn choose(&mut self) -> Vec<u8> {
        self.state = State::Over;
        GO.to_vec()
    }

    fn decline(&mut self) -> Vec<u8> {
        self.state = State::Over;
        NEVERMIND.to_vec()
    }
}

impl Handshake {
    fn refuse(&mut self) -> Progress {
        self.state = State::Over;
        Progress::Refused
    }
}

enum Comparison {
    /// More has to come.
    Begun,
    Same,
    Other,
}

/// Holds what has come against what is expected. What every transit says is looked at as it comes, so that a
/// stranger who speaks something else is let go at once; the secret rest only when all is there.
fn comparison(received: &[u8], expected: &[u8]) -> Comparison {
    let public = expected.iter().rposition(|byte| *byte == b' ').map_or(expected.len(), |ready| {
        // "transit sender <id> ready": up to the space before the id
        let before_id = |head: &[u8]| head.iter().rposition(|byte| *byte == b' ');
        expected.get(..ready).and_then(before_id).unwrap_or(0)
    });
    let looked_at = public.min(received.len());
    if received.get(..looked_at) != expected.get(..looked_at) {
        return Comparison::Other;
    }
    if received.len() < expected.len() {
        return Comparison::Begun;
    }
    if bool::from(received.ct_eq(expected)) { Comparison::Same } else { Comparison::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(role: Role, path: Path) -> Handshake {
        let key = TransitKey(Zeroizing::new([7; 32]));
        Handshakes::new(key, role, "0011223344556677".into()).begin(path)
    }

    fn line_of(role: Role) -> Vec<u8> {
        handshake(role, Path::Direct).opened()
    }

    fn hear(handshake: &mut Handshake, bytes: &[u8]) -> (Progress, Vec<u8>) {
        let mut reply = Vec::new();
        (handshake.received(bytes, &mut reply), reply)
    }

    #[test]
    fn through_a_relay_the_line_waits_for_its_consent() {
        let mut sender = handshake(Role::Sender, Path::Relay);
        assert!(sender.opened().starts_with(b"please relay "));
        assert_eq!(hear(&mut sender, b"o"), (Progress::Waiting, vec![]));
        assert_eq!(hear(&mut sender, b"k\n"), (Progress::Waiting, line_of(Role::Sender)));
        assert_eq!(hear(&mut sender, &line_of(Role::Receiver)), (Progress::Ready, vec![]));
        assert_eq!(sender.choose(), b"go\n");
    }

    #[test]
    fn everything_may_come_in_one_segment_or_byte_by_byte() {
        let script = [b"ok\n", &line_of(Role::Sender)[..], b"go\nrest"].concat();
        let mut receiver = handshake(Role::Receiver, Path::Relay);
        let rest = b"rest".to_vec();
        let expected = (Progress::Chosen { rest }, line_of(Role::Receiver));
        assert_eq!(hear(&mut receiver, &script), expected);

        let mut receiver = handshake(Role::Receiver, Path::Relay);
        let (mut replies, mut last) = (vec![], Progress::Waiting);
        let proven = script.len() - b"go\nrest".len();
        for (at, byte) in script[..script.len() - 4].iter().enumerate() {
            assert_eq!(last, if at < proven { Progress::Waiting } else { Progress::Proven });
            last = receiver.received(&[*byte], &mut replies);
        }
        assert_eq!((last, replies), (Progress::Chosen { rest: vec![] }, line_of(Role::Receiver)));
    }

    #[test]
    fn any_other_byte_is_refused() {
        let line = line_of(Role::Sender);
        for at in 0..line.len() {
            let mut other = line.clone();
            other[at] ^= 1;
            let mut receiver = handshake(Role::Receiver, Path::Direct);
            assert_eq!(hear(&mut receiver, &other).0, Progress::Refused, "at {at}");
            // and it stays so
            assert_eq!(hear(&mut receiver, &line).0, Progress::Refused);
        }
    }

    #[test]
    fn another_protocol_is_let_go_at_once_but_a_guess_at_the_id_is_not_answered() {
        let mut receiver = handshake(Role::Receiver, Path::Direct);
        assert_eq!(hear(&mut receiver, b"GET").0, Progress::Refused);

        let mut receiver = handshake(Role::Receiver, Path::Direct);
        assert_eq!(hear(&mut receiver, b"transit sender").0, Progress::Waiting);
        let wrong = if line_of(Role::Sender)[15] == b'0' { b" 1" } else { b" 0" };
        assert_eq!(hear(&mut receiver, wrong).0, Progress::Waiting);
    }

    #[test]
    fn our_own_line_reflected_is_refused() {
        for role in [Role::Sender, Role::Receiver] {
            let mut handshake = handshake(role, Path::Direct);
            let line = handshake.opened();
            assert_eq!(hear(&mut handshake, &line).0, Progress::Refused);
        }
    }

    #[test]
    fn nothing_may_come_before_the_sender_has_decided() {
        let line = line_of(Role::Receiver);
        let mut sender = handshake(Role::Sender, Path::Direct);
        assert_eq!(hear(&mut sender, &[&line[..], b"x"].concat()).0, Progress::Refused);

        let mut sender = handshake(Role::Sender, Path::Direct);
        assert_eq!(hear(&mut sender, &line).0, Progress::Ready);
        assert_eq!(hear(&mut sender, b"x").0, Progress::Refused);
    }

    #[test]
    fn a_receiver_that_is_not_wanted_hears_so() {
        let mut sender = handshake(Role::Sender, Path::Direct);
        hear(&mut sender, &line_of(Role::Receiver));
        let mut receiver = handshake(Role::Receiver, Path::Direct);
        hear(&mut receiver, &line_of(Role::Sender));
        assert_eq!(hear(&mut receiver, &sender.decline()).0, Progress::Refused);
    }

    #[test]
    fn a_relays_refusal_is_a_refusal() {
        for said in [&b"bad handshake\n"[..], b"impatient\n"] {
            assert_eq!(hear(&mut handshake(Role::Sender, Path::Relay), said).0, Progress::Refused);
        }
    }
}
