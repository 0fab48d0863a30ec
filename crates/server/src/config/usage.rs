//! What is kept for an operator's statistics.

use std::{path::PathBuf, time::Duration};

use super::sane;

/// Which statistics are kept, and how exact they are. Off unless a database is named.
///
/// ```
/// use wormhole_sync_server::{Config, Usage};
///
/// let usage = Usage { mailbox: Some("usage.sqlite".into()), ..Usage::default() };
/// let config = Config { usage, ..Config::default() };
/// assert!(config.usage.blur.is_some()); // nobody's exact time is kept, and no address is logged
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// An SQLite file for what becomes of nameplates and mailboxes, and which programs come, in the
    /// tables of the Python mailbox server (version 2 of them); made when it is not there. Default:
    /// none.
    pub mailbox: Option<PathBuf>,
    /// Another one for what becomes of the relay's connections, in the tables of the Python transit
    /// relay (version 1). Default: none.
    pub relay: Option<PathBuf>,
    /// To what moments in time are rounded down there, and that sizes are rounded up; addresses are
    /// logged only when this is `None`. Below a second it counts as one. Default: an hour.
    pub blur: Option<Duration>,
}

/// Who was there when is nobody's business, and busy hours can still be told.
const BLUR: Duration = Duration::from_secs(3600);

impl Usage {
    /// The same, with times that clocks can tell.
    pub(super) fn sane(self) -> Self {
        Self { blur: self.blur.map(sane), ..self }
    }
}

impl Default for Usage {
    fn default() -> Self {
        Self { mailbox: None, relay: None, blur: Some(BLUR) }
    }
}
