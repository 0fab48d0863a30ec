//! How the bytes of files and directories are to go.

use wormhole_sync::{
    transfer::{DEFAULT_TRANSIT_RELAY, Routes, TRANSIT_RELAY_VARIABLE},
    without_login,
};

use super::even_empty;
use crate::{
    args::{GlobalArgs, ListenArgs},
    exit::{Failure, failure},
};

/// Works them out. Who asked for the local network alone is not sent to a relay by default.
pub(crate) fn routes(
    global: &GlobalArgs,
    args: &ListenArgs,
    local: bool,
) -> Result<Routes, Failure> {
    if global.tor && args.listen.is_some() {
        return Err(Failure::usage(
            "--tor hides this computer and --listen shows it; leave out one of them",
        ));
    }
    relays(listening(args)?, global, local)
}

fn listening(args: &ListenArgs) -> Result<Routes, Failure> {
    let routes = Routes::new();
    if args.no_listen {
        return Ok(routes.no_listen());
    }
    match args.listen.as_deref() {
        None | Some("") => Ok(routes),
        Some(at) => match (at.parse(), at.parse()) {
            (Ok(port), _) => Ok(routes.listen_port(port)),
            (_, Ok(address)) => Ok(routes.listen_at(address)),
            _ => Err(Failure::usage(format!(
                "'{at}' is no port and no address with one; write --listen PORT or --listen ADDRESS:PORT"
            ))),
        },
    }
}

fn relays(routes: Routes, global: &GlobalArgs, local: bool) -> Result<Routes, Failure> {
    match named_relays(global)? {
        None if local => Ok(routes.no_relay()),
        None => routes.relay_unless_advertised(DEFAULT_TRANSIT_RELAY).map_err(failure),
        Some(named) => {
            let routes = routes.no_relay();
            named.iter().try_fold(routes, |routes, relay| routes.relay(relay).map_err(failure))
        }
    }
}

/// The relays that are named, of which an empty one, also in the environment, is none. `None` leaves them to the server.
pub(super) fn named_relays(global: &GlobalArgs) -> Result<Option<Vec<String>>, Failure> {
    let mut named = global.transit_helper.clone();
    if named.is_empty() {
        named.extend(even_empty(TRANSIT_RELAY_VARIABLE)?);
    }
    let any = !named.is_empty();
    named.retain(|relay| !relay.is_empty());
    Ok(any.then(|| named.iter().map(|relay| without_login(relay)).collect()))
}
