//! Whether a transit relay joins two.

use wormhole_sync::{
    probe::{self, Failure as Failed, MailboxServer, PairingRelay, Way},
    transfer::DEFAULT_TRANSIT_RELAY,
};

use super::{
    at_once,
    report::{Report, failed, over, reached},
};
use crate::{
    json::{Check, Finding},
    settings::{Checkup, Relays},
};

/// What is done about a relay that is of no use.
const NAMING: &str = "or name another relay with --transit-helper";

/// Whether files find a relay.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Relaying {
    /// One joins two.
    Works,
    /// None of them does.
    Fails,
    /// There is none.
    None,
    /// Which there are only a server could say that does not answer.
    Unknown,
}

/// Tries all relays that an exchange would use.
pub(super) async fn examine(
    checkup: &Checkup,
    server: Option<&MailboxServer>,
    report: &mut Report<'_>,
) -> Relaying {
    if server.is_none() && checkup.relays_are_the_servers_own() {
        report.tell(Finding::skipped(Check::Relay, "none is known until the server answers"));
        return Relaying::Unknown;
    }
    let relays = in_force(&checkup.relays, server);
    if relays.is_empty() {
        let why = if checkup.local.asked { "--local uses none" } else { "none is to be used" };
        report.tell(Finding::skipped(Check::Relay, why));
        return Relaying::None;
    }
    let attempts = at_once(relays.into_iter().flat_map(|relay| attempts(checkup, &relay))).await;
    for Attempt { relay, way, outcome } in &attempts {
        let finding = match outcome {
            Ok(joined) => {
                let (at, paired_in) = (&joined.reached, joined.paired_in);
                reached(Check::Relay, "joined two", at, paired_in, Some(joined.round_trip))
            }
            Err(failure) => {
                let another = attempts.iter().any(|other| other.relay == *relay && other.works());
                failed(Check::Relay, failure, *way, another, NAMING)
            }
        };
        report.tell(finding.of(relay, over(*way)));
    }
    if attempts.iter().any(Attempt::works) { Relaying::Works } else { Relaying::Fails }
}

fn in_force(relays: &Relays, server: Option<&MailboxServer>) -> Vec<String> {
    let advertised = server.map(|server| &*server.transit_relays).unwrap_or_default();
    match (relays, advertised) {
        (Relays::Named(named), _) => named.clone(),
        (Relays::ByServer, []) => vec![DEFAULT_TRANSIT_RELAY.to_owned()],
        (Relays::ByServer, advertised) => advertised.to_vec(),
    }
}

/// One way to a relay, and what came of it.
struct Attempt {
    relay: String,
    way: Way,
    outcome: Result<PairingRelay, Failed>,
}

impl Attempt {
    const fn works(&self) -> bool {
        self.outcome.is_ok()
    }
}

/// Each way to a relay. One that a server has named wrongly is told of as any other.
fn attempts(
    checkup: &Checkup,
    relay: &str,
) -> impl Iterator<Item = impl Future<Output = Attempt> + Send + use<>> + use<> {
    let ways = probe::ways(relay, &checkup.options).unwrap_or_else(|_| vec![Way::Usual]);
    let (relay, options) = (relay.to_owned(), checkup.options.clone());
    ways.into_iter().map(move |way| {
        let (relay, options) = (relay.clone(), options.clone());
        async move {
            let outcome = probe::relay(&relay, &options, way).await;
            Attempt { relay, way, outcome }
        }
    })
}
