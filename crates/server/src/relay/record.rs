//! How a connection to the relay went, for an operator's statistics.

use crate::mood::Mood;

/// What is kept of a pair, or of a connection that never became half of one.
///
/// ```
/// use wormhole_sync_server::relay::{Mood, Record};
///
/// let record = Record { started: 5.0, waiting: Some(1.0), total: 9.0, bytes: 7, mood: Mood::Happy };
/// assert!(record.waiting.is_some_and(|waiting| waiting < record.total));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record {
    /// When it began, in Unix seconds; of a pair, the one that waited.
    pub started: f64,
    /// Seconds between the two, if there were two.
    pub waiting: Option<f64>,
    /// Seconds from the beginning to the end.
    pub total: f64,
    /// Bytes that were relayed, in both directions.
    pub bytes: u64,
    /// How it went.
    pub mood: Mood,
}
