//! `wormhole serve`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};
use wormhole_sync_server::config::Network;

/// Which server.
#[derive(Args)]
pub(crate) struct ServeArgs {
    #[command(subcommand)]
    pub(crate) command: ServeCommand,
}

/// Which one.
#[derive(Subcommand)]
pub(crate) enum ServeCommand {
    /// Run a mailbox server, where two sides meet
    ///
    /// Clients use it with --relay-url ws://HOST:PORT/v1. Put a TLS proxy in front of it to offer
    /// wss://. It stops on Ctrl-C and on a termination signal; what was answered is in the database.
    Mailbox(Box<MailboxArgs>),
}

/// What it is told.
#[derive(Args)]
pub(crate) struct MailboxArgs {
    /// The address and port to listen on
    ///
    /// The default serves this computer only. 0.0.0.0:4000 serves everybody
    /// who can reach it. Port 0 lets the system choose.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:4000")]
    pub(crate) listen: SocketAddr,
    /// The database, or ':memory:' to keep nothing over a restart
    ///
    /// The default is wormhole-sync/mailbox.sqlite in the XDG state directory, usually ~/.local/state.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: Option<PathBuf>,
    /// Tell clients which nameplates are in use, for completing a code
    #[arg(long)]
    pub(crate) allow_list: bool,
    /// A message of the day for every client
    #[arg(long, value_name = "TEXT", help_heading = "Notices")]
    pub(crate) motd: Option<String>,
    /// Turn every client away with this reason
    #[arg(long, visible_alias = "signal-error", value_name = "TEXT", help_heading = "Notices")]
    pub(crate) welcome_error: Option<String>,
    /// The version of the Python tool that its users are told to use
    #[arg(long, value_name = "VERSION", help_heading = "Notices")]
    pub(crate) advertise_version: Option<String>,
    /// Ask every client for a hashcash stamp of so many bits
    #[arg(long, value_name = "BITS", requires = "hashcash_resource", help_heading = "Limits",
          value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) hashcash_bits: Option<u32>,
    /// What the stamps are made for, such as this server's name; each start adds a random part
    #[arg(long, value_name = "NAME", requires = "hashcash_bits", help_heading = "Limits")]
    pub(crate) hashcash_resource: Option<String>,
    /// A proxy, or a network of them, whose X-Forwarded-For and X-Real-IP are believed
    #[arg(long = "trusted-proxy", value_name = "ADDR", help_heading = "Limits")]
    pub(crate) trusted_proxies: Vec<Network>,
    /// Hold clients on this computer to the limits per address, too
    #[arg(long, help_heading = "Limits")]
    pub(crate) limit_loopback: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) timing: TimingArgs,
}

/// What strangers are held to.
#[derive(Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Bytes of one client message [default: 1 MiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) message_bytes: Option<usize>,
    /// Bytes of one client message before it says who it is [default: 4 KiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) unbound_message_bytes: Option<usize>,
    /// Bytes of all clients' unfinished messages [default: 256 MiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) incoming_bytes: Option<usize>,
    /// Bytes of the unfinished messages from one address [default: 16 MiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) incoming_bytes_per_address: Option<usize>,
    /// Messages of one mailbox [default: 4096]
    #[arg(long, value_name = "N")]
    pub(crate) mailbox_messages: Option<usize>,
    /// Bytes of one mailbox's messages [default: 4 MiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) mailbox_bytes: Option<usize>,
    /// Mailboxes that one address made [default: 128]
    #[arg(long, value_name = "N")]
    pub(crate) mailboxes_per_address: Option<usize>,
    /// Mailboxes altogether [default: 200000]
    #[arg(long, value_name = "N")]
    pub(crate) mailboxes: Option<usize>,
    /// Bytes of messages altogether [default: 1 GiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) stored_bytes: Option<usize>,
    /// Bytes of messages that one address sent [default: 32 MiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) stored_bytes_per_address: Option<usize>,
    /// Connections at a time from one address [default: 128]
    #[arg(long, value_name = "N")]
    pub(crate) connections_per_address: Option<usize>,
    /// Connections at a time altogether [default: 100000]
    #[arg(long, value_name = "N")]
    pub(crate) connections: Option<usize>,
    /// Bytes of an HTTP request's head [default: 8 KiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) head_bytes: Option<usize>,
    /// Bytes that may wait for a client that reads too slowly [default: 8 MiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) outbox_bytes: Option<usize>,
    /// Bytes that may wait for all clients that read too slowly [default: 256 MiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) outboxes_bytes: Option<usize>,
    /// Bytes that may wait for those at one address who read too slowly [default: 32 MiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) outboxes_bytes_per_address: Option<usize>,
    /// Bytes of the database file [default: 8 GiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) database_bytes: Option<u64>,
}

/// How long things last.
#[derive(Args)]
#[command(next_help_heading = "Timing")]
pub(crate) struct TimingArgs {
    /// Seconds that a client may take for its HTTP request [default: 10]
    #[arg(long = "handshake-time", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) handshake: Option<u32>,
    /// Seconds that a long message may take to come in, looked at with each ping [default: 120]
    #[arg(long = "message-time", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) message: Option<u32>,
    /// Seconds between pings [default: 60]
    #[arg(long = "ping-time", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) ping: Option<u32>,
    /// Seconds without a sign of life after which a client is dropped [default: 600]
    #[arg(long = "silence-time", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) silence: Option<u32>,
    /// Seconds that a mailbox is kept while nobody is connected to it [default: 660]
    #[arg(long = "idle-mailbox-time", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) idle_mailbox: Option<u32>,
    /// Seconds between looks for idle mailboxes, and until what was deleted is wiped [default: 300]
    #[arg(long = "prune-time", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) prune: Option<u32>,
}
