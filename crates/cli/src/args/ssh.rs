//! `wormhole ssh`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CodeArgs, MeetingArgs};

/// What it is told.
#[derive(Args)]
pub(crate) struct SshArgs {
    #[command(subcommand)]
    pub(crate) command: SshCommand,
}

/// The two sides.
#[derive(Subcommand)]
pub(crate) enum SshCommand {
    /// Let somebody log in here: get a public key, and add it to ~/.ssh/authorized_keys
    ///
    /// The other side runs 'wormhole ssh accept' with the code. One line is added, with a key and its
    /// comment and nothing else, and what was added is shown. Symbolic links are not followed in ~/.ssh.
    #[cfg(unix)]
    Invite(InviteArgs),
    /// Send your public key to whoever runs 'wormhole ssh invite'
    ///
    /// It is shown, and sent after a question. A private key is never opened.
    Accept(AcceptArgs),
}

/// What `ssh invite` is told.
#[cfg(unix)]
#[derive(Args)]
pub(crate) struct InviteArgs {
    /// Let the other side log in as this user: add the key to USER's ~/.ssh/authorized_keys
    #[arg(short, long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// A code of your own choosing, to be typed on the other side
    #[arg(long, value_name = "CODE")]
    pub(crate) code: Option<String>,
    #[command(flatten)]
    pub(crate) code_source: CodeArgs,
    #[command(flatten)]
    pub(crate) meeting: MeetingArgs,
}

/// What `ssh accept` is told.
#[derive(Args)]
pub(crate) struct AcceptArgs {
    /// The code that the other side was given; without one, it is asked for
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// The key: its .pub file, the private key beside that file, or a directory [default: ~/.ssh]
    ///
    /// Of several keys in a directory one is asked for.
    #[arg(short = 'F', long, value_name = "PATH")]
    pub(crate) key_file: Option<PathBuf>,
    /// Send it without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) code_source: CodeArgs,
    #[command(flatten)]
    pub(crate) meeting: MeetingArgs,
}
