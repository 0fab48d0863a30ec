//! `wormhole receive`.

use std::path::PathBuf;

use clap::Args;

use super::{CodeArgs, MeetingArgs, QrArgs, RouteArgs};

/// What it is told.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub(crate) struct ReceiveArgs {
    /// The code that the sender was given, or its wormhole-transfer: URI
    #[arg(value_name = "CODE", conflicts_with_all = ["zero", "allocate"])]
    pub(crate) code: Option<String>,
    /// Where it goes: a new name, an existing directory to put it into, or '-' for standard output
    ///
    /// An existing file is replaced only with --overwrite.
    #[arg(short = 'o', long, value_name = "PATH")]
    pub(crate) output_file: Option<PathBuf>,
    /// Take files and directories without asking
    #[arg(long, visible_alias = "yes")]
    pub(crate) accept_file: bool,
    /// Take texts only; files and directories are refused
    #[arg(short = 't', long)]
    pub(crate) only_text: bool,
    /// Replace a file that stands where the new one is to go
    #[arg(long, conflicts_with = "rename")]
    pub(crate) overwrite: bool,
    /// Choose another name, such as 'plan (1).pdf', where something stands already
    #[arg(long)]
    pub(crate) rename: bool,
    #[command(flatten)]
    pub(crate) code_source: CodeArgs,
    /// Make a code here, for the sender to type
    #[arg(short, long, conflicts_with_all = ["zero", "CodeArgs"])]
    pub(crate) allocate: bool,
    #[command(flatten)]
    pub(crate) meeting: MeetingArgs,
    #[command(flatten)]
    pub(crate) routes: RouteArgs,
    #[command(flatten)]
    pub(crate) qr: QrArgs,
}
