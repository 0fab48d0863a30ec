//! The connection to the server: opening, keeping alive, losing, waiting, opening again.
//!
//! ```text
//!            ┌────────────── timeout ◀── Waiting ◀─┐
//!            ▼                                     │ lost (after a first success)
//!  Idle ─▶ Opening ── opened ──▶ Up ───────────────┤
//!            └────────── lost ─────────────────────┴─▶ failed (before any success)
//! ```

use std::time::Duration;

use crate::Moment;

/// How long opening a connection may take, TLS and WebSocket handshakes included.
///
/// ```
/// use wormhole_sync_core::{Output, mailbox::{OPEN_TIMEOUT, Timer}};
///
/// # let mut wormhole = wormhole_sync_testkit::doc::wormhole(1);
/// # let drain = |wormhole: &mut wormhole_sync_core::Wormhole| loop {
/// #     if let Output::Wait(wait) = wormhole.poll() { break wait; }
/// # };
/// assert_eq!(drain(&mut wormhole), Some((OPEN_TIMEOUT, Timer::Open)));
/// ```
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// A silent connection is pinged after this long.
///
/// ```
/// use wormhole_sync_core::{Input, Moment, Output, mailbox::{PING_AFTER, Timer}};
///
/// # let mut wormhole = wormhole_sync_testkit::doc::wormhole(1);
/// # let drain = |wormhole: &mut wormhole_sync_core::Wormhole| loop {
/// #     if let Output::Wait(wait) = wormhole.poll() { break wait; }
/// # };
/// wormhole.handle(Input::Opened, Moment::ZERO);
/// assert_eq!(drain(&mut wormhole), Some((PING_AFTER, Timer::Ping)));
/// ```
pub const PING_AFTER: Duration = Duration::from_secs(30);

/// A connection that stays silent for this long is dropped: half-open links end here.
///
/// ```
/// use wormhole_sync_core::{Input, Moment, Output, mailbox::{DROP_AFTER, PING_AFTER, Timer}};
///
/// # let mut wormhole = wormhole_sync_testkit::doc::wormhole(1);
/// # let drain = |wormhole: &mut wormhole_sync_core::Wormhole| loop {
/// #     if let Output::Wait(wait) = wormhole.poll() { break wait; }
/// # };
/// wormhole.handle(Input::Opened, Moment::ZERO);
/// # drain(&mut wormhole);
/// wormhole.handle(Input::Timeout, PING_AFTER); // pinged, and no answer
/// assert_eq!(drain(&mut wormhole), Some((DROP_AFTER, Timer::Drop)));
/// ```
pub const DROP_AFTER: Duration = Duration::from_secs(60);

/// The first pause before connecting again; each further failure makes it half as long again.
///
/// ```
/// use wormhole_sync_core::{Input, Moment, Output, mailbox::{FIRST_PAUSE, JITTER}};
///
/// # let mut wormhole = wormhole_sync_testkit::doc::wormhole(1);
/// # let drain = |wormhole: &mut wormhole_sync_core::Wormhole| loop {
/// #     if let Output::Wait(wait) = wormhole.poll() { break wait; }
/// # };
/// wormhole.handle(Input::Opened, Moment::ZERO);
/// # drain(&mut wormhole);
/// wormhole.handle(Input::Lost, Moment::ZERO);
/// let (retry_at, _) = drain(&mut wormhole).unwrap();
/// assert!((FIRST_PAUSE..=FIRST_PAUSE + JITTER).contains(&retry_at));
/// ```
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause before connecting again, jitter not counted.
///
/// ```
/// use wormhole_sync_core::{Input, Moment, Output, mailbox::{JITTER, LONGEST_PAUSE}};
///
/// # let mut wormhole = wormhole_sync_testkit::doc::wormhole(1);
/// # let drain = |wormhole: &mut wormhole_sync_core::Wormhole| loop {
/// #     if let Output::Wait(wait) = wormhole.poll() { break wait; }
/// # };
/// wormhole.handle(Input::Opened, Moment::ZERO);
/// let mut now = Moment::ZERO;
/// for _ in 0..100 {
///     wormhole.handle(Input::Lost, now);
///     let (retry_at, _) = drain(&mut wormhole).unwrap();
///     assert!(retry_at - now <= LONGEST_PAUSE + JITTER);
///     now = retry_at;
///     wormhole.handle(Input::Timeout, now); // tries again
/// }
/// ```
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Most random delay added to a pause, so that a thousand clients do not come back at once.
///
/// ```
/// use wormhole_sync_core::{Input, Moment, Output};
///
/// # let drain = |wormhole: &mut wormhole_sync_core::Wormhole| loop {
/// #     if let Output::Wait(wait) = wormhole.poll() { break wait; }
/// # };
/// let come_back = |seed| {
///     let mut wormhole = wormhole_sync_testkit::doc::wormhole(seed);
///     wormhole.handle(Input::Opened, Moment::ZERO);
///     wormhole.handle(Input::Lost, Moment::ZERO);
///     drain(&mut wormhole)
/// };
/// assert_ne!(come_back(1), come_back(2)); // two clients of a server that vanished
/// ```
pub const JITTER: Duration = Duration::from_secs(1);

