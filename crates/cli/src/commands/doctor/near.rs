//! Whether two can meet on the local network.

use std::time::Duration;

use tokio::time::timeout;

use super::report::Report;
use crate::{
    exit::{Exit, Failure},
    json::{Check, Finding},
    local::{Host, Interfaces, Neighbours},
    settings::Checkup,
};

/// How long this computer may take to find itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// Says where an exchange without a server would look for the other side; with `--local` it is tried.
pub(super) async fn examine(checkup: &Checkup, report: &mut Report<'_>) {
    let Ok(interfaces) = checkup.local.interfaces() else {
        let why = checkup.local.forbidden().unwrap_or_default();
        return report.tell(Finding::skipped(Check::LocalNetwork, format!("{why} forbids it")));
    };
    let names = interfaces.names();
    if names.is_empty() {
        let advice = "check --local-interface and the network; 'all' takes every interface";
        let finding = Finding::problem(Check::LocalNetwork, "there is no such interface", advice);
        return told(finding, checkup, report);
    }
    let names = names.join(", ");
    if !checkup.local.asked {
        let detail =
            format!("without a server, {names} would be used; 'wormhole doctor --local' tries it");
        return report.tell(Finding::skipped(Check::LocalNetwork, detail));
    }
    let finding = match timeout(PATIENCE, finds_itself(interfaces)).await {
        Ok(Ok(())) => {
            let detail = format!("this computer finds itself on {names}, as it would find another");
            Finding::ok(Check::LocalNetwork, detail)
        }
        Ok(Err(failure)) => not_found(&failure.to_string()),
        Err(_) => not_found("this computer does not find itself there"),
    };
    told(finding, checkup, report);
}

fn not_found(detail: &str) -> Finding {
    Finding::problem(
        Check::LocalNetwork,
        detail,
        "let multicast DNS (UDP port 5353) through this computer's firewall, or choose another --local-interface",
    )
}

/// Without it, `--local` comes to nothing.
fn told(finding: Finding, checkup: &Checkup, report: &mut Report<'_>) {
    if let Some(advice) = finding.advice.as_ref().filter(|_| checkup.local.asked) {
        let message = format!("the local network is of no use: {}; {advice}", finding.detail);
        report.obstructed(Failure::new(Exit::Unreachable, "network", message));
    }
    report.tell(finding);
}

/// Announces an exchange under a number that no code has, and looks for it.
async fn finds_itself(interfaces: &Interfaces) -> Result<(), Failure> {
    let number = format!("9{:09}", getrandom::u32()?);
    let mut neighbours = Neighbours::look(interfaces)?;
    let mut host = Host::open(interfaces, &number).await?;
    let found = neighbours.find(&number).await;
    host.withdraw().await;
    found.map(drop)
}
