//! How the bytes of files and directories are to go.

use wormhole_sync::transfer::{DEFAULT_TRANSIT_RELAY, Routes, TRANSIT_RELAY_VARIABLE};

use super::variable;
use crate::{
    args::{GlobalArgs, RouteArgs},
    exit::{Failure, failure},
};

/// Works them out. Who asked for the local network alone is not sent to a relay by default.
pub(crate) fn routes(
    global: &GlobalArgs,
    args: &RouteArgs,
    local: bool,
) -> Result<Routes, Failure> {
    if global.tor && args.listen.is_some() {
        return Err(Failure::usage(
            "--tor hides this computer and --listen shows it; leave out one of them",
        ));
    }
    let mut routes = listening(args)?;
    for relay in relays(global, local)? {
        routes = routes.relay(&relay).map_err(failure)?;
    }
    Ok(routes)
}

fn listening(args: &RouteArgs) -> Result<Routes, Failure> {
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

/// As the Python tool has it, an empty one is none.
fn relays(global: &GlobalArgs, local: bool) -> Result<Vec<String>, Failure> {
    let mut relays = global.transit_helper.clone();
    if relays.is_empty() {
        let variable = variable(TRANSIT_RELAY_VARIABLE)?;
        let default = (!local).then(|| DEFAULT_TRANSIT_RELAY.to_owned());
        relays.extend(variable.or(default));
    }
    relays.retain(|relay| !relay.is_empty());
    Ok(relays)
}