/// What the clock is waited for.
///
/// ```
/// use wormhole_sync_core::{Input, Moment, Output, mailbox::Timer};
///
/// # let mut wormhole = wormhole_sync_testkit::doc::wormhole(1);
/// # let drain = |wormhole: &mut wormhole_sync_core::Wormhole| loop {
/// #     if let Output::Wait(wait) = wormhole.poll() { break wait; }
/// # };
/// assert!(matches!(drain(&mut wormhole), Some((_, Timer::Open))));
/// wormhole.handle(Input::Opened, Moment::ZERO);
/// assert!(matches!(drain(&mut wormhole), Some((_, Timer::Ping))));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// A connection that is being opened must be up by then.
    Open,
    /// A silent connection is pinged then.
    Ping,
    /// A connection that stays silent is dropped then.
    Drop,
    /// The next attempt to connect begins then.
    Reconnect,
    /// A side that wants to leave has waited long enough for the other.
    Linger,
}

#[derive(Default)]
pub(super) struct Link {
    state: State,
    failures: i32,
    /// The pause before the latest attempt, jitter not counted.
    pause: Duration,
    /// Connections in a row that ended because the server put this side off.
    put_offs: i32,
    putting_off: bool,
    ever_up: bool,
}

#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Idle,
    Opening {
        until: Moment,
    },
    Up {
        heard: Moment,
        pinged: bool,
    },
    Waiting {
        until: Moment,
    },
}

/// What a timeout calls for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Open,
    Ping,
    Drop,
}

impl Link {
    pub(super) const fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// A connection was asked for.
    pub(super) fn open(&mut self, now: Moment) {
        self.state = State::Opening { until: now + OPEN_TIMEOUT };
    }

    /// A connection came up.
    pub(super) fn opened(&mut self, now: Moment) {
        self.state = State::Up { heard: now, pinged: false };
        self.ever_up = true;
    }

    /// Something came in: the connection lives.
    pub(super) fn heard(&mut self, now: Moment) {
        if self.is_up() {
            self.state = State::Up { heard: now, pinged: false };
        }
    }

    /// The server did something for this side. One that only talks and hangs up is called ever more
    /// rarely.
    pub(super) fn served(&mut self) {
        self.failures = 0;
    }

    /// The server asks for patience: however well it serves otherwise, the pauses grow until a
    /// connection ends in another way.
    pub(super) fn put_off(&mut self) {
        self.putting_off = true;
    }

    /// The connection is gone. `Err` when there never was one: then waiting is of no use.
    pub(super) fn lost(&mut self, now: Moment, jitter: Duration) -> Result<(), ()> {
        if !self.ever_up {
            self.state = State::Idle;
            return Err(());
        }
        let put_offs = if self.putting_off { self.put_offs } else { 0 };
        self.put_offs = if self.putting_off { (put_offs + 1).min(32) } else { 0 };
        self.putting_off = false;
        let pause = FIRST_PAUSE.as_secs_f64() * 1.5_f64.powi(self.failures.max(put_offs));
        let pause = Duration::from_secs_f64(pause.min(LONGEST_PAUSE.as_secs_f64()));
        self.pause = pause;
        self.failures = (self.failures + 1).min(32); // 1.5^32 s is far beyond the longest pause
        self.state = State::Waiting { until: now + pause + jitter };
        Ok(())
    }

