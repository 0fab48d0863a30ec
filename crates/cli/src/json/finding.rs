//! What `wormhole doctor` finds.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    /// What it is.
    pub(crate) check: Check,
    /// What came of it.
    pub(crate) state: State,
    /// The server or relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    /// How it was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) over: Option<Over>,
    /// In words, which may be a stranger's.
    pub(crate) detail: String,
    /// What to do about a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advice: Option<String>,
    /// How long things took.
    #[serde(flatten)]
    pub(crate) took: Took,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Check {
    /// Whether the mailbox server can be reached.
    MailboxServer,
    /// Whether it lets anybody in.
    Welcome,
    /// Whether it gives a nameplate, with which an exchange begins.
    Nameplate,
    /// Whether it asks for more work than is done for it.
    Hashcash,
    /// Whether this computer's clock agrees with its.
    Clock,
    /// Whether a transit relay joins two.
    Relay,
    /// Whether ports can be listened on.
    Listening,
    /// The addresses of this computer.
    Addresses,
    /// Whether the other side can connect to this computer.
    Direct,
    /// Whether there is a local network.
    LocalNetwork,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It is as it should be.
    Ok,
    /// It is not.
    Problem,
    /// It was not tried.
    Skipped,
}

/// How a server was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Over {
    /// At an IPv4 address.
    Ipv4,
    /// At an IPv6 address.
    Ipv6,
    /// By way of a proxy.
    Proxy,
}

/// Times, in seconds for programs.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Took {
    /// Until the connection was open.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub(crate) connected_in: Option<Duration>,
    /// Until the server had done what it is for: said its welcome, or joined two.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub(crate) ready_in: Option<Duration>,
    /// There and back again.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub(crate) round_trip: Option<Duration>,
}

#[expect(clippy::ref_option, reason = "the form that serde takes")]
fn seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.unwrap_or_default().as_secs_f64())
}

impl Finding {
    /// All is well.
    pub(crate) fn ok(check: Check, detail: impl Into<String>) -> Self {
        Self::new(check, State::Ok, detail, None)
    }

    /// Something is not, and this is to be done about it.
    pub(crate) fn problem(check: Check, detail: impl Into<String>, advice: &str) -> Self {
        Self::new(check, State::Problem, detail, Some(advice.to_owned()))
    }

    /// It was not tried, and why.
    pub(crate) fn skipped(check: Check, detail: impl Into<String>) -> Self {
        Self::new(check, State::Skipped, detail, None)
    }

    fn new(check: Check, state: State, detail: impl Into<String>, advice: Option<String>) -> Self {
        let (detail, took) = (detail.into(), Took::default());
        Self { check, state, target: None, over: None, detail, advice, took }
    }

    /// The same, of a server that was reached so.
    pub(crate) fn of(mut self, target: &str, over: Over) -> Self {
        self.target = Some(target.to_owned());
        self.over = Some(over);
        self
    }
}
