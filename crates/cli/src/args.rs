//! The command line as it is typed. What follows from it is worked out in `settings`.

#![expect(clippy::doc_markdown, reason = "the help is no markdown")]

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};

mod doctor;
mod exchange;
mod meeting;
mod receive;
mod routes;
mod send;
mod serve;
mod ssh;

pub(crate) use doctor::DoctorArgs;
pub(crate) use exchange::ExchangeArgs;
pub(crate) use meeting::{CodeArgs, LocalArgs, MeetingArgs, QrArgs, WorkArgs};
pub(crate) use receive::ReceiveArgs;
pub(crate) use routes::{ListenArgs, RouteArgs};
pub(crate) use send::SendArgs;
pub(crate) use serve::{BackupArgs, Errand, ServeArgs, Servers, StatusArgs};
#[cfg(unix)]
pub(crate) use ssh::InviteArgs;
pub(crate) use ssh::{AcceptArgs, SshArgs, SshCommand};

use crate::exit;
use routes::with_ports_joined;

/// What may stand anywhere stands together in the help.
const COMMON: &str = "Common options";

const ENVIRONMENT: &str = "\
Environment:
  WORMHOLE_RELAY_URL        as --relay-url
  WORMHOLE_CODE             the code, where no argument gives one
  WORMHOLE_QR               0 or 1, as --no-qr or --qr
  WORMHOLE_TRANSIT_HELPER   as --transit-helper
  WORMHOLE_ACCEPT_FILE      0 or 1; 1 is as --accept-file
  WORMHOLE_LOCAL_INTERFACE  as --local-interface
  ALL_PROXY                 as --proxy
  NO_PROXY                  hosts, domains and networks for which there is no proxy
  NO_COLOR                  no colours, even on a terminal";

/// Get things from one computer to another with a short code.
///
/// One side is given a code, like 7-guitarist-revenge; the other side types it. Whoever does not
/// know the code learns nothing, and has one guess.
#[derive(Parser)]
#[command(
    name = "wormhole",
    version,
    after_long_help = format!("{}\n\n{ENVIRONMENT}", exit::HELP),
    after_help = "Exit codes and environment variables: wormhole --help",
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Reads the command line. When it cannot be read, says why and ends.
    pub(crate) fn read(arguments: impl Iterator<Item = OsString>) -> Self {
        let arguments: Vec<OsString> = with_ports_joined(arguments).collect();
        Self::try_parse_from(&arguments).unwrap_or_else(|error| {
            serve::advised(error.with_cmd(&Self::command()), &Self::command(), &arguments).exit()
        })
    }
}

/// What may stand before the command's name or after it.
#[derive(clap::Args)]
pub(crate) struct GlobalArgs {
    /// The mailbox server, ws:// or wss://; the default is the family's public one
    ///
    /// Both sides must use the same server.
    #[arg(long, value_name = "URL", global = true, help_heading = COMMON)]
    pub(crate) relay_url: Option<String>,
    /// The application id; sides with different ones never meet
    #[arg(long, value_name = "APPID", global = true, help_heading = COMMON)]
    pub(crate) appid: Option<String>,
    /// Write events to standard error, one JSON object a line, and nothing else there
    ///
    /// Standard output carries the payload and nothing else, with this option as without it.
    #[arg(long, global = true, help_heading = COMMON)]
    pub(crate) json: bool,
    /// A transit relay, for files whose two computers cannot reach each other; may be given again
    ///
    /// tcp:HOST:PORT, ws://… or wss://…; the default is what the mailbox server advertises, or else the
    /// family's public one, and an empty one is none. Either side's will do.
    #[arg(long, value_name = "URL", global = true, help_heading = COMMON)]
    pub(crate) transit_helper: Vec<String>,
    /// Reach the server, the other side and relays by way of this proxy; an empty one is none
    ///
    /// socks5://HOST:PORT, or http://HOST:PORT for one that knows CONNECT, each with USER:PASSWORD@ before
    /// the host where it asks for that; a password is safer in the environment. Names are the proxy's to
    /// look up. This computer's loopback, the local network of --local, and what NO_PROXY names are reached
    /// without it. Files may still come directly: --no-listen tells nobody an address of this computer.
    #[arg(long, value_name = "URL", global = true, help_heading = COMMON)]
    pub(crate) proxy: Option<String>,
    /// Reach everything by way of Tor, and tell no address of this computer
    ///
    /// Tor is looked for at ports 9050 and 9150 of this computer, or is the SOCKS proxy that --proxy
    /// names. There is no listening, no local network, and no exception.
    #[arg(long, global = true, help_heading = COMMON)]
    pub(crate) tor: bool,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Give a blob and get the other side's
    ///
    /// Both sides run this command. The first is given a code; the second names it. Each side's blob
    /// is read from standard input, or given with --file or --text; the other side's blob, and
    /// nothing else, comes out on standard output. A blob is at most 256 KiB.
    Exchange(ExchangeArgs),
    /// Send a text, a file or a directory
    ///
    /// Without a path, a text is given with --text, or asked for. The other side runs 'wormhole
    /// receive', of this tool or of another of the magic-wormhole family.
    #[command(alias = "tx")]
    Send(SendArgs),
    /// Receive a text, a file or a directory
    ///
    /// Without a code it is asked for; the Tab key completes its number and its words. A text goes to
    /// standard output: exact when that is a pipe or a file, cleaned when it is a terminal. A file or
    /// directory goes to the current directory, after a question, and never over what stands there.
    #[command(aliases = ["rx", "recv", "recieve"])]
    Receive(ReceiveArgs),
    /// Give somebody a way in over SSH: send or take a public key
    Ssh(SshArgs),
    /// Find out whether an exchange would work from here, and what to do where not
    ///
    /// The mailbox server and the transit relays that would be used are tried, over IPv4 and IPv6 apart or by
    /// way of the proxy; and whether the other side can connect to this computer. Nobody else takes part: a relay is
    /// asked to join two connections of this computer's own. It takes some ten seconds at most. With
    /// --local it is the local network that is tried, and no server.
    Doctor(DoctorArgs),
    /// Run the servers: mailboxes, where two sides meet, and a transit relay, for files
    ///
    /// Both of them in one, or one alone with a command behind. Clients use them with --relay-url
    /// ws://HOST:4000/v1 and --transit-helper tcp:HOST:4001 or ws://HOST:4000/relay. They stop on Ctrl-C and
    /// on a termination signal: whoever waits is told, pairs that move files have 30 seconds to end it (the
    /// setting 'drain'), and what was answered is in the database. A second signal ends them at once. SIGHUP
    /// reads settings and certificate again; where standard input or standard error is a terminal, it is the
    /// terminal's end and stops them, too, unless 'nohup' keeps them.
    ///
    /// Every setting has a name, such as mailbox.limits.mailboxes, and can be given in a file, in the
    /// environment (WORMHOLE_SERVE_MAILBOX_LIMITS_MAILBOXES), and on the command line; the later of these
    /// counts. --check prints all of them.
    Serve(Box<ServeArgs>),
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}
