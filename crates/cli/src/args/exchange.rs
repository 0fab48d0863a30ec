//! `wormhole exchange`.

use std::path::PathBuf;

use clap::Args;

use super::{CodeArgs, MeetingArgs, QrArgs};

/// What it is told.
#[derive(Args)]
pub(crate) struct ExchangeArgs {
    /// The code that the other side was given; without one, a code is made here
    #[arg(value_name = "CODE", conflicts_with_all = ["chosen", "zero"])]
    pub(crate) code: Option<String>,
    /// A code of your own choosing, to be typed on the other side
    #[arg(long = "code", id = "chosen", value_name = "CODE", conflicts_with = "zero")]
    pub(crate) chosen: Option<String>,
    #[command(flatten)]
    pub(crate) code_source: CodeArgs,
    /// Read this side's blob from a file
    #[arg(long, value_name = "PATH", conflicts_with = "text")]
    pub(crate) file: Option<PathBuf>,
    /// This side's blob, as text
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    #[command(flatten)]
    pub(crate) meeting: MeetingArgs,
    #[command(flatten)]
    pub(crate) qr: QrArgs,
}
