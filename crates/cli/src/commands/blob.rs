//! The payload: where this side's comes from, and where the other side's goes.

use std::{
    fs::File,
    io::{self, IsTerminal, Read, Write, stdin, stdout},
    path::Path,
};

use wormhole_sync::MAX_BLOB;
use zeroize::Zeroizing;

use crate::{
    exit::Failure,
    json::Event,
    meet::blocking,
    term::{
        narrate::Console,
        sanitize::{self, MAX_TEXT},
    },
};

/// Everything on standard input.
pub(crate) fn from_stdin(console: &Console) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if stdin().is_terminal() {
        console.tell(&Event::Note { message: "Reading from the terminal; end it with Ctrl-D." });
    }
    limited(stdin().lock(), "standard input")
}

/// A file's content.
pub(crate) fn from_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
    limited(file, &name)
}

/// Standard input as a text.
pub(crate) fn text_from_stdin(console: &Console) -> Result<Zeroizing<String>, Failure> {
    let bytes = from_stdin(console)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Failure::usage("standard input is no UTF-8 text; send it with 'wormhole exchange', which takes any bytes")
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Refuses what is longer than one message may be.
pub(crate) fn refuse_too_long(length: usize, name: &str) -> Result<(), Failure> {
    if length <= MAX_BLOB {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{name} is longer than {MAX_BLOB} bytes, the most that can be sent this way; make it shorter"
    )))
}

/// What is written of the other side's bytes: exact into a pipe or a file, cleaned on a terminal, which
/// would obey them.
pub(crate) fn shown(theirs: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if !stdout().is_terminal() {
        return theirs;
    }
    let text = String::from_utf8_lossy(&theirs);
    Zeroizing::new(sanitize::lines(&text, MAX_TEXT).into_bytes())
}

/// Writes to standard output, to the last byte, beside the tasks that keep the connection.
pub(crate) async fn deliver(bytes: Zeroizing<Vec<u8>>) -> Result<(), Failure> {
    blocking(move || to_stdout(&bytes)).await
}

/// Writes to standard output, to the last byte.
pub(crate) fn to_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| {
        Failure::here(format!(
            "standard output took only a part: {error}; start again with a new code"
        ))
    })
}

fn limited(source: impl Read, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    let most = u64::try_from(MAX_BLOB).unwrap_or(u64::MAX) + 1;
    source.take(most).read_to_end(&mut bytes).map_err(|error| unreadable(name, &error))?;
    refuse_too_long(bytes.len(), name)?;
    Ok(bytes)
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::here(format!("{name} cannot be read: {error}; check it and start again"))
}
