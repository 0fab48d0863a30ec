//! What an operator asks of a server that runs.

use std::path::PathBuf;

use clap::Args;

/// Where to ask.
#[derive(Args)]
pub(crate) struct StatusArgs {
    /// Where the server tells its status; the default is the first of admin.listen
    #[arg(long, value_name = "URL")]
    pub(crate) admin: Option<String>,
    /// The server's TOML file of settings [environment: WORMHOLE_SERVE_CONFIG]
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
}

/// What to copy, and to where.
#[derive(Args)]
pub(crate) struct BackupArgs {
    /// The file that the copy is to be
    #[arg(long, value_name = "PATH")]
    pub(crate) to: PathBuf,
    /// The database; the default is that of the settings
    #[arg(long, value_name = "PATH")]
    pub(crate) db: Option<PathBuf>,
    /// Replace what stands there
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// The server's TOML file of settings [environment: WORMHOLE_SERVE_CONFIG]
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
}
