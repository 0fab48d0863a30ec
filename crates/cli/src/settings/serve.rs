//! The servers' settings: the usual ones, a file over them, the environment over that, and flags
//! over all.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use toml::{Table, Value};
use wormhole_sync_server::Config;

mod doubts;
mod given;
mod names;
mod operator;
mod place;
mod shown;
mod text;
mod tree;
mod units;
mod values;

pub(crate) use operator::{LogFormat, LogLevel, LogSettings};
pub(crate) use tree::Settings;

use super::truth;
use crate::{args::Servers, exit::Failure};
use given::{FILE_VARIABLE, Given};
use names::{leaves, put};

/// Where TLS is served when nothing but a certificate is named: for everybody, on Linux by IPv4 as well.
const HTTPS: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 443);

/// Where settings are looked for.
pub(crate) struct Sources {
    /// For which servers.
    pub(crate) servers: Servers,
    /// The file that `--config` names.
    pub(crate) file: Option<PathBuf>,
    /// All of the environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// What flags say: the flag, the setting's name, its value.
    pub(crate) flags: Vec<(String, String, String)>,
}

/// Settings, and where those come from that were given.
pub(crate) struct Resolved {
    pub(crate) servers: Servers,
    pub(crate) settings: Settings,
    /// By the setting's name.
    origins: BTreeMap<String, String>,
    /// The usual place of the state, where there is one.
    usual: Option<String>,
}

impl Sources {
    /// Those of a server that was started without flags for its settings.
    pub(crate) fn without_flags(servers: Servers, file: Option<PathBuf>) -> Self {
        Self { servers, file, environment: std::env::vars_os().collect(), flags: Vec::new() }
    }

    /// Works them out. The file is read anew each time.
    pub(crate) fn resolve(&self) -> Result<Resolved, Failure> {
        let mut table = table(&Settings::usual(self.servers))?;
        let mut origins = BTreeMap::new();
        for Given { name, value, origin } in self.given(&leaves(&table))? {
            let mut changed = table.clone();
            put(&mut changed, &name, value.clone());
            Settings::of(&changed).map_err(|error| {
                Failure::usage(format!("{name} cannot be {value} ({origin}): {error}"))
            })?;
            table = changed;
            origins.insert(name, origin);
        }
        let mut settings = Settings::of(&table).map_err(Failure::here)?;
        if !settings.tls.certificate.is_empty() && !origins.contains_key("tls.listen") {
            settings.tls.listen = vec![HTTPS];
            origins.insert("tls.listen".to_owned(), "as there is a certificate".to_owned());
        }
        let usual = place::usual(|name| self.variable(name));
        if self.servers.mailbox && settings.mailbox.database.is_empty() {
            settings.mailbox.database.clone_from(usual.as_ref().map_err(Clone::clone)?);
            origins.insert("mailbox.database".to_owned(), "the usual place".to_owned());
        }
        Ok(Resolved { servers: self.servers, settings, origins, usual: usual.ok() })
    }

    /// All that was given, the weakest first.
    fn given(&self, usual: &BTreeMap<String, Value>) -> Result<Vec<Given>, Failure> {
        let mut given = Vec::new();
        if let Some(path) = self.path() {
            given.extend(given::file(&path, usual)?);
        }
        given.extend(given::environment(&self.environment, usual)?);
        for (flag, name, text) in &self.flags {
            given.push(given::flag(flag, name, text, usual)?);
        }
        Ok(given)
    }

    fn path(&self) -> Option<PathBuf> {
        let named = || self.variable(FILE_VARIABLE).map(PathBuf::from);
        self.file.clone().or_else(named).filter(|path| path != Path::new(""))
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        let found = self.environment.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone())
    }
}

impl Resolved {
    /// What the library is told.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        self.settings.config(self.servers)
    }

    /// Who gave this setting, if anybody did.
    pub(crate) fn origin(&self, name: &str) -> Option<&str> {
        self.origins.get(name).map(String::as_str)
    }

    /// Makes the directory that the state is kept in, when it is the usual one.
    pub(crate) fn make_usual_place(&self) -> Result<(), Failure> {
        if self.in_usual_place() {
            place::make(Path::new(&self.settings.mailbox.database))?;
        }
        Ok(())
    }

    /// Whether the state is kept where it usually is.
    pub(crate) fn in_usual_place(&self) -> bool {
        self.usual.as_ref() == Some(&self.settings.mailbox.database)
    }

    /// The names of those settings that are others in `later`.
    pub(crate) fn changed(&self, later: &Self) -> Result<Vec<String>, Failure> {
        let (now, later) = (leaves(&table(&self.settings)?), leaves(&table(&later.settings)?));
        let other =
            |(name, value): (String, Value)| (later.get(&name) != Some(&value)).then_some(name);
        Ok(now.into_iter().filter_map(other).collect())
    }
}

impl Settings {
    fn of(table: &Table) -> Result<Self, String> {
        table.clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())
    }
}

/// The settings as the file has them.
fn table(settings: &Settings) -> Result<Table, Failure> {
    Table::try_from(settings)
        .map_err(|error| Failure::here(format!("the settings cannot be written down: {error}")))
}

#[cfg(test)]
mod tests;
