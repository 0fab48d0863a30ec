//! What an operator sees of a running server: how it is, how much of everything there is, and how
//! that came. No client is told apart from another.

mod exposition;
mod status;

use std::{borrow::Cow, sync::Arc, time::Duration};

use crate::{
    clock::Clock,
    engine,
    front::Front,
    metrics::{Counts, Metrics, Totals, until_midnight},
    relay,
    usage::{MailboxNow, RelayNow},
};

/// How often usage databases are told what the server is like.
const NOTE: Duration = Duration::from_secs(5 * 60);

/// Where everything is looked at.
pub(crate) struct Watch {
    clock: Arc<Clock>,
    /// By the steady clock.
    started: f64,
    front: Arc<Front>,
}

/// What there is at one moment.
struct Look {
    now: f64,
    connections: usize,
    mailbox: Option<MailboxLook>,
    relay: Option<relay::Present>,
    /// In Unix seconds.
    certificate_ends: Option<u64>,
    totals: Totals,
    today: Totals,
}

struct MailboxLook {
    present: engine::Present,
    database_bytes: Option<u64>,
    hashcash_bits: u32,
}

impl Watch {
    pub(crate) fn new(clock: Arc<Clock>, front: Arc<Front>) -> Self {
        Self { started: clock.steady().now(), clock, front }
    }

    /// Why clients are not served as they should be, if so.
    pub(crate) fn trouble(&self) -> Option<Cow<'static, str>> {
        // Clients are better sent elsewhere, whatever is served here: no door is open.
        if self.front.is_stopping() {
            return Some(engine::STOPS.into());
        }
        self.front.mailbox.as_ref().and_then(|mailbox| mailbox.trouble())
    }

    /// Everything, in Prometheus' text format.
    pub(crate) fn exposition(&self) -> String {
        exposition::of(&self.look(), self.metrics(), self.started())
    }

    /// What is asked first, in JSON.
    pub(crate) fn status(&self) -> String {
        let look = self.look();
        let lost = self.metrics().usage_rows_lost();
        status::of(&look, self.trouble().as_deref(), self.clock.steady().now() - self.started, lost)
    }

    /// Tells the usage databases what the server is like, and begins a new day when it is time.
    pub(crate) fn note(&self) {
        let Look { now, mailbox, relay, .. } = self.look();
        let (rebooted, updated) = (self.started(), now);
        if let Some(mailbox) = mailbox {
            let connections = mailbox.present.connections;
            self.front.recorder.mailbox_now(MailboxNow { rebooted, updated, connections });
        }
        if let Some(relay) = relay {
            let relay::Present { waiting, pairs, incomplete_bytes, .. } = relay;
            self.front.recorder.relay_now(RelayNow {
                rebooted,
                updated,
                pairs,
                waiting,
                incomplete_bytes,
            });
        }
    }

    /// How long until the next note.
    pub(crate) fn pause(&self) -> Duration {
        NOTE.min(until_midnight(self.clock.now()))
    }

    /// The last note. It blocks until everything is written down.
    pub(crate) fn stop(&self) {
        self.note();
        self.front.recorder.stop();
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        self.front.recorder.metrics()
    }

    /// When the server started, in Unix seconds.
    fn started(&self) -> f64 {
        self.clock.moment(self.started)
    }

    #[cfg(feature = "tls")]
    fn certificate_ends(&self) -> Option<u64> {
        let ends = self.front.certificates.as_ref()?.ends()?;
        Some(ends.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?.as_secs())
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_self, reason = "there is no certificate to ask for")]
    const fn certificate_ends(&self) -> Option<u64> {
        None
    }

    fn look(&self) -> Look {
        let Front { gate, mailbox, relay, .. } = &*self.front;
        let metrics = self.metrics();
        let mut refused = metrics.refused.counts();
        add(&mut refused, mailbox.as_ref().map(|mailbox| mailbox.refused()));
        let mailbox = mailbox.as_ref().map(|mailbox| MailboxLook {
            present: mailbox.present(),
            database_bytes: mailbox.database_bytes(),
            hashcash_bits: mailbox.hashcash_bits(),
        });
        let relay = relay.as_ref().map(|relay| relay.present());
        add(&mut refused, relay.as_ref().map(|relay| relay.refused.clone()));
        let totals = Totals {
            mailbox_endings: metrics.mailbox_endings.counts(),
            relay_endings: metrics.relay_endings.counts(),
            relay_bytes: relay.as_ref().map_or(0, |relay| relay.bytes),
            refused,
        };
        let now = self.clock.now();
        let today = metrics.today(now, &totals);
        let (connections, certificate_ends) = (gate.connections(), self.certificate_ends());
        Look { now, connections, mailbox, relay, certificate_ends, totals, today }
    }
}

/// Counts of another place, where there is one.
fn add(counts: &mut Counts, others: Option<Counts>) {
    for (name, times) in others.unwrap_or_default() {
        *counts.entry(name).or_default() += times;
    }
}
