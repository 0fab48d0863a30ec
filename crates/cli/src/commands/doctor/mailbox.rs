//! Whether the mailbox server lets this computer in.

use std::time::Duration;

use wormhole_sync::{
    ErrorKind, Trouble,
    probe::{self, Failure as Failed, MailboxServer, Permission, Stage, Way},
};

use super::{
    addresses, at_once,
    report::{Report, failed, milliseconds, over, reached},
};
use crate::{
    exit::{Exit, Failure},
    json::{Check, Finding},
    settings::Checkup,
};

/// Seconds by which clocks may differ.
const CLOCK: f64 = 300.0;

/// What is done about a server that is of no use.
const NAMING: &str = "or name another server with --relay-url";

/// What is done about one that gives no nameplate.
const FULL: &str = "ask whoever runs it, or name another server with --relay-url";

/// What is done without any.
const WITHOUT_SERVER: &str = ", or use --local, which needs no server";

/// Bits of work that are done for a look: a million hashes.
const LITTLE_WORK: u32 = 20;

/// How long that may take, with all the rest.
const WORK: Duration = Duration::from_secs(30);

/// The server, if it can be reached.
pub(super) async fn examine(checkup: &Checkup, report: &mut Report<'_>) -> Option<MailboxServer> {
    let ways = probe::ways(&checkup.server, &checkup.options).unwrap_or_default(); // it is known to be right
    let attempts = at_once(ways.into_iter().map(|way| {
        let options = checkup.options.clone();
        async move { (way, probe::mailbox(&options, way).await) }
    }))
    .await;
    let some_way = attempts.iter().any(|(_, outcome)| outcome.is_ok());
    for (way, outcome) in &attempts {
        let finding = match outcome {
            Ok(server) => {
                let (at, ready_in) = (&server.reached, server.welcomed_in);
                reached(Check::MailboxServer, "welcome", at, ready_in, server.round_trip)
            }
            Err(failure) => failed(Check::MailboxServer, failure, *way, some_way, NAMING),
        };
        report.tell(finding.of(&checkup.server, over(*way)));
    }
    let (servers, failures) = split(attempts);
    let server = servers.into_iter().min_by_key(|server| server.welcomed_in);
    match &server {
        Some(server) => {
            welcomed(server, checkup, report);
            nameplate(server, checkup, report).await;
        }
        None => report.obstructed(obstacle(checkup, &failures)),
    }
    server
}

fn split(attempts: Vec<(Way, Result<MailboxServer, Failed>)>) -> (Vec<MailboxServer>, Vec<Failed>) {
    let (mut servers, mut failures) = (Vec::new(), Vec::new());
    for (_, outcome) in attempts {
        match outcome {
            Ok(server) => servers.push(server),
            Err(failure) => failures.push(failure),
        }
    }
    (servers, failures)
}

/// What an exchange would end with.
fn obstacle(checkup: &Checkup, failures: &[Failed]) -> Failure {
    let failure =
        failures.iter().max_by_key(|failure| (failure.stage != Stage::Address, failure.stage));
    let (exit, fault) = match failure.map(|failure| (failure.stage, failure.trouble)) {
        Some((Stage::Beginning, _)) => (Exit::Usage, "caller"),
        Some((_, Some(Trouble::Silent)) | (Stage::WebSocket | Stage::Welcome, _)) => {
            (Exit::Server, "server")
        }
        _ => (Exit::Unreachable, "network"),
    };
    let (server, reason) =
        (&checkup.server, failure.map_or("it has no address", |failure| &failure.reason));
    let advice = if addresses::has(|_| true) {
        "see what to do above"
    } else {
        "this computer has no network: connect it to one"
    };
    let local = if checkup.local.allowed() { WITHOUT_SERVER } else { "" };
    let message =
        format!("the mailbox server {server} is of no use from here: {reason}; {advice}{local}");
    Failure::new(exit, fault, message)
}

