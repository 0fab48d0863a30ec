//! What `wormhole doctor` looks at.

use std::time::Duration;

use wormhole_sync::{DEFAULT_MAX_BITS, DEFAULT_RENDEZVOUS, Options, transfer::Routes};

use super::{Local, Way, routes, routes::named_relays, server};
use crate::{
    args::{DoctorArgs, GlobalArgs},
    exit::Failure,
};

/// How long one server may take to show itself.
const PATIENCE: Duration = Duration::from_secs(4);

/// What an exchange would be done with.
pub(crate) struct Checkup {
    /// The mailbox server, with the proxy that leads there; and the time limit of one attempt.
    pub(crate) options: Options,
    /// Its URL.
    pub(crate) server: String,
    /// The transit relays.
    pub(crate) relays: Relays,
    /// Where the other side may connect to.
    pub(crate) routes: Routes,
    /// Why it may not, if it may not.
    pub(crate) hides: Option<&'static str>,
    /// Most bits of hashcash.
    pub(crate) max_hashcash_bits: u32,
    /// Whether and where there is a local network.
    pub(crate) local: Local,
}

/// Which transit relays are used.
pub(crate) enum Relays {
    /// These.
    Named(Vec<String>),
    /// Those that the mailbox server advertises, or else the usual one.
    ByServer,
}

impl Checkup {
    /// Whether nothing is known of relays before the server has been heard: somebody's own server may advertise some,
    /// and the usual one is no part of what they run.
    pub(crate) fn relays_are_the_servers_own(&self) -> bool {
        matches!(self.relays, Relays::ByServer) && self.server != DEFAULT_RENDEZVOUS
    }

    /// Works them out.
    pub(crate) fn resolve(global: &GlobalArgs, args: &DoctorArgs) -> Result<Self, Failure> {
        let way = Way::resolve(global)?;
        let (local, server) = (Local::resolve(&args.nearby, &way)?, server(global)?);
        let named = named_relays(global)?.or_else(|| local.asked.then(Vec::new));
        let hides = [(way.is_tor(), "--tor"), (args.listening.no_listen, "--no-listen")];
        Ok(Self {
            options: way.apply(Options::new().rendezvous(&*server).time_limit(PATIENCE)),
            server,
            relays: named.map_or(Relays::ByServer, Relays::Named),
            routes: routes(global, &args.listening, local.asked)?,
            hides: hides.into_iter().find_map(|(hides, why)| hides.then_some(why)),
            max_hashcash_bits: args.work.max_hashcash_bits.unwrap_or(DEFAULT_MAX_BITS),
            local,
        })
    }
}
