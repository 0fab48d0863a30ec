//! Settings of what an operator sees.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use wormhole_sync_server::Usage;

use super::{
    units::time,
    values::{addresses, said, text},
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
    #[serde(deserialize_with = "level")]
    pub(crate) level: LogLevel,
    #[serde(deserialize_with = "format")]
    pub(crate) format: LogFormat,
}

/// What is important enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogLevel {
    Error,
    Warning,
    #[default]
    Info,
    Debug,
}

/// For people, or for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

fn level<'de, D: Deserializer<'de>>(from: D) -> Result<LogLevel, D::Error> {
    match &*text(from)? {
        "error" => Ok(LogLevel::Error),
        "warning" | "warn" => Ok(LogLevel::Warning), // as many programs call it
        "info" => Ok(LogLevel::Info),
        "debug" => Ok(LogLevel::Debug),
        _ => Err(D::Error::custom("write error, warning, info or debug")),
    }
}

fn format<'de, D: Deserializer<'de>>(from: D) -> Result<LogFormat, D::Error> {
    match &*text(from)? {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(D::Error::custom("write text or json")),
    }
}

/// What is kept for statistics. What is empty is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UsageSettings {
    #[serde(deserialize_with = "text")]
    mailbox: String,
    #[serde(deserialize_with = "text")]
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
