//! The settings of a server.

mod clients;
mod limit;
mod limits;
mod mailbox;
mod network;
mod notices;
mod permission;
mod rate;
mod relay;
mod timing;
#[cfg(feature = "tls")]
mod tls;
mod usage;

use std::time::Duration;

pub use clients::Clients;
pub(crate) use limit::{Limit, Refused};
pub use limits::{LISTED_NAMEPLATES, Limits, REMEMBERED_STAMPS};
pub use mailbox::{Database, Mailbox};
pub use network::{Network, NoNetwork};
pub use notices::{Notices, TransitRelay};
pub use permission::Permission;
pub use rate::Rate;
pub use relay::Relay;
pub use timing::Timing;
#[cfg(feature = "tls")]
pub use tls::Tls;
pub use usage::Usage;

/// The shortest that anything lasts: a timer of nothing would keep the server busy with itself.
///
/// ```
/// use wormhole_sync_server::{Mailbox, Timing, config::MOMENT, listen, prepare};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let timing = Timing { prune: Duration::ZERO, ..Timing::default() }; // counts as a moment
/// # use std::time::Duration;
/// # let listener = listen("127.0.0.1:0".parse()?)?;
/// let server = prepare(listener, Mailbox { timing, ..Mailbox::default() }).await?;
/// server.serve(tokio::time::sleep(20 * MOMENT)).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const MOMENT: Duration = Duration::from_millis(1);

/// The longest that anything lasts: beyond it there are clocks that end. What is longer counts as so
/// much.
///
/// ```
/// use wormhole_sync_server::{Clients, Config, config::LONGEST, listen, prepare};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let clients = Clients { handshake: Duration::MAX, ..Clients::default() }; // counts as 30 years
/// assert!(clients.handshake > LONGEST);
/// # use std::time::Duration;
/// # let listener = listen("127.0.0.1:0".parse()?)?;
/// let server = prepare(listener, Config { clients, ..Config::default() }).await?;
/// server.serve(async {}).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// The settings of one server. The defaults suit a public mailbox server of moderate size.
///
/// No number or time is too large or too small: a time counts as a [`MOMENT`] at the least, but for
/// `drain`, and as [`LONGEST`] at the most.
///
/// ```
/// use wormhole_sync_server::{Clients, Config, Mailbox};
///
/// let config = Config {
///     mailbox: Some(Mailbox { allow_list: true, ..Mailbox::default() }),
///     clients: Clients { connections: 500, ..Clients::default() },
///     ..Config::default()
/// };
/// assert_ne!(config, Config::default());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The mailbox server; `None` does not serve it. Default: one that keeps its state in memory.
    pub mailbox: Option<Mailbox>,
    /// The transit relay; `None` does not serve it. Default: none.
    pub relay: Option<Relay>,
    /// How clients are told apart, and how many there may be.
    pub clients: Clients,
    /// What is kept for an operator's statistics.
    pub usage: Usage,
    /// How long pairs of the relay may go on once the server stops. Default: 30 s.
    pub drain: Duration,
    /// The certificate of the doors for TLS, which there cannot be without. Default: none.
    #[cfg(feature = "tls")]
    pub tls: Option<Tls>,
}

/// A transfer of some minutes is not worth a server that does not stop: its two sides can dial again.
const DRAIN: Duration = Duration::from_secs(30);

impl Default for Config {
    fn default() -> Self {
        Self {
            mailbox: Some(Mailbox::default()),
            relay: None,
            clients: Clients::default(),
            usage: Usage::default(),
            drain: DRAIN,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl Config {
    /// The same, with times that clocks can tell.
    pub(crate) fn sane(self) -> Self {
        let Self { mailbox, relay, clients, usage, drain, .. } = self;
        Self {
            mailbox: mailbox.map(|mailbox| Mailbox { timing: mailbox.timing.sane(), ..mailbox }),
            relay: relay.map(Relay::sane),
            clients: clients.sane(),
            usage: usage.sane(),
            drain: drain.min(LONGEST),
            #[cfg(feature = "tls")]
            tls: self.tls.map(Tls::sane),
        }
    }
}

/// A time as clocks can tell it.
fn sane(time: Duration) -> Duration {
    time.clamp(MOMENT, LONGEST)
}

/// A transit relay alone, with everything else at its default.
impl From<Relay> for Config {
    fn from(relay: Relay) -> Self {
        Self { mailbox: None, relay: Some(relay), ..Self::default() }
    }
}

/// A mailbox server, with everything else at its default.
impl From<Mailbox> for Config {
    fn from(mailbox: Mailbox) -> Self {
        Self { mailbox: Some(mailbox), ..Self::default() }
    }
}
