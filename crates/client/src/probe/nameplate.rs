//! Whether a mailbox server lets an exchange begin.

use std::time::Duration;

use tokio::time::Instant;

use super::LIMIT;
use crate::{error::Error, options::Options, wormhole::Wormhole};

/// The application of nobody else's, whose nameplates are taken and given back.
const APP_ID: &str = "wormhole-sync/probe";

/// Asks the mailbox server of [`Options::rendezvous`] for a nameplate, as an exchange does, and gives it back; how long
/// it took to get one. A server may welcome everybody and yet be full, or unable to write. It is the nameplate of an
/// application that has no others, and does the work that the server asks for. It takes [`LIMIT`] at most, or
/// [`Options::time_limit`].
///
/// ```
/// use wormhole_sync::{Options, probe};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// let allocated_in = probe::nameplate(&Options::new().rendezvous(url)).await?;
/// assert!(allocated_in < probe::LIMIT);
/// # Ok(()) });
/// ```
pub async fn nameplate(options: &Options) -> Result<Duration, Error> {
    let limit = options.time_limit.unwrap_or(LIMIT);
    let begun = Instant::now();
    let connected = Wormhole::connect(APP_ID, options.clone().time_limit(limit)).await?;
    let coded = connected.allocate().await?;
    let allocated_in = begun.elapsed();
    coded.close().await?;
    Ok(allocated_in)
}
