//! `wormhole receive`.

use clap::Args;

use super::{CodeArgs, MeetingArgs, QrArgs};

/// What it is told.
#[derive(Args)]
pub(crate) struct ReceiveArgs {
    /// The code that the sender was given, or its wormhole-transfer: URI
    #[arg(value_name = "CODE", conflicts_with_all = ["zero", "allocate"])]
    pub(crate) code: Option<String>,
    #[command(flatten)]
    pub(crate) code_source: CodeArgs,
    /// Make a code here, for the sender to type
    #[arg(short, long, conflicts_with = "zero")]
    pub(crate) allocate: bool,
    #[command(flatten)]
    pub(crate) meeting: MeetingArgs,
    #[command(flatten)]
    pub(crate) qr: QrArgs,
    /// Accepted for the Python tool's scripts: only text is taken anyway.
    #[arg(short = 't', long, hide = true)]
    pub(crate) only_text: bool,
    /// Accepted for the Python tool's scripts: there are no files yet.
    #[arg(long, hide = true)]
    pub(crate) accept_file: bool,
    /// Accepted for the Python tool's scripts: there are no files yet.
    #[arg(short = 'o', long, value_name = "PATH", hide = true)]
    pub(crate) output_file: Option<std::path::PathBuf>,
}
