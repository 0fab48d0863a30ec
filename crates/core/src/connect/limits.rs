//! How long, and how many.

use std::time::Duration;

/// The time that direct candidates have before relays are dialed: 2 s, as the family has it.
///
/// ```
/// assert_eq!(wormhole_sync_core::connect::RELAY_DELAY.as_secs(), 2);
/// ```
pub const RELAY_DELAY: Duration = Duration::from_secs(2);

/// The time between the dialing of one candidate and of the next: 50 ms. A peer with many
/// addresses causes no burst.
///
/// ```
/// use wormhole_sync_core::connect::{MAX_CANDIDATES, RELAY_DELAY, STAGGER};
///
/// assert!(STAGGER * (MAX_CANDIDATES as u32) < RELAY_DELAY * 2);
/// ```
pub const STAGGER: Duration = Duration::from_millis(50);

/// The time for one link from dialing to being ready: 60 s, as the family has it.
///
/// ```
/// use wormhole_sync_core::connect::{NEGOTIATION_LIMIT, RACE_LIMIT};
///
/// assert!(NEGOTIATION_LIMIT < RACE_LIMIT);
/// ```
pub const NEGOTIATION_LIMIT: Duration = Duration::from_secs(60);

/// The time for the whole race: 120 s, as the family has it.
///
/// ```
/// assert_eq!(wormhole_sync_core::connect::RACE_LIMIT.as_secs(), 120);
/// ```
pub const RACE_LIMIT: Duration = Duration::from_secs(120);

/// The time that remains for the other side to reach this one, once there is nothing left to dial
/// here: 30 s.
///
/// ```
/// use wormhole_sync_core::connect::{LAST_WAIT, RACE_LIMIT};
///
/// assert!(LAST_WAIT < RACE_LIMIT);
/// ```
pub const LAST_WAIT: Duration = Duration::from_secs(30);

/// The time that a ready relay's link waits for a direct one that is up and may be ready next: 1 s.
/// A direct address where somebody else answers, and says nothing, costs no more.
///
/// ```
/// use wormhole_sync_core::connect::{GRACE, RELAY_DELAY};
///
/// assert!(GRACE < RELAY_DELAY);
/// ```
pub const GRACE: Duration = Duration::from_secs(1);

/// Addresses that are dialed for one peer; hints beyond are passed over.
///
/// ```
/// use wormhole_sync_core::{connect::MAX_CANDIDATES, wire::limits::MAX_HINTS};
///
/// assert!(MAX_CANDIDATES >= MAX_HINTS);
/// ```
pub const MAX_CANDIDATES: usize = 48;

/// Links from outside that may be open at once; for a further one the oldest that is unproven is closed.
///
/// ```
/// assert_eq!(wormhole_sync_core::connect::MAX_INCOMING, 32);
/// ```
pub const MAX_INCOMING: usize = 32;
