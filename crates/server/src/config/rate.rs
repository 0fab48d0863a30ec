//! How often something may be done.

use std::fmt;

/// How often one address may do something: so many times at once, and from then on so many times a
/// minute.
///
/// ```
/// use wormhole_sync_server::{Limits, config::Rate};
///
/// let claims = Rate { burst: 500, per_minute: 100 }; // a test farm stands behind one address
/// let limits = Limits { claims, ..Limits::default() };
/// assert_eq!(limits.claims.to_string(), "500 at once and then 100 a minute");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Times at once. 0 is never.
    pub burst: u32,
    /// Times a minute after that. 0 counts as 1.
    pub per_minute: u32,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at once and then {} a minute", self.burst, self.per_minute.max(1))
    }
}
