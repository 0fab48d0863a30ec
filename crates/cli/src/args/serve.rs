//! `wormhole serve`.

mod advice;
mod operator;

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(super) use advice::advised;
pub(crate) use operator::{BackupArgs, StatusArgs};

/// What is to run.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ServeArgs {
    #[command(subcommand)]
    command: Option<ServeCommand>,
    #[command(flatten)]
    both: BothArgs,
}

/// Which servers are to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Servers {
    pub(crate) mailbox: bool,
    pub(crate) relay: bool,
}

/// One alone.
#[derive(Subcommand)]
enum ServeCommand {
    /// Run a mailbox server alone
    ///
    /// Clients use it with --relay-url ws://HOST:PORT/v1. With a certificate, or behind a TLS proxy, it offers wss://.
    Mailbox(Box<MailboxArgs>),
    /// Run a transit relay alone
    ///
    /// Clients use it with --transit-helper tcp:HOST:PORT, or ws://HOST:PORT/relay where --listen lets
    /// WebSockets in.
    Relay(Box<RelayArgs>),
    /// Ask a server that runs how it is: who waits, today's exchanges, what was refused
    ///
    /// It is asked at its setting admin.listen, which is none unless it is set. With --json, what it tells is
    /// printed on standard output as it is. It fails where the server is not as it should be, so that it can be a
    /// health check.
    Status(StatusArgs),
    /// Copy the database while the server goes on
    ///
    /// The copy is what the database was at one moment, checked, and readable by its owner alone. To go back to
    /// it, stop the server, put the copy in the database's place, and remove the files -wal and -shm beside it.
    Backup(BackupArgs),
}

/// What is asked of a server that runs.
pub(crate) enum Errand<'a> {
    Status(&'a StatusArgs),
    Backup(&'a BackupArgs),
}

/// What both servers are told.
#[derive(Args)]
struct BothArgs {
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    web: WebArgs,
    #[command(flatten)]
    relay: RelayFlags,
    #[command(flatten)]
    mailbox: MailboxFlags,
}

/// What a mailbox server is told.
#[derive(Args)]
struct MailboxArgs {
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    web: WebArgs,
    #[command(flatten)]
    mailbox: MailboxFlags,
}

/// What a relay is told.
#[derive(Args)]
struct RelayArgs {
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    web: WebArgs,
    #[command(flatten)]
    relay: RelayFlags,
}

/// Where settings come from, and what happens to them.
#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingArgs {
    /// A TOML file of settings [environment: WORMHOLE_SERVE_CONFIG]
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// A setting by its name, such as mailbox.timing.ping=30s; may be given again
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Check everything, print the settings that hold and where each comes from, and run nothing
    ///
    /// Checked are the settings; that they leave a door to each server that is to run; that addresses can be
    /// listened on, unless somebody does; that the databases can be written, or made, and are this server's; and that
    /// the certificate and its key can be used. The last line says whether anything is wrong.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Where all come in but those who come to the relay's own port.
#[derive(Args)]
#[command(next_help_heading = "Doors")]
struct WebArgs {
    /// The address and port of HTTP and WebSockets; may be given again
    ///
    /// The default serves this computer only, at 127.0.0.1:4000; where a relay runs alone, there is none.
    /// 0.0.0.0:4000 serves everybody who can reach it. Port 0 lets the system choose.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<String>,
    /// The address and port of the same within TLS [default: port 443 of every address, where there is a certificate]
    #[arg(long, value_name = "ADDR:PORT")]
    tls_listen: Vec<String>,
    /// The certificate, and behind it those up to an authority, in PEM; read again when it changes
    #[arg(long, value_name = "PATH")]
    tls_certificate: Option<String>,
    /// Its private key, in PEM
    #[arg(long, value_name = "PATH")]
    tls_key: Option<String>,
    /// The address and port of /healthz, /metrics and /status, for you alone [default: none]
    #[arg(long, value_name = "ADDR:PORT")]
    admin_listen: Vec<String>,
    /// A proxy, or a network of them, whose X-Forwarded-For and X-Real-IP are believed; may be given again
    #[arg(long = "trusted-proxy", value_name = "ADDR")]
    trusted_proxies: Vec<String>,
    /// Hold clients on this computer to the limits per address, too
    #[arg(long)]
    limit_loopback: bool,
}

/// What concerns the relay.
#[derive(Args)]
#[command(next_help_heading = "Transit relay")]
struct RelayFlags {
    /// The address and port of the relay's own protocol [default: 127.0.0.1:4001]; may be given again
    #[arg(long, value_name = "ADDR:PORT")]
    relay_listen: Vec<String>,
}

/// What concerns the mailbox server.
#[derive(Args)]
#[command(next_help_heading = "Mailbox server")]
struct MailboxFlags {
    /// The database, or ':memory:' to keep nothing over a restart
    ///
    /// The default is mailbox.sqlite in the directory that systemd made for the service, or in wormhole-sync in
    /// the XDG state directory, usually ~/.local/state.
    #[arg(long, value_name = "PATH")]
    db: Option<String>,
    /// Tell clients which nameplates are in use, for completing a code
    #[arg(long)]
    allow_list: bool,
    /// A message of the day for every client
    #[arg(long, value_name = "TEXT")]
    motd: Option<String>,
    /// Turn every client away with this reason
    #[arg(long, visible_alias = "signal-error", value_name = "TEXT")]
    welcome_error: Option<String>,
    /// The version of the Python tool that its users are told to use
    #[arg(long, value_name = "VERSION")]
    advertise_version: Option<String>,
    /// A transit relay for clients whose users name none; may be given again
    #[arg(long = "advertise-relay", value_name = "URL")]
    advertise_relays: Vec<String>,
    /// Ask every client for a hashcash stamp of so many bits
    #[arg(long, value_name = "BITS")]
    hashcash_bits: Option<String>,
    /// What the stamps are made for, such as this server's name; each start adds a random part
    #[arg(long, value_name = "NAME")]
    hashcash_resource: Option<String>,
}

/// A flag, the setting that it stands for, and what it says.
pub(crate) type Flag = (String, String, String);

impl ServeArgs {
    /// What is asked of a server that runs, if no server is to run.
    pub(crate) fn errand(&self) -> Option<Errand<'_>> {
        match &self.command {
            Some(ServeCommand::Status(args)) => Some(Errand::Status(args)),
            Some(ServeCommand::Backup(args)) => Some(Errand::Backup(args)),
            _ => None,
        }
    }

    /// Which servers are to run.
    pub(crate) fn servers(&self) -> Servers {
        Servers {
            mailbox: !matches!(self.command, Some(ServeCommand::Relay(_))),
            relay: !matches!(self.command, Some(ServeCommand::Mailbox(_))),
        }
    }

    /// Where their settings come from.
    pub(crate) fn settings(&self) -> &SettingArgs {
        match &self.command {
            Some(ServeCommand::Mailbox(args)) => &args.settings,
            Some(ServeCommand::Relay(args)) => &args.settings,
            _ => &self.both.settings,
        }
    }

    /// What the flags say of settings, the weakest first.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        let (web, rest) = match &self.command {
            Some(ServeCommand::Mailbox(args)) => (&args.web, args.mailbox.flags()),
            Some(ServeCommand::Relay(args)) => (&args.web, args.relay.flags()),
            _ => (&self.both.web, [self.both.relay.flags(), self.both.mailbox.flags()].concat()),
        };
        [self.settings().flags(), web.flags(), rest].concat()
    }
}

