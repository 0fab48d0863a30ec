//! Settings of what an operator sees.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use wormhole_sync_server::Usage;

use super::{
    tree::{addresses, said},
    units::time,
};

/// Where health, metrics and status are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AdminSettings {
    #[serde(deserialize_with = "addresses")]
    pub(crate) listen: Vec<SocketAddr>,
}

/// What the server says of itself, on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogSettings {
    pub(crate) level: LogLevel,
    pub(crate) format: LogFormat,
}

/// What is important enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogLevel {
    Error,
    Warning,
    #[default]
    Info,
    Debug,
}

/// For people, or for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// What is kept for statistics. What is empty is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UsageSettings {
    mailbox: String,
    relay: String,
    #[serde(with = "time::or_none")]
    blur: Option<Duration>,
}

impl UsageSettings {
    /// What holds when nothing is said.
    pub(super) fn usual() -> Self {
        Self { mailbox: String::new(), relay: String::new(), blur: Usage::default().blur }
    }

    /// What the library is told.
    pub(super) fn config(&self) -> Usage {
        let path = |text| said(text).map(PathBuf::from);
        Usage { mailbox: path(&self.mailbox), relay: path(&self.relay), blur: self.blur }
    }
}
