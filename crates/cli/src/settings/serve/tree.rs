//! All settings of the servers: the form of the file, and what it comes to for the library.

use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};
use wormhole_sync::without_login;
use wormhole_sync_server::{
    Clients, Config, Database, Limits, Mailbox, Notices, Permission, Relay, Timing, Tls,
    TransitRelay,
    config::{Network, Rate},
};

use super::{
    operator::{AdminSettings, LogSettings, UsageSettings},
    units::{size, time},
    values::{addresses, networks, said, text},
};
use crate::{args::Servers, exit::Failure};

/// Every setting has a name: `mailbox.limits.mailboxes` is `settings.mailbox.limits.mailboxes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    #[serde(with = "time")]
    drain: Duration,
    pub(crate) web: WebSettings,
    pub(crate) tls: TlsSettings,
    pub(crate) relay: RelaySettings,
    pub(crate) admin: AdminSettings,
    pub(crate) usage: UsageSettings,
    pub(crate) log: LogSettings,
    pub(crate) mailbox: MailboxSettings,
    #[serde(with = "ClientSettings")]
    pub(crate) clients: Clients,
}

/// Where HTTP is served, and what is upgraded from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WebSettings {
    #[serde(deserialize_with = "addresses")]
    pub(crate) listen: Vec<SocketAddr>,
}

/// The mailbox server. What is empty is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct MailboxSettings {
    /// Empty: the usual place.
    #[serde(deserialize_with = "text")]
    pub(crate) database: String,
    #[serde(deserialize_with = "text")]
    motd: String,
    #[serde(deserialize_with = "text")]
    welcome_error: String,
    #[serde(deserialize_with = "text")]
    advertise_version: String,
    pub(super) advertise_relays: Vec<String>,
    allow_list: bool,
    /// 0: none.
    pub(super) hashcash_bits: u32,
    /// 0: always.
    pub(super) hashcash_level: u32,
    pub(super) hashcash_max_bits: u32,
    #[serde(deserialize_with = "text")]
    hashcash_resource: String,
    #[serde(with = "LimitSettings")]
    pub(super) limits: Limits,
    #[serde(with = "TimingSettings")]
    timing: Timing,
}

/// The same within TLS. What is empty is nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TlsSettings {
    #[serde(deserialize_with = "addresses")]
    pub(crate) listen: Vec<SocketAddr>,
    #[serde(deserialize_with = "text")]
    pub(crate) certificate: String,
    #[serde(deserialize_with = "text")]
    key: String,
    #[serde(with = "time")]
    watch: Duration,
}

/// The transit relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RelaySettings {
    #[serde(deserialize_with = "addresses")]
    pub(crate) listen: Vec<SocketAddr>,
    #[serde(flatten, with = "RelayLimitSettings")]
    pub(super) limits: Relay,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Relay", rename_all = "kebab-case")]
struct RelayLimitSettings {
    #[serde(with = "time")]
    waiting: Duration,
    waiting_connections: usize,
    waiting_connections_per_address: usize,
    #[serde(with = "time")]
    idle: Duration,
    #[serde(with = "size")]
    buffered_bytes: usize,
    #[serde(with = "size::or_any")]
    pair_bytes: Option<u64>,
    #[serde(with = "size::or_any")]
    bytes_per_second_per_address: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Limits", rename_all = "kebab-case")]
struct LimitSettings {
    #[serde(with = "size")]
    message_bytes: usize,
    #[serde(with = "size")]
    unbound_message_bytes: usize,
    #[serde(with = "size")]
    incoming_bytes: usize,
    #[serde(with = "size")]
    incoming_bytes_per_address: usize,
    #[serde(with = "RateSettings")]
    claims: Rate,
    #[serde(with = "RateSettings")]
    failed_claims: Rate,
    #[serde(with = "RateSettings")]
    lists: Rate,
    nameplate_share: usize,
    mailbox_messages: usize,
    #[serde(with = "size")]
    mailbox_bytes: usize,
    mailboxes_per_address: usize,
    mailboxes: usize,
    #[serde(with = "size")]
    stored_bytes: usize,
    #[serde(with = "size")]
    stored_bytes_per_address: usize,
    #[serde(with = "size")]
    outbox_bytes: usize,
    #[serde(with = "size")]
    outboxes_bytes: usize,
    #[serde(with = "size")]
    outboxes_bytes_per_address: usize,
    #[serde(with = "size")]
    database_bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Rate", rename_all = "kebab-case")]
struct RateSettings {
    burst: u32,
    per_minute: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Timing", rename_all = "kebab-case")]
struct TimingSettings {
    #[serde(with = "time")]
    unbound: Duration,
    #[serde(with = "time")]
    permission: Duration,
    #[serde(with = "time")]
    idle_session: Duration,
    #[serde(with = "time")]
    message: Duration,
    #[serde(with = "time")]
    ping: Duration,
    #[serde(with = "time")]
    silence: Duration,
    #[serde(with = "time")]
    idle_mailbox: Duration,
    #[serde(with = "time")]
    prune: Duration,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Clients", rename_all = "kebab-case")]
struct ClientSettings {
    connections: usize,
    connections_per_address: usize,
    #[serde(with = "RateSettings")]
    new_connections: Rate,
    limit_loopback: bool,
    #[serde(with = "networks")]
    trusted_proxies: Vec<Network>,
    proxy_protocol: bool,
    #[serde(with = "size")]
    head_bytes: usize,
    #[serde(with = "time")]
    handshake: Duration,
}

impl Settings {
    /// What holds when nothing is said. A relay alone is no reason to serve HTTP.
    pub(super) fn usual(servers: Servers) -> Self {
        let on_this_computer = |port| vec![SocketAddr::from(([127, 0, 0, 1], port))];
        Self {
            drain: Config::default().drain,
            web: WebSettings {
                listen: if servers.mailbox { on_this_computer(4000) } else { Vec::new() },
            },
            tls: TlsSettings {
                listen: Vec::new(),
                certificate: String::new(),
                key: String::new(),
                watch: Tls::new("", "").watch,
            },
            relay: RelaySettings { listen: on_this_computer(4001), limits: Relay::default() },
            admin: AdminSettings::default(),
            usage: UsageSettings::usual(),
            mailbox: MailboxSettings {
                hashcash_max_bits: Permission::MAX_BITS,
                ..MailboxSettings::default()
            },
            log: LogSettings::default(),
            clients: Clients::default(),
        }
    }

