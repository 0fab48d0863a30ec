//! How files and directories find their way.

use std::{ffi::OsString, net::SocketAddr};

use clap::Args;

/// What has to do with the way of the bytes stands together in the help.
const ROUTES: &str = "The way of files and directories";

/// What `send` and `receive` can be told about it.
#[derive(Args)]
pub(crate) struct RouteArgs {
    #[command(flatten)]
    pub(crate) listening: ListenArgs,
    /// Show no progress
    #[arg(long)]
    pub(crate) hide_progress: bool,
}

/// Where the other side may connect to.
#[derive(Args)]
pub(crate) struct ListenArgs {
    /// Listen for the other side here alone [default: any free port of every interface]
    ///
    /// A port, or an address and a port, such as '--listen 40001' or '--listen 192.0.2.7:0'; without a
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
}

/// Joins `--listen` and the port or address behind it. The option alone is the family's, so that what follows it may
/// as well be a path: one that looks like a port is written `./40001`.
pub(crate) fn with_ports_joined(
    arguments: impl Iterator<Item = OsString>,
) -> impl Iterator<Item = OsString> {
    let mut arguments = arguments.peekable();
    let mut options_are_over = false;
    std::iter::from_fn(move || {
        let mut argument = arguments.next()?;
        options_are_over |= argument == "--";
        if argument == "--listen"
            && !options_are_over
            && let Some(port) = arguments.next_if(|next| next.to_str().is_some_and(is_port))
        {
            argument.push("=");
            argument.push(port);
        }
        Some(argument)
    })
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok() || text.parse::<SocketAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(typed: &str) -> String {
        let joined = with_ports_joined(typed.split(' ').map(OsString::from));
        joined.map(|argument| argument.into_string().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_port_behind_the_option_is_its_value_and_a_path_is_not() {
        assert_eq!(joined("wormhole send --listen 40001 x"), "wormhole send --listen=40001 x");
        assert_eq!(joined("send --listen [::1]:0 x --listen"), "send --listen=[::1]:0 x --listen");
        for untouched in
            ["send --listen x", "send --listen ./1", "send --listen=1 2", "send -- --listen 1"]
        {
            assert_eq!(joined(untouched), untouched);
        }
    }
}
