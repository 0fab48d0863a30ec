//! What time it is.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The time of day at the start, and what has passed since: it never jumps.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    at: f64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), at: at.as_secs_f64() }
    }

    /// Unix seconds.
    pub(crate) fn now(&self) -> f64 {
        self.at + self.started.elapsed().as_secs_f64()
    }
}