/// A server may welcome everybody and be full, or unable to write.
async fn nameplate(server: &MailboxServer, checkup: &Checkup, report: &mut Report<'_>) {
    if report.is_obstructed() {
        let why = "the server lets nobody get so far";
        return report.tell(Finding::skipped(Check::Nameplate, why));
    }
    let options = checkup.options.clone().max_hashcash_bits(checkup.max_hashcash_bits);
    let options = match server.permission {
        Permission::Hashcash { bits } if bits > LITTLE_WORK => {
            let detail = format!("{bits} bits of work are not done for a look");
            return report.tell(Finding::skipped(Check::Nameplate, detail));
        }
        Permission::Hashcash { .. } => options.time_limit(WORK),
        _ => options,
    };
    match probe::nameplate(&options).await {
        Ok(allocated_in) => {
            let took = milliseconds(allocated_in);
            let detail = format!("the server gave one after {took}, and took it back");
            report.tell(Finding::ok(Check::Nameplate, detail));
        }
        Err(error) => {
            let detail = match (error.reason(), error.kind()) {
                (Some(reason), _) => format!("the server gives none: {reason}"),
                (None, ErrorKind::TimedOut) => {
                    "the server gives none, and does not say why".to_owned()
                }
                _ => error.to_string(),
            };
            refused(Check::Nameplate, &detail, FULL, report);
        }
    }
}

fn welcomed(server: &MailboxServer, checkup: &Checkup, report: &mut Report<'_>) {
    if let Some(motd) = &server.motd {
        report.quote(motd);
    }
    if let Some(error) = &server.error {
        let detail = format!("the server turns everybody away: {error}");
        let advice = "ask whoever runs it, or name another server with --relay-url";
        refused(Check::Welcome, &detail, advice, report);
    }
    permission(server.permission, checkup.max_hashcash_bits, report);
    report.tell(clock(server.clock_ahead));
}

fn permission(permission: Permission, most: u32, report: &mut Report<'_>) {
    match permission {
        Permission::None => report.tell(Finding::ok(Check::Hashcash, "the server asks for none")),
        Permission::Hashcash { bits } if bits <= most => {
            let detail =
                format!("the server asks for {bits} bits of work, and {most} are done for it");
            report.tell(Finding::ok(Check::Hashcash, detail));
        }
        Permission::Hashcash { bits } => {
            let detail = format!(
                "the server asks for {bits} bits of work, and no more than {most} are done for it"
            );
            let advice = "try again later, for a server may ask for more while it is busy; or allow more with \
                          --max-hashcash-bits, of which each one doubles the work";
            refused(Check::Hashcash, &detail, advice, report);
        }
        Permission::Unknown => {
            let detail = "the server asks for a permission that this tool does not know";
            let advice =
                "look for a newer version of this tool, or name another server with --relay-url";
            refused(Check::Hashcash, detail, advice, report);
        }
    }
}

/// A server that lets nobody in.
fn refused(check: Check, detail: &str, advice: &str, report: &mut Report<'_>) {
    report.tell(Finding::problem(check, detail, advice));
    report.obstructed(Failure::new(Exit::Server, "server", format!("{detail}; {advice}")));
}

fn clock(ahead: Option<f64>) -> Finding {
    let Some(ahead) = ahead else {
        return Finding::skipped(Check::Clock, "the server does not tell the time");
    };
    let detail = match ahead.abs() {
        seconds if seconds < 1.0 => "as the server's, to a second".to_owned(),
        seconds if seconds < 120.0 => format!("{seconds:.0} s {} the server's", side(ahead)),
        seconds => format!("{:.0} minutes {} the server's", seconds / 60.0, side(ahead)),
    };
    if ahead.abs() <= CLOCK {
        return Finding::ok(Check::Clock, detail);
    }
    Finding::problem(
        Check::Clock,
        detail,
        "set this computer's clock: certificates and proofs of work are good at their time only",
    )
}

const fn side(servers_ahead: f64) -> &'static str {
    if servers_ahead > 0.0 { "behind" } else { "ahead of" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::State;

    #[test]
    fn a_clock_may_be_off_a_little() {
        for (ahead, state, says) in [
            (None, State::Skipped, "does not tell the time"),
            (Some(0.2), State::Ok, "to a second"),
            (Some(-3.2), State::Ok, "3 s ahead of the server's"),
            (Some(200.0), State::Ok, "3 minutes behind the server's"),
            (Some(7200.0), State::Problem, "120 minutes behind the server's"),
            (Some(-1e300), State::Problem, "minutes ahead of"),
        ] {
            let finding = clock(ahead);
            assert!(finding.state == state && finding.detail.contains(says), "{finding:?}");
            assert_eq!(finding.advice.is_some(), state == State::Problem);
        }
    }
}
