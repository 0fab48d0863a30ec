//! `wormhole doctor`: whether an exchange would work from here, and what to do where not.
//!
//! It does what an exchange does, as far as that needs nobody else. What is in the way of one is told by the exit code
//! that an exchange would have ended with.

use std::future::Future;

use wormhole_sync::probe::{self, MailboxServer};

mod addresses;
mod direct;
mod mailbox;
mod near;
mod relays;
mod report;

use report::Report;

use crate::{
    args::{DoctorArgs, GlobalArgs},
    exit::{Failure, failure},
    json::{Check, Finding},
    settings::Checkup,
    term::narrate::Console,
};

/// Works out what is looked at.
pub(crate) fn prepare(global: &GlobalArgs, args: &DoctorArgs) -> Result<Checkup, Failure> {
    let checkup = Checkup::resolve(global, args)?;
    probe::ways(&checkup.server, &checkup.options).map_err(failure)?; // a wrong URL is a mistake
    Ok(checkup)
}

/// Looks at it.
pub(crate) async fn run(checkup: Checkup, console: &Console) -> Result<(), Failure> {
    let mut report = Report::new(console);
    let server = server(&checkup, &mut report).await;
    let relays = relays::examine(&checkup, server.as_ref(), &mut report).await;
    direct::examine(&checkup, server.as_ref(), relays, &mut report).await;
    near::examine(&checkup, &mut report).await;
    report.finish()
}

async fn server(checkup: &Checkup, report: &mut Report<'_>) -> Option<MailboxServer> {
    if checkup.local.asked {
        report.tell(Finding::skipped(Check::MailboxServer, "--local uses none"));
        return None;
    }
    mailbox::examine(checkup, report).await
}

/// Does all of it at once; the results in order.
async fn at_once<T: Send + 'static>(
    work: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let running: Vec<_> = work.into_iter().map(tokio::spawn).collect();
    let mut done = Vec::new();
    for task in running {
        done.extend(task.await.ok()); // one that panicked has said so
    }
    done
}
