//! What every command that meets another side can be told.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::exit::Failure;

/// What has to do with going without a server stands together in the help.
const LOCAL: &str = "Without a server";

/// How to meet.
#[derive(Args)]
pub(crate) struct MeetingArgs {
    /// Show the verifier and ask whether the other side shows the same, before anything is said
    #[arg(short, long)]
    pub(crate) verify: bool,
    /// Words of a code that is made here, 1 to 32 [default: 2]
    #[arg(short = 'c', long, value_name = "NUMWORDS", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) code_length: Option<u8>,
    /// Use no code: meet whoever else does the same. No secrecy at all
    #[arg(short = '0', conflicts_with = "CodeArgs")]
    pub(crate) zero: bool,
    /// Give up when all is not done after so many seconds, from connecting to the end [default: wait]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: Option<u32>,
    #[command(flatten)]
    pub(crate) nearby: LocalArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// How to go without a server.
#[derive(Args)]
pub(crate) struct LocalArgs {
    /// Use no server: one side hosts the exchange, the other finds it on the local network
    ///
    /// Codes made so begin with local-. Without this option it happens by itself when the server
    /// cannot be reached.
    #[arg(long, overrides_with = "no_local", help_heading = LOCAL)]
    pub(crate) local: bool,
    /// Never look at the local network, even when the server cannot be reached
    #[arg(long, overrides_with = "local", help_heading = LOCAL)]
    pub(crate) no_local: bool,
    /// Which network interface is local: its name, loopback, all or none [default: all]
    #[arg(long, value_name = "NAME", help_heading = LOCAL)]
    pub(crate) local_interface: Option<String>,
}

/// What may be done for a server.
#[derive(Args)]
pub(crate) struct WorkArgs {
    /// Most bits of proof of work to do for a server that asks for it [default: 24]
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u32).range(0..=64))]
    pub(crate) max_hashcash_bits: Option<u32>,
}

impl MeetingArgs {
    /// A code that was made elsewhere has its length.
    pub(crate) fn refuse_length_for(&self, code: Option<&str>) -> Result<(), Failure> {
        if self.code_length.is_none() || code.is_none() {
            return Ok(());
        }
        Err(Failure::usage(
            "--code-length is for codes that are made here; leave it out, or let the code be made here",
        ))
    }
}

/// Where the code comes from, when it is not an argument.
#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct CodeArgs {
    /// Read the code from the first line of this file
    #[arg(long, value_name = "PATH")]
    pub(crate) code_file: Option<PathBuf>,
    /// Read the code from the first line of this file descriptor
    #[arg(long, value_name = "N")]
    pub(crate) code_fd: Option<u32>,
}

/// Whether the code is shown as a picture, too.
#[derive(Args)]
pub(crate) struct QrArgs {
    /// Show the code's URI as a QR code, on a terminal; the default
    #[arg(long, overrides_with = "no_qr", action = ArgAction::SetTrue)]
    pub(crate) qr: bool,
    /// Show no QR code
    #[arg(long, overrides_with = "qr", action = ArgAction::SetTrue)]
    pub(crate) no_qr: bool,
}

impl QrArgs {
    /// For commands whose codes are of no use to who reads pictures.
    pub(crate) const NONE: Self = Self { qr: false, no_qr: true };
}
