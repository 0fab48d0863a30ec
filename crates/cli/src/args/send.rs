//! `wormhole send`.

use std::path::PathBuf;

use clap::Args;

use super::{CodeArgs, MeetingArgs, QrArgs, RouteArgs};

/// What it is told.
#[derive(Args)]
pub(crate) struct SendArgs {
    /// What to send: a file, a directory, or several, which arrive as one directory; '-' is standard input
    #[arg(value_name = "PATH", conflicts_with = "text")]
    pub(crate) paths: Vec<PathBuf>,
    /// A text instead; '-' reads it from standard input
    #[arg(long, value_name = "MESSAGE", allow_hyphen_values = true)]
    pub(crate) text: Option<String>,
    /// What the other side is to call it, instead of its own name
    #[arg(long, value_name = "NAME", requires = "paths")]
    pub(crate) name: Option<String>,
    /// Leave out of a directory what cannot be read, and links that lead nowhere or round in a circle
    ///
    /// Without it they are an error. Pipes, sockets and devices are left out in any case.
    #[arg(long)]
    pub(crate) ignore_unsendable_files: bool,
    /// A code of your own choosing, or the one that 'receive --allocate' was given
    #[arg(long, value_name = "CODE", conflicts_with = "zero")]
    pub(crate) code: Option<String>,
    #[command(flatten)]
    pub(crate) code_source: CodeArgs,
    #[command(flatten)]
    pub(crate) meeting: MeetingArgs,
    #[command(flatten)]
    pub(crate) routes: RouteArgs,
    #[command(flatten)]
    pub(crate) qr: QrArgs,
}