    /// What the library is told.
    pub(crate) fn config(&self, servers: Servers) -> Result<Config, Failure> {
        Ok(Config {
            mailbox: servers.mailbox.then(|| self.mailbox.config()).transpose()?,
            relay: servers.relay.then(|| self.relay.limits.clone()),
            clients: clients(&self.clients)?,
            usage: self.usage.config(),
            drain: self.drain,
            tls: self.tls.config()?,
        })
    }
}

impl TlsSettings {
    fn config(&self) -> Result<Option<Tls>, Failure> {
        match (said(&self.certificate), said(&self.key)) {
            (Some(certificate), Some(key)) => {
                Ok(Some(Tls { watch: self.watch, ..Tls::new(certificate, key) }))
            }
            (None, None) if self.listen.is_empty() => Ok(None),
            (None, None) => Err(Failure::usage(
                "tls.listen names a door, and there is no certificate to show there; name its files with \
                 tls.certificate and tls.key",
            )),
            (None, _) => Err(Failure::usage(
                "tls.key is named, and tls.certificate is not; name the file with its certificate",
            )),
            (_, None) => Err(Failure::usage(
                "tls.certificate is named, and tls.key is not; name the file with its key",
            )),
        }
    }
}

impl MailboxSettings {
    fn config(&self) -> Result<Mailbox, Failure> {
        Ok(Mailbox {
            database: self.database(),
            notices: Notices {
                motd: said(&self.motd),
                error: said(&self.welcome_error),
                current_cli_version: said(&self.advertise_version),
                transit_relays: self.relays()?,
            },
            permission: self.permission()?,
            allow_list: self.allow_list,
            limits: self.limits.clone(),
            timing: self.timing.clone(),
        })
    }

    /// Where the state is kept.
    pub(crate) fn database(&self) -> Database {
        match self.database.as_str() {
            ":memory:" => Database::Memory,
            path => Database::Path(path.into()),
        }
    }

    fn relays(&self) -> Result<Vec<TransitRelay>, Failure> {
        let relay = |text: &String| {
            let shown = without_login(text);
            if shown != *text {
                return Err(Failure::usage(format!(
                    "mailbox.advertise-relays names '{shown}' with a login, which every client would be told; write it without"
                )));
            }
            TransitRelay::parse(text).ok_or_else(|| {
                Failure::usage(format!(
                    "mailbox.advertise-relays names '{text}', which is no relay; write tcp:HOST:PORT, ws://… or wss://…"
                ))
            })
        };
        self.advertise_relays.iter().map(relay).collect()
    }

    fn permission(&self) -> Result<Permission, Failure> {
        match (self.hashcash_bits, said(&self.hashcash_resource)) {
            (0, _) => Ok(Permission::None),
            (65.., _) => Err(Failure::usage(
                "mailbox.hashcash-bits is more than 64, which nobody can do; take 20 for a second of work",
            )),
            _ if self.hashcash_level > 0 && self.hashcash_max_bits > 64 => Err(Failure::usage(
                "mailbox.hashcash-max-bits is more than 64, which nobody can do; leave it at 24, which our clients \
                 work for",
            )),
            (bits, _) if self.hashcash_level > 0 && bits > self.hashcash_max_bits => {
                Err(Failure::usage(format!(
                    "mailbox.hashcash-bits asks for {bits} bits, and mailbox.hashcash-max-bits for {} at the most; \
                     make the second the larger",
                    self.hashcash_max_bits
                )))
            }
            (bits, Some(resource)) if self.hashcash_level == 0 => {
                Ok(Permission::Hashcash { bits, resource })
            }
            (bits, Some(resource)) => Ok(Permission::UnderLoad {
                level: self.hashcash_level,
                bits,
                max_bits: self.hashcash_max_bits,
                resource,
            }),
            (_, None) => Err(Failure::usage(
                "mailbox.hashcash-bits asks for stamps, and mailbox.hashcash-resource does not say what they are \
                 made for; set it to this server's name",
            )),
        }
    }
}

/// How clients are told apart, unless none could come.
fn clients(clients: &Clients) -> Result<Clients, Failure> {
    if clients.connections == 0 {
        return Err(Failure::usage(
            "clients.connections is 0, so that no client could ever connect; leave it out, or give it the number \
             that may be there at a time",
        ));
    }
    if clients.proxy_protocol && clients.trusted_proxies.is_empty() {
        return Err(Failure::usage(
            "clients.proxy-protocol is on, and clients.trusted-proxies names no proxy whose header is to be believed; \
             name it with --trusted-proxy",
        ));
    }
    Ok(clients.clone())
}
