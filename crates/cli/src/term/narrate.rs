//! Standard error: events as sentences for a person, or as lines of JSON for a program.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::atomic::{AtomicBool, Ordering},
};

mod check;

use super::{
    colour::{self, Style, styled},
    progress::{self, Place},
    qr,
    sanitize::{self, MAX_SHORT},
};
use crate::{
    exit::Exit,
    json::{Because, Event, KeyOutline, Kind, LocalRole, RouteKind},
};

/// Most letters of a name that a stranger chose, in a sentence.
const MAX_NAME: usize = 200;

/// The one door to standard error.
pub(crate) struct Console {
    json: AtomicBool,
    colour: bool,
    lost: AtomicBool,
    progress: Place,
}

impl Console {
    /// A console that writes JSON, or sentences.
    pub(crate) fn new(json: bool) -> Self {
        let colour = !json && colour::wanted();
        let json = AtomicBool::new(json);
        Self { json, colour, lost: AtomicBool::new(false), progress: Place::default() }
    }

    /// Where a line of progress is drawn.
    pub(crate) const fn progress(&self) -> &Place {
        &self.progress
    }

    /// Whether events are written as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json.load(Ordering::Relaxed)
    }

    /// Writes JSON from now on, for whoever began before it was known what is wanted.
    pub(crate) fn turn_to_json(&self) {
        self.json.store(true, Ordering::Relaxed);
    }

    /// Tells of an event. A standard error that is gone is no reason to stop.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        let text = if self.is_json() { as_json(event) } else { self.as_sentence(event) };
        if let Some(text) = text {
            self.progress.beside(|| {
                let mut stderr = stderr().lock();
                let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
            });
        }
    }

    fn as_sentence(&self, event: &Event<'_>) -> Option<String> {
        let text = match event {
            Event::Code { code, uri, command, picture, allocated, .. } => {
                self.code(code, picture.then_some(uri), command, *allocated)
            }
            Event::NoCode { command } => on_the_other_computer(command),
            Event::Error { message, exit, .. } => after_the_echo(*exit) + &self.error(message),
            Event::Connected => {
                let again = self.lost.swap(false, Ordering::Relaxed);
                return again.then(|| "Connected to the mailbox server again.\n".to_owned());
            }
            Event::Disconnected { .. } => {
                let news = !self.lost.swap(true, Ordering::Relaxed);
                return news.then(|| {
                    "The connection was lost; trying again until it is back.\n".to_owned()
                });
            }
            Event::Check(finding) => check::check(self.colour, finding),
            other => return sentence(other),
        };
        Some(text)
    }

    fn code(&self, code: &str, uri: Option<&&str>, command: &str, allocated: bool) -> String {
        let label = if allocated { "Allocated code" } else { "Wormhole code is" };
        let code = styled(self.colour, Style::Important, &sanitize::line(code, MAX_SHORT));
        let uri = uri.filter(|_| stderr().is_terminal());
        let picture =
            uri.and_then(|uri| qr::picture(uri)).map_or_else(String::new, |text| text + "\n");
        format!("{label}: {code}\n{picture}{}", on_the_other_computer(command))
    }

    fn error(&self, message: &str) -> String {
        let error = styled(self.colour, Style::Wrong, "error:");
        format!("{error} {}\n", sanitize::compact(message, 2 * MAX_SHORT))
    }
}

fn on_the_other_computer(command: &str) -> String {
    format!("On the other computer, please run:\n\n{}\n\n", sanitize::line(command, MAX_SHORT))
}

/// A terminal shows a typed Ctrl-C as `^C`: what follows gets a line of its own.
fn after_the_echo(exit: u8) -> String {
    let echoed = exit == Exit::Interrupted as u8 && stderr().is_terminal();
    if echoed { "\n".to_owned() } else { String::new() }
}

