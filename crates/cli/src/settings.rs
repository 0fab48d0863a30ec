//! What the arguments and the environment come to, before anything is done.

use std::{env, time::Duration};

use wormhole_sync::{
    DEFAULT_RENDEZVOUS, DEFAULT_WORDS, Options, RENDEZVOUS_VARIABLE, transfer::Routes,
    without_login,
};

mod checkup;
mod plan;
mod proxy;
mod routes;
pub(crate) mod serve;

pub(crate) use checkup::{Checkup, Relays};
pub(crate) use plan::{Plan, Shown, Sources};
pub(crate) use routes::routes;

use proxy::Way;

use crate::{
    args::{GlobalArgs, LocalArgs, MeetingArgs, QrArgs},
    exit::{Failure, failure},
    local::Interfaces,
    term::ask,
};

/// How to meet, worked out.
pub(crate) struct Settings {
    /// The application id.
    pub(crate) app_id: Named,
    /// The mailbox server. One named on the command line is not changed by a code's URI.
    pub(crate) server: Named,
    /// Words of a code that is made here.
    pub(crate) words: usize,
    /// Whether the verifier is compared.
    pub(crate) verify: bool,
    /// How long everything may take.
    pub(crate) timeout: Option<Duration>,
    /// Most bits of hashcash, when it is not the library's default.
    pub(crate) max_hashcash_bits: Option<u32>,
    /// By way of which proxy.
    way: Way,
    /// Whether and where there is a local network.
    pub(crate) local: Local,
    /// Whether the code's URI is shown as a picture.
    pub(crate) qr: bool,
    /// Whether standard input carries the payload, so that answers come from the terminal.
    pub(crate) stdin_is_taken: bool,
}

/// A text that has a default.
pub(crate) struct Named {
    /// The text.
    pub(crate) text: String,
    /// Whether it was named on the command line.
    pub(crate) named: bool,
}

/// The local network.
pub(crate) struct Local {
    /// Whether no server is to be used at all.
    pub(crate) asked: bool,
    interfaces: Interfaces,
    /// What forbids it, if anything does.
    forbidden: Option<&'static str>,
}

impl Local {
    fn resolve(args: &LocalArgs, way: &Way) -> Result<Self, Failure> {
        if args.local && way.is_tor() {
            return Err(Failure::usage(
                "--tor hides this computer and --local announces it; leave out one of them",
            ));
        }
        let (name, named_by) = match args.local_interface.clone() {
            Some(name) => (Some(name), "--local-interface none"),
            None => (variable("WORMHOLE_LOCAL_INTERFACE")?, "WORMHOLE_LOCAL_INTERFACE=none"),
        };
        let interfaces = name.map_or(Interfaces::All, |name| Interfaces::parse(&name));
        let why = [
            (args.no_local, "--no-local"),
            (way.is_tor(), "--tor"),
            (interfaces == Interfaces::None, named_by),
        ];
        let forbidden = why.into_iter().find_map(|(forbids, why)| forbids.then_some(why));
        Ok(Self { asked: args.local, interfaces, forbidden })
    }

    /// Whether the local network may be used.
    pub(crate) const fn allowed(&self) -> bool {
        self.forbidden.is_none()
    }

    /// What forbids it, if anything does.
    pub(crate) const fn forbidden(&self) -> Option<&'static str> {
        self.forbidden
    }

    /// The interfaces to use.
    pub(crate) fn interfaces(&self) -> Result<&Interfaces, Failure> {
        let Some(why) = self.forbidden else { return Ok(&self.interfaces) };
        Err(Failure::usage(format!(
            "this needs the local network, and {why} forbids it; allow it, or use a server"
        )))
    }
}

impl Settings {
    /// Works them out. `default_app_id` is the command's own.
    pub(crate) fn resolve(
        global: &GlobalArgs,
        meeting: &MeetingArgs,
        qr: &QrArgs,
        default_app_id: &str,
        stdin_is_taken: bool,
    ) -> Result<Self, Failure> {
        if meeting.verify && !ask::can_answer(stdin_is_taken) {
            return Err(Failure::usage(
                "--verify asks a question, and nobody can answer: standard input is the payload and \
                 there is no terminal; give the payload with --text or --file",
            ));
        }
        let way = Way::resolve(global)?;
        Ok(Self {
            app_id: Named {
                text: global.appid.clone().unwrap_or_else(|| default_app_id.to_owned()),
                named: global.appid.is_some(),
            },
            server: Named { text: server(global)?, named: global.relay_url.is_some() },
            words: meeting.code_length.map_or(DEFAULT_WORDS, usize::from),
            verify: meeting.verify,
            timeout: meeting.timeout.map(|seconds| Duration::from_secs(seconds.into())),
            max_hashcash_bits: meeting.work.max_hashcash_bits,
            local: Local::resolve(&meeting.nearby, &way)?,
            way,
            qr: shows_picture(qr)?,
            stdin_is_taken,
        })
    }

    /// The library's options for the server at `url`.
    pub(crate) fn options(&self, url: &str) -> Options {
        self.way.apply(self.straight_options(url))
    }

    /// The same for a server on the local network, to which no proxy leads.
    pub(crate) fn local_options(&self, url: &str) -> Options {
        self.straight_options(url).no_proxy()
    }

    /// Before a code is shown, or its one guess spent.
    pub(crate) async fn can_listen(&self, routes: &Routes) -> Result<(), Failure> {
        routes.check(&self.options(&self.server.text)).await.map_err(failure)
    }

    fn straight_options(&self, url: &str) -> Options {
        let mut options = Options::new().rendezvous(url).words(self.words);
        if let Some(limit) = self.timeout {
            options = options.time_limit(limit);
        }
        if let Some(bits) = self.max_hashcash_bits {
            options = options.max_hashcash_bits(bits);
        }
        options
    }
}

/// An environment variable that says something.
pub(crate) fn variable(name: &str) -> Result<Option<String>, Failure> {
    Ok(even_empty(name)?.filter(|value| !value.is_empty()))
}

/// An environment variable that is set.
fn even_empty(name: &str) -> Result<Option<String>, Failure> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Failure::usage(format!(
            "the environment variable {name} is not UTF-8; set it again"
        ))),
    }
}

/// Without a login, which the library does not send, and which would stand in what is shown.
fn server(global: &GlobalArgs) -> Result<String, Failure> {
    let named = match &global.relay_url {
        Some(url) => Some(url.clone()),
        None => variable(RENDEZVOUS_VARIABLE)?,
    };
    Ok(named.map_or_else(|| DEFAULT_RENDEZVOUS.to_owned(), |url| without_login(&url)))
}

fn shows_picture(args: &QrArgs) -> Result<bool, Failure> {
    if args.qr || args.no_qr {
        return Ok(args.qr);
    }
    Ok(switch("WORMHOLE_QR")?.unwrap_or(true))
}

/// An environment variable that is on or off.
pub(crate) fn switch(name: &str) -> Result<Option<bool>, Failure> {
    let Some(value) = variable(name)? else { return Ok(None) };
    truth(&value)
        .map(Some)
        .ok_or_else(|| Failure::usage(format!("{name} is neither 0 nor 1; set it to one of them")))
}

/// On or off, in the words that the Python tool takes.
fn truth(word: &str) -> Option<bool> {
    match word.to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" | "t" | "y" => Some(true),
        "0" | "false" | "no" | "off" | "f" | "n" => Some(false),
        _ => None,
    }
}
