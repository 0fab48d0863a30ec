//! Colours: on a terminal that wants them, and nowhere else.

use std::{
    env,
    io::{IsTerminal, stderr},
};

/// How a piece of text stands out.
#[derive(Clone, Copy)]
pub(crate) enum Style {
    /// What the person is to carry.
    Important,
    /// What went wrong.
    Wrong,
}

/// Whether standard error takes colours: it is a terminal, no dumb one, and `NO_COLOR` is not set.
pub(crate) fn wanted() -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    stderr().is_terminal() && !set("NO_COLOR") && !dumb
}

/// `text` in its style, when `wanted`.
pub(crate) fn styled(wanted: bool, style: Style, text: &str) -> String {
    let start = match style {
        Style::Important => "\u{1b}[1m",
        Style::Wrong => "\u{1b}[1;31m",
    };
    if wanted { format!("{start}{text}\u{1b}[0m") } else { text.to_owned() }
}
