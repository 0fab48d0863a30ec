//! The person's side: what is shown, and what is asked.

pub(crate) mod sanitize;

pub(crate) mod colour;
pub(crate) mod qr;

pub(crate) mod progress;

pub(crate) mod narrate;

pub(crate) mod ask;
pub(crate) mod prompt;

/// A line for the person at a prompt.
pub(crate) fn say_line(text: &str) {
    let line = sanitize::line(text, sanitize::MAX_SHORT) + "\n";
    // A standard error that is gone is no reason to stop.
    let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), line.as_bytes());
}
