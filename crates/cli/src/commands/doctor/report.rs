//! What was found so far.

use std::{net::IpAddr, time::Duration};

use wormhole_sync::{
    Trouble,
    probe::{Failure as Failed, Reached, Stage, Way},
    transfer::FarEnd,
};

use super::addresses;
use crate::{
    exit::Failure,
    json::{Check, Event, Finding, Over, State, Took},
    term::narrate::Console,
};

/// What was found so far, each told at once.
pub(super) struct Report<'a> {
    console: &'a Console,
    problems: usize,
    /// The advice of the last finding.
    advised: Option<String>,
    /// Why an exchange would not work.
    obstacle: Option<Failure>,
}

impl<'a> Report<'a> {
    pub(super) const fn new(console: &'a Console) -> Self {
        Self { console, problems: 0, advised: None, obstacle: None }
    }

    /// Tells of it. A person is given the same advice once, and not for each way to a server.
    pub(super) fn tell(&mut self, mut finding: Finding) {
        self.problems += usize::from(finding.state == State::Problem);
        let advice = finding.advice.clone();
        if advice == self.advised && !self.console.is_json() {
            finding.advice = None;
        }
        self.advised = advice;
        self.console.tell(&Event::Check(&finding));
    }

    /// What the server has to say.
    pub(super) fn quote(&self, motd: &str) {
        self.console.tell(&Event::Welcome { motd: Some(motd) });
    }

    /// An exchange would end with this. The first is the one that it would come to.
    pub(super) fn obstructed(&mut self, failure: Failure) {
        self.obstacle.get_or_insert(failure);
    }

    /// Whether it is known already that one would not work.
    pub(super) const fn is_obstructed(&self) -> bool {
        self.obstacle.is_some()
    }

    pub(super) fn finish(self) -> Result<(), Failure> {
        let Self { console, problems, obstacle, .. } = self;
        console.tell(&Event::Diagnosis { works: obstacle.is_none(), problems });
        obstacle.map_or(Ok(()), Err)
    }
}

/// How a server was reached.
pub(super) const fn over(way: Way) -> Over {
    match way {
        Way::Ipv4 => Over::Ipv4,
        Way::Ipv6 => Over::Ipv6,
        Way::Usual => Over::Proxy,
    }
}

/// A server that did what it is for: `ready` says what.
pub(super) fn reached(
    check: Check,
    ready: &str,
    reached: &Reached,
    ready_in: Duration,
    round_trip: Option<Duration>,
) -> Finding {
    let (far_end, connected_in) = (&reached.far_end, reached.connected_in);
    let far_end = match far_end {
        FarEnd::Address(address) => address.ip().to_canonical().to_string(),
        other => other.to_string(),
    };
    let tls = if reached.tls { "TLS" } else { "no TLS" };
    let back = round_trip.map_or_else(String::new, |round_trip| {
        format!(", there and back in {}", milliseconds(round_trip))
    });
    let detail = format!(
        "{far_end}, {tls}; connected in {}, {ready} after {}{back}",
        milliseconds(connected_in),
        milliseconds(ready_in)
    );
    let (connected_in, ready_in) = (Some(connected_in), Some(ready_in));
    Finding { took: Took { connected_in, ready_in, round_trip }, ..Finding::ok(check, detail) }
}

pub(super) fn milliseconds(time: Duration) -> String {
    match time.as_millis() {
        0 => "less than 1 ms".to_owned(),
        time => format!("{time} ms"),
    }
}

/// What an attempt that failed is found to be. A family of addresses that this computer does not have is none that it
/// misses, where there is `another` way. `naming` says how another server is named.
pub(super) fn failed(
    check: Check,
    failure: &Failed,
    way: Way,
    another: bool,
    naming: &str,
) -> Finding {
    if failure.stage == Stage::Address {
        return Finding::skipped(check, &*failure.reason);
    }
    let missing = match way {
        Way::Ipv4 if !addresses::has(IpAddr::is_ipv4) => Some("IPv4"),
        Way::Ipv6 if !addresses::has(IpAddr::is_ipv6) => Some("IPv6"),
        _ => None,
    };
    if let Some(family) = missing.filter(|_| another && failure.stage == Stage::Connecting) {
        return Finding::skipped(check, format!("this computer has no {family} address"));
    }
    let naming = if another { "the other family serves meanwhile" } else { naming };
    let advice = match failure.trouble {
        Some(trouble) => format!("{}; {naming}", advice_on(check, trouble)),
        None => advice(failure.stage, naming),
    };
    Finding::problem(check, &*failure.reason, &advice)
}

/// What is done about a server that was reached. The library's words are for mailbox servers.
fn advice_on(check: Check, trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Http(400..=428 | 430..=499) if check == Check::Relay => {
            "check that there is a relay at this URL, and ask whoever runs it"
        }
        trouble => trouble.advice(),
    }
}

fn advice(stage: Stage, naming: &str) -> String {
    match stage {
        Stage::Name => {
            format!("check the name, and this computer's network and its DNS; {naming}")
        }
        Stage::Connecting => {
            format!("check that this computer is online and that no firewall is between; {naming}")
        }
        Stage::Proxy => "check the proxy (--proxy, --tor, ALL_PROXY), or do without".to_owned(),
        Stage::Welcome | Stage::Pairing | Stage::Passing => {
            format!("check that there is such a server, and ask whoever runs it; {naming}")
        }
        _ => format!("check the URL; {naming}"),
    }
}
