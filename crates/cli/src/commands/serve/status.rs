//! `wormhole serve status`: what an operator asks first, of a server that runs.

mod page;
mod told;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{
    args::{GlobalArgs, Servers, StatusArgs},
    commands::blob,
    exit::Failure,
    settings::serve::Sources,
};
use told::Told;

/// Where a server is asked that names no other place.
const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4010);

/// Asks, and prints the answer: as it is with `--json`, for people else. A server in trouble is a failure, so that this can
/// be asked for its health.
pub(crate) async fn run(global: &GlobalArgs, args: &StatusArgs) -> Result<(), Failure> {
    let place = match &args.admin {
        Some(url) => page::place(url)?,
        None => named(args)?.to_string(),
    };
    let text = page::fetch(&place, "/status").await?;
    let told: Told = serde_json::from_str(&text).map_err(|error| page::strange(&place, &error))?;
    let shown = if global.json { format!("{}\n", text.trim_end()) } else { told.shown() };
    blob::to_stdout(shown.as_bytes())?;
    match told.trouble() {
        None => Ok(()),
        Some(trouble) => Err(Failure::here(format!(
            "the server does not serve as it should: {trouble}; see its log"
        ))),
    }
}

/// Where the server of these settings is asked.
fn named(args: &StatusArgs) -> Result<SocketAddr, Failure> {
    let servers = Servers { mailbox: false, relay: false };
    let resolved = Sources::without_flags(servers, args.config.clone()).resolve()?;
    let mut address = resolved.settings.admin.listen.first().copied().unwrap_or(USUAL);
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Ok(address)
}
