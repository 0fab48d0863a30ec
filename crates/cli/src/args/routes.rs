//! How files and directories find their way.

use clap::Args;

/// What has to do with the way of the bytes stands together in the help.
const ROUTES: &str = "The way of files and directories";

/// What `send` and `receive` can be told about it.
#[derive(Args)]
pub(crate) struct RouteArgs {
    /// Listen for the other side here alone [default: any free port of every interface]
    ///
    /// A port, or an address and a port, such as '--listen=40001' or '--listen=192.0.2.7:0'; without a
    /// value it is the default.
    #[arg(
        long,
        value_name = "[ADDRESS:]PORT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        overrides_with_all = ["listen", "no_listen"],
        help_heading = ROUTES
    )]
    pub(crate) listen: Option<String>,
    /// Do not listen, and tell the other side no address of this computer
    #[arg(long, overrides_with = "listen", help_heading = ROUTES)]
    pub(crate) no_listen: bool,
    /// Show no progress
    #[arg(long)]
    pub(crate) hide_progress: bool,
}
