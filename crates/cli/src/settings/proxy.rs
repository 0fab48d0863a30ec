//! By way of which proxy, if any.

use wormhole_sync::{Options, Proxy};

use crate::{
    args::GlobalArgs,
    exit::{Failure, failure},
};

/// What was said of proxies.
#[derive(Clone)]
pub(crate) enum Way {
    /// Nothing on the command line: what the environment names, if it names one.
    Environment,
    /// None, whatever the environment names.
    Straight,
    /// This one.
    Proxy(Proxy),
    /// Tor, with all that goes with it.
    Tor(Proxy),
}

impl Way {
    pub(super) fn resolve(global: &GlobalArgs) -> Result<Self, Failure> {
        let named = global.proxy.as_deref().filter(|url| !url.is_empty());
        let proxy = named.map(Proxy::parse).transpose().map_err(failure)?;
        Ok(match (proxy, global.tor) {
            (Some(proxy), true) => Self::Tor(proxy.into_tor().map_err(failure)?),
            (None, true) => Self::Tor(Proxy::tor()),
            (Some(proxy), false) => Self::Proxy(proxy.except_as_the_environment_has_it()),
            (None, false) if global.proxy.is_some() => Self::Straight,
            (None, false) => {
                Proxy::from_environment().map_err(failure)?; // it is to be wrong now, not half-way
                Self::Environment
            }
        })
    }

    pub(super) fn apply(&self, options: Options) -> Options {
        match self {
            Self::Environment => options,
            Self::Straight => options.no_proxy(),
            Self::Proxy(proxy) | Self::Tor(proxy) => options.proxy(proxy.clone()),
        }
    }

    /// Whether nothing of this computer may be told.
    pub(crate) const fn is_tor(&self) -> bool {
        matches!(self, Self::Tor(_))
    }
}