/// The sentence for an event that needs no more than its own fields; most need none.
fn sentence(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Welcome { motd: Some(motd) } => {
            format!("The server says:\n{}", sanitize::quoted(motd, MAX_SHORT))
        }
        Event::Delayed { reason } => {
            let reason = sanitize::line(reason, MAX_SHORT);
            format!("The server refuses for now: {reason}. It is asked again ...\n")
        }
        Event::Working { bits } => {
            format!(
                "The server asks for work before it lets anybody in ({bits} bits); working ...\n"
            )
        }
        Event::Local { role, because, reason } => local(*role, *because, *reason),
        Event::Sending { bytes: 1 } => "Sending text (1 byte)\n".to_owned(),
        Event::Sending { bytes } => format!("Sending text ({bytes} bytes)\n"),
        Event::Sent { .. } => "The text was received.\n".to_owned(),
        Event::Offering { kind, name, bytes, files } => {
            format!("Sending {}\n", outline(*kind, name, *bytes, *files))
        }
        Event::LeftOut { path, reason } => {
            let path = sanitize::line(path, MAX_SHORT);
            format!("Left out: {path}: {}\n", sanitize::line(reason, MAX_SHORT))
        }
        Event::Offered { kind, name, bytes, files, path, warning } => {
            offered(&outline(*kind, name, *bytes, *files), *path, *warning)
        }
        Event::Route { kind, address, proxy } => route(*kind, address, *proxy),
        Event::Confirming => "All sent; waiting for confirmation ...\n".to_owned(),
        Event::Delivered { .. } => "Confirmation received. Transfer complete.\n".to_owned(),
        Event::Written { path: Some(path), .. } => {
            format!("Received, and written to {}\n", sanitize::line(path, MAX_SHORT))
        }
        Event::Inviting { user, path } => {
            let path = sanitize::line(path, MAX_SHORT);
            format!(
                "The key will let the other side log in as '{user}'; it will be added to {path}\n"
            )
        }
        Event::SendingKey { key, path } => {
            let path = sanitize::line(path, MAX_SHORT);
            format!("Sending the public key {path}\n{}", outline_of_key(*key))
        }
        Event::KeySent { .. } => "Key sent; the other side has it.\n".to_owned(),
        Event::KeyAdded { key, user, path, added } => key_added(*key, user, path, *added),
        Event::Diagnosis { works, problems } => return check::diagnosis(*works, *problems),
        Event::Listening { url } => format!("listening on {url}\n"),
        Event::BackedUp { path, bytes } => {
            format!(
                "the copy is in {} ({})\n",
                sanitize::line(path, MAX_SHORT),
                super::progress::amount(*bytes)
            )
        }
        Event::Log { level, text, .. } => format!("{level}: {}\n", sanitize::line(text, MAX_SHORT)),
        Event::Note { message } => format!("{}\n", sanitize::compact(message, MAX_SHORT)),
        _ => return None,
    })
}

/// An offer in half a sentence: "directory 'holiday' (12 files, 3.20 MB)".
fn outline(kind: Kind, name: &str, bytes: u64, files: Option<u64>) -> String {
    let kind = match kind {
        Kind::File => "file",
        Kind::Directory => "directory",
    };
    let name = sanitize::compact(name, MAX_NAME);
    let files = files.map_or_else(String::new, |files| {
        format!("{files} {}, ", if files == 1 { "file" } else { "files" })
    });
    format!("{kind} '{name}' ({files}{})", progress::amount(bytes))
}

fn offered(outline: &str, path: Option<&str>, warning: Option<&str>) -> String {
    let path =
        path.map_or_else(|| "standard output".to_owned(), |path| sanitize::line(path, MAX_SHORT));
    let warning = warning.map_or_else(String::new, |warning| format!("Beware: {warning}\n"));
    format!("The other side offers the {outline}; it would be written to {path}\n{warning}")
}

/// The address may be a name that the other side chose, when a proxy is asked for it.
fn route(kind: RouteKind, address: &str, proxy: Option<&str>) -> String {
    let way = match kind {
        RouteKind::Direct => "Directly",
        RouteKind::Relay => "Through the relay",
    };
    let proxy = proxy.map_or_else(String::new, |proxy| format!(", by way of {proxy}"));
    format!("{way}, {}{proxy}\n", sanitize::line(address, MAX_NAME))
}

fn key_added(key: KeyOutline<'_>, user: &str, path: &str, added: bool) -> String {
    let done = if added { "Added the key to" } else { "The key is already in" };
    let path = sanitize::line(path, MAX_SHORT);
    format!("{done} {path}; its owner can log in as '{user}':\n{}", outline_of_key(key))
}

fn outline_of_key(KeyOutline { kind, fingerprint, comment }: KeyOutline<'_>) -> String {
    let comment = sanitize::compact(comment, MAX_NAME);
    format!("  {kind} {fingerprint} {comment}").trim_end().to_owned() + "\n"
}

fn local(role: LocalRole, because: Because<'_>, reason: Option<&str>) -> String {
    let why = match because {
        Because::Asked => String::new(),
        Because::Unreachable(url) => {
            let url = sanitize::line(url, MAX_SHORT);
            let reason = reason.map_or_else(String::new, |reason| {
                format!(" ({})", sanitize::compact(reason, MAX_SHORT))
            });
            format!(
                "The mailbox server {url} cannot be reached{reason}, so it goes without a server:\n"
            )
        }
    };
    let what = match role {
        LocalRole::Host => {
            "This computer hosts the exchange for its local network. Keep it running."
        }
        LocalRole::Find => "Looking for the other side on the local network ...",
    };
    format!("{why}{what}\n")
}

/// One line of JSON. Nothing that an event holds can fail to be written as JSON.
fn as_json(event: &Event<'_>) -> Option<String> {
    serde_json::to_string(event).ok().map(|line| line + "\n")
}
