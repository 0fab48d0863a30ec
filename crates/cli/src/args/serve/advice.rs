//! What is said to whoever gave `wormhole serve` a flag that it does not know. Which flag looks alike is no help there: many belong
//! to one of the servers alone, and clients' flags are known everywhere.

use std::ffi::OsString;

use clap::{
    Command, Error,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// The same error, with a tip of ours if it is about such a flag.
pub(in super::super) fn advised(
    mut error: Error,
    command: &Command,
    arguments: &[OsString],
) -> Error {
    let is_about = |word: &str| arguments.iter().any(|argument| argument == word);
    let unknown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) if error.kind() == ErrorKind::UnknownArgument => flag,
        _ => return error,
    };
    let flag = unknown.split('=').next().unwrap_or_default();
    let serve = command.find_subcommand("serve").filter(|_| is_about("serve"));
    let Some(tip) = serve.and_then(|serve| tip(flag, serve, is_about("status"))) else {
        return error;
    };
    error.remove(ContextKind::SuggestedArg);
    error.remove(ContextKind::SuggestedSubcommand);
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    error
}

fn tip(flag: &str, serve: &Command, asks_for_status: bool) -> Option<String> {
    if ["--port", "-p"].contains(&flag) {
        let text = "the port stands behind its address: --listen 127.0.0.1:4000, or --relay-listen 127.0.0.1:4001";
        return Some(text.to_owned());
    }
    if asks_for_status && flag.ends_with("listen") {
        let text = "--admin names where the server is asked, such as --admin http://127.0.0.1:4010";
        return Some(text.to_owned());
    }
    let name = flag.strip_prefix("--")?;
    let knows = |command: &Command| {
        command.get_arguments().any(|argument| {
            let aliases = argument.get_all_aliases().unwrap_or_default();
            argument.get_long() == Some(name) || aliases.contains(&name)
        })
    };
    let of_both = knows(serve).then(|| "'wormhole serve'".to_owned());
    let of_one = serve.get_subcommands().filter(|command| knows(command));
    let of_one = of_one.map(|command| format!("'wormhole serve {}'", command.get_name()));
    let those: Vec<String> = of_both.into_iter().chain(of_one).collect();
    (!those.is_empty()).then(|| format!("{flag} is a flag of {}", those.join(" and of ")))
}