impl SettingArgs {
    fn flags(&self) -> Vec<Flag> {
        let set =
            |(name, value): &(String, String)| ("--set".to_owned(), name.clone(), value.clone());
        self.set.iter().map(set).collect()
    }
}

impl WebArgs {
    fn flags(&self) -> Vec<Flag> {
        given([
            ("--listen", "web.listen", list(&self.listen)),
            ("--tls-listen", "tls.listen", list(&self.tls_listen)),
            ("--tls-certificate", "tls.certificate", self.tls_certificate.clone()),
            ("--tls-key", "tls.key", self.tls_key.clone()),
            ("--admin-listen", "admin.listen", list(&self.admin_listen)),
            ("--trusted-proxy", "clients.trusted-proxies", list(&self.trusted_proxies)),
            ("--limit-loopback", "clients.limit-loopback", switch(self.limit_loopback)),
        ])
    }
}

impl RelayFlags {
    fn flags(&self) -> Vec<Flag> {
        given([("--relay-listen", "relay.listen", list(&self.relay_listen))])
    }
}

impl MailboxFlags {
    fn flags(&self) -> Vec<Flag> {
        given([
            ("--db", "mailbox.database", self.db.clone()),
            ("--allow-list", "mailbox.allow-list", switch(self.allow_list)),
            ("--motd", "mailbox.motd", self.motd.clone()),
            ("--welcome-error", "mailbox.welcome-error", self.welcome_error.clone()),
            ("--advertise-version", "mailbox.advertise-version", self.advertise_version.clone()),
            ("--advertise-relay", "mailbox.advertise-relays", list(&self.advertise_relays)),
            ("--hashcash-bits", "mailbox.hashcash-bits", self.hashcash_bits.clone()),
            ("--hashcash-resource", "mailbox.hashcash-resource", self.hashcash_resource.clone()),
        ])
    }
}

/// Those that were given.
fn given<const FLAGS: usize>(flags: [(&str, &str, Option<String>); FLAGS]) -> Vec<Flag> {
    let owned = |(flag, name, value): (&str, &str, Option<String>)| {
        Some((flag.to_owned(), name.to_owned(), value?))
    };
    flags.into_iter().filter_map(owned).collect()
}

/// One text for those that were given, if any.
fn list(values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| values.join(","))
}

fn switch(given: bool) -> Option<String> {
    given.then(|| true.to_string())
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ServeArgs,
    }

    #[test]
    fn every_flag_is_one_setting() {
        let command = Line::command();
        let flags = command.get_arguments().filter_map(clap::Arg::get_long);
        let flags: Vec<&str> =
            flags.filter(|flag| !["config", "set", "check", "help"].contains(flag)).collect();
        assert!(flags.len() > 10, "{flags:?}");
        for flag in flags {
            let long = format!("--{flag}");
            let line = Line::try_parse_from(["serve", &format!("{long}=1")])
                .or_else(|_| Line::try_parse_from(["serve", &long]))
                .unwrap_or_else(|error| panic!("{long}: {error}"));
            let flags = line.args.flags();
            assert_eq!(flags.len(), 1, "{long}");
            assert_eq!(flags[0].0, long);
        }
    }
}
