//! Whether the other side can connect to this computer.

use std::net::IpAddr;

use wormhole_sync::{
    probe::{self, MailboxServer},
    transfer::FarEnd,
};

use super::{
    addresses::{self, Reach},
    relays::Relaying,
    report::Report,
};
use crate::{
    exit::{Exit, Failure, failure},
    json::{Check, Finding},
    settings::Checkup,
};

/// What makes a way for files where there is none.
const ADVICE: &str = "name a relay with --transit-helper, or let a port through to this computer and name it with \
                      --listen; otherwise the other side must be one that this computer can connect to";

/// Whether ports can be opened, and who reaches them.
pub(super) async fn examine(
    checkup: &Checkup,
    server: Option<&MailboxServer>,
    relaying: Relaying,
    report: &mut Report<'_>,
) {
    if let Some(why) = checkup.hides {
        report.tell(Finding::skipped(Check::Listening, format!("{why} does without")));
        let detail = format!("{why} tells no address: it is the other side that must be reached");
        return judge(Verdict::No(detail), relaying, report);
    }
    match probe::listening(&checkup.routes).await {
        Ok(told) => {
            let port = told.first().map_or(0, std::net::SocketAddr::port);
            let detail = format!("a port can be opened, such as {port}");
            report.tell(Finding::ok(Check::Listening, detail));
            let ours: Vec<IpAddr> = told.iter().map(|at| at.ip().to_canonical()).collect();
            report.tell(ours_in_words(&ours));
            judge(verdict(&ours, server.and_then(seen_as)), relaying, report);
        }
        Err(error) => {
            let failure = failure(error);
            let advice = "name another port with --listen, or use --no-listen";
            report.tell(Finding::problem(Check::Listening, failure.to_string(), advice));
            report.obstructed(failure);
        }
    }
}

fn ours_in_words(ours: &[IpAddr]) -> Finding {
    let v6 = if ours.iter().any(addresses::is_public_v6) { "" } else { "; no public IPv6 address" };
    let detail = addresses::listed(ours) + v6;
    match addresses::widest(ours) {
        Some(Reach::Private | Reach::Public) => Finding::ok(Check::Addresses, detail),
        Some(Reach::Loopback) | None => Finding::problem(
            Check::Addresses,
            detail,
            "connect this computer to a network; without one it meets nobody but itself, with --local",
        ),
    }
}

/// The address from which the server sees this computer, where no proxy is between.
fn seen_as(server: &MailboxServer) -> Option<IpAddr> {
    let direct = matches!(server.reached.far_end, FarEnd::Address(_));
    server.your_address.filter(|_| direct).map(|address| address.to_canonical())
}

/// Whether others can connect to this computer, as far as can be told from here; and why.
#[derive(Debug, PartialEq)]
enum Verdict {
    Yes(String),
    No(String),
    Unknown(&'static str),
}

fn verdict(ours: &[IpAddr], seen: Option<IpAddr>) -> Verdict {
    let Some(seen) = seen else {
        return Verdict::Unknown("no server says from where it sees this computer");
    };
    match addresses::reach(seen) {
        Some(Reach::Loopback) => Verdict::Yes(
            "the server is on this computer, where others of its network can connect to it"
                .to_owned(),
        ),
        _ if !ours.contains(&seen) => Verdict::No(format!(
            "the server sees this computer at {seen}, which is no address of its own: addresses are translated \
             between, and who is not in this computer's network cannot connect to it"
        )),
        Some(Reach::Public) => Verdict::Yes(format!(
            "the server sees this computer at {seen}, its own address: others can connect to it, unless a \
             firewall is between"
        )),
        _ => Verdict::Yes(format!(
            "the server is in this computer's network ({seen}); who is there, too, can connect to it"
        )),
    }
}

/// Files need a way: this one, or a relay.
fn judge(verdict: Verdict, relaying: Relaying, report: &mut Report<'_>) {
    let finding = match verdict {
        Verdict::Yes(detail) => Finding::ok(Check::Direct, detail),
        Verdict::Unknown(detail) => Finding::skipped(Check::Direct, detail),
        Verdict::No(detail) if relaying == Relaying::Works => {
            Finding::ok(Check::Direct, format!("{detail}; files go through a relay then"))
        }
        Verdict::No(detail) if relaying == Relaying::Unknown => {
            Finding::skipped(Check::Direct, detail)
        }
        Verdict::No(detail) => {
            if relaying == Relaying::Fails {
                report.obstructed(Failure::new(
                    Exit::Unreachable,
                    "network",
                    format!("files would find no way: no relay works, and {detail}; {ADVICE}"),
                ));
            }
            Finding::problem(Check::Direct, detail, ADVICE)
        }
    };
    report.tell(finding);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn translation_is_told_by_what_the_server_sees() {
        let home = addresses(&["192.168.0.7", "fd00::7"]);
        for (ours, seen, expected) in [
            (
                &home,
                "198.51.100.7",
                "no: the server sees this computer at 198.51.100.7, which is no",
            ),
            (&home, "192.168.0.7", "yes: the server is in this computer's network"),
            (&home, "127.0.0.1", "yes: the server is on this computer"),
            (
                &addresses(&["2001:db8::7"]),
                "2001:db8::7",
                "yes: the server sees this computer at 2001",
            ),
        ] {
            let said = match verdict(ours, seen.parse().ok()) {
                Verdict::Yes(why) => format!("yes: {why}"),
                Verdict::No(why) => format!("no: {why}"),
                Verdict::Unknown(why) => why.to_owned(),
            };
            assert!(said.starts_with(expected), "{said}");
        }
        assert!(matches!(verdict(&home, None), Verdict::Unknown(_)));
    }
}