    /// How long another client that lost its connection together with this one may still need until it
    /// is back: its pause may be one step longer than this one's was, and its jitter adds up.
    pub(super) fn others_return(&self) -> Duration {
        (self.pause * 2 + JITTER * 3).min(LONGEST_PAUSE)
    }

    /// No connection is wanted any more.
    pub(super) fn leave(&mut self) {
        self.state = State::Idle;
    }

    pub(super) fn deadline(&self) -> Option<(Moment, Timer)> {
        match self.state {
            State::Idle => None,
            State::Opening { until } => Some((until, Timer::Open)),
            State::Up { heard, pinged: false } => Some((heard + PING_AFTER, Timer::Ping)),
            State::Up { heard, pinged: true } => Some((heard + DROP_AFTER, Timer::Drop)),
            State::Waiting { until } => Some((until, Timer::Reconnect)),
        }
    }

    /// What is due at `now`, if anything.
    pub(super) fn due(&mut self, now: Moment) -> Option<Due> {
        let (_, timer) = self.deadline().filter(|(at, _)| *at <= now)?;
        match (timer, &mut self.state) {
            (Timer::Ping, State::Up { pinged, .. }) => {
                *pinged = true;
                Some(Due::Ping)
            }
            (Timer::Reconnect, _) => Some(Due::Open),
            _ => Some(Due::Drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_JITTER: Duration = Duration::ZERO;

    fn secs(seconds: u64) -> Moment {
        Duration::from_secs(seconds)
    }

    fn up() -> Link {
        let mut link = Link::default();
        link.open(secs(0));
        link.opened(secs(0));
        link
    }

    #[test]
    fn the_first_failure_is_told_at_once() {
        let mut link = Link::default();
        link.open(secs(0));
        assert_eq!(link.lost(secs(1), NO_JITTER), Err(()));
        assert_eq!(link.deadline(), None);
    }

    #[test]
    fn pauses_grow_by_half_up_to_a_minute_and_start_over_once_served() {
        let mut link = up();
        let mut pauses = Vec::new();
        for _ in 0..40 {
            link.opened(secs(0));
            link.heard(secs(0));
            link.lost(secs(0), NO_JITTER).unwrap();
            pauses.push(link.deadline().unwrap().0.as_secs_f64());
        }
        assert_eq!(pauses[..4], [1.0, 1.5, 2.25, 3.375]);
        assert!(pauses.iter().all(|pause| *pause <= 60.0));
        assert_eq!(pauses.last(), Some(&60.0));
        link.opened(secs(9));
        link.heard(secs(9));
        link.served();
        link.lost(secs(9), JITTER).unwrap();
        assert_eq!(link.deadline(), Some((secs(11), Timer::Reconnect)));
    }

    #[test]
    fn pauses_grow_for_whoever_is_put_off_however_well_served_otherwise() {
        let mut link = up();
        let mut pauses = Vec::new();
        for put_off in [true, true, true, false, true] {
            link.opened(secs(0));
            link.served();
            if put_off {
                link.put_off();
            }
            link.lost(secs(0), NO_JITTER).unwrap();
            pauses.push(link.deadline().unwrap().0.as_secs_f64());
        }
        assert_eq!(pauses, [1.0, 1.5, 2.25, 1.0, 1.0]);
    }

    #[test]
    fn a_silent_connection_is_pinged_and_then_dropped() {
        let mut link = up();
        assert_eq!(link.due(secs(29)), None);
        assert_eq!(link.due(secs(30)), Some(Due::Ping));
        assert_eq!(link.due(secs(59)), None);
        assert_eq!(link.due(secs(60)), Some(Due::Drop));
    }

    #[test]
    fn one_that_answers_is_kept() {
        let mut link = up();
        assert_eq!(link.due(secs(30)), Some(Due::Ping));
        link.heard(secs(31));
        assert_eq!(link.due(secs(60)), None);
        assert_eq!(link.due(secs(61)), Some(Due::Ping));
    }

    #[test]
    fn opening_has_its_time() {
        let mut link = Link::default();
        link.open(secs(5));
        assert_eq!(link.due(secs(34)), None);
        assert_eq!(link.due(secs(35)), Some(Due::Drop));
    }
}
