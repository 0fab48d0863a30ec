//! `wormhole send`.

use std::ffi::OsString;

use clap::Args;

use super::{CodeArgs, MeetingArgs, QrArgs};

/// What it is told.
#[derive(Args)]
pub(crate) struct SendArgs {
    /// The text; '-' reads it from standard input
    #[arg(long, value_name = "MESSAGE", allow_hyphen_values = true)]
    pub(crate) text: Option<String>,
    /// A code of your own choosing, or the one that 'receive --allocate' was given
    #[arg(long, value_name = "CODE", conflicts_with = "zero")]
    pub(crate) code: Option<String>,
    #[command(flatten)]
    pub(crate) code_source: CodeArgs,
    #[command(flatten)]
    pub(crate) meeting: MeetingArgs,
    #[command(flatten)]
    pub(crate) qr: QrArgs,
    /// Accepted for the Python tool's scripts: there are no files yet.
    #[arg(long, hide = true)]
    pub(crate) ignore_unsendable_files: bool,
    /// A file or directory: comes with a later version.
    #[arg(value_name = "PATH", hide = true)]
    pub(crate) path: Option<OsString>,
}
