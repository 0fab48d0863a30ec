//! Keyword arguments, as they come from Python.

use std::{net::SocketAddr, time::Duration};

use pyo3::{
    conversion::FromPyObjectOwned,
    exceptions::{PyOverflowError, PyTypeError, PyUnicodeEncodeError},
    prelude::*,
    types::PyDict,
};
use serde_json::{Map, Value};
use wormhole_sync::{
    Code, Error, MAX_WORDS, Options, Proxy,
    transfer::{DEFAULT_TRANSIT_RELAY, Routes, TRANSIT_RELAY_VARIABLE},
};

use crate::failure::Failure;

/// Keyword arguments of which some are still to be looked at.
pub(crate) struct Settings<'py>(Bound<'py, PyDict>);

/// Where this side listens for the other: at any port or none, at this port, or at an address with one.
#[derive(FromPyObject)]
enum Listen {
    Whether(bool),
    Port(u16),
    At(String),
}

/// One relay, or several.
#[derive(FromPyObject)]
enum Relays {
    One(String),
    Several(Vec<String>),
}

impl<'py> Settings<'py> {
    pub(crate) fn new(given: &Bound<'py, PyDict>) -> PyResult<Self> {
        given.copy().map(Self)
    }

    /// Takes one of them, unless it is not given or `None`.
    pub(crate) fn take<T>(&self, name: &str) -> PyResult<Option<T>>
    where
        T: FromPyObjectOwned<'py>,
    {
        let Some(value) = self.0.get_item(name)? else { return Ok(None) };
        self.0.del_item(name)?;
        if value.is_none() {
            return Ok(None);
        }
        let kind = value.get_type().name()?;
        value.extract::<T>().map(Some).map_err(|error| {
            let error: PyErr = error.into();
            if error.is_instance_of::<PyOverflowError>(value.py()) {
                Failure::usage(format!("{name} is beyond what is possible")).into()
            } else if error.is_instance_of::<PyUnicodeEncodeError>(value.py()) {
                Failure::usage(format!("{name} holds what is no text")).into()
            } else {
                PyTypeError::new_err(format!("{name} must be {}, not {kind}", wanted(name)))
            }
        })
    }

    /// There is no number of words beside a code.
    pub(crate) fn of_a_known_code(&self) -> PyResult<()> {
        match self.0.get_item("words")? {
            Some(words) if !words.is_none() => Err(Failure::usage(BESIDE_A_CODE).into()),
            _ => Ok(()),
        }
    }

    /// There is none left.
    pub(crate) fn end(self) -> PyResult<()> {
        match self.0.keys().iter().next() {
            Some(name) => {
                Err(PyTypeError::new_err(format!("unexpected keyword argument '{name}'")))
            }
            None => Ok(()),
        }
    }

    /// What holds for every exchange.
    pub(crate) fn options(&self) -> PyResult<Options> {
        let mut options = Options::new();
        if let Some(url) = self.take::<String>("rendezvous")? {
            options = options.rendezvous(url);
        }
        if let Some(words) = self.take::<i64>("words")? {
            let within =
                usize::try_from(words).ok().filter(|words| (1..=MAX_WORDS).contains(words));
            let wrong = || Failure::usage(format!("words is {words}; a code has 1 to {MAX_WORDS}"));
            options = options.words(within.ok_or_else(wrong)?);
        }
        if let Some(seconds) = self.take::<f64>("time_limit")? {
            if seconds.is_nan() || seconds < 0.0 {
                let text = format!(
                    "time_limit is {seconds}; it is a number of seconds, or None for no limit"
                );
                return Err(Failure::usage(text).into());
            }
            let limit = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
            options = options.time_limit(limit);
        }
        if let Some((name, version)) = self.take::<(String, String)>("client_version")? {
            options = options.client_version(name, version);
        }
        if let Some(bits) = self.take("max_hashcash_bits")? {
            options = options.max_hashcash_bits(bits);
        }
        if let Some(url) = self.take::<String>("proxy")? {
            options = proxied(options, &url)?;
        }
        Ok(options)
    }

    /// What this side's application says of itself, as JSON.
    pub(crate) fn app_versions(&self) -> PyResult<Map<String, Value>> {
        let Some(json) = self.take::<String>("app_versions")? else { return Ok(Map::new()) };
        let map = serde_json::from_str(&json).map_err(|error| {
            Failure::usage(format!(
                "app_versions cannot be sent ({error}); it must be a dictionary"
            ))
        })?;
        Ok(map)
    }

    /// How the bytes of a transfer may go. Relays are those that are named, here or by the environment; else those
    /// that the server advertises; else the family's public one.
    pub(crate) fn routes(&self) -> PyResult<Routes> {
        let routes = match self.take("listen")? {
            None | Some(Listen::Whether(true)) => Routes::new(),
            Some(Listen::Whether(false)) => Routes::new().no_listen(),
            Some(Listen::Port(port)) => Routes::new().listen_port(port),
            Some(Listen::At(at)) => Routes::new().listen_at(address(&at)?),
        };
        let named = match self.take("relay")? {
            Some(Relays::One(relay)) => Some(vec![relay]),
            Some(Relays::Several(relays)) => Some(relays),
            None => std::env::var(TRANSIT_RELAY_VARIABLE).ok().map(|relay| vec![relay]),
        };
        let routes = match named {
            None => routes.relay_unless_advertised(DEFAULT_TRANSIT_RELAY),
            Some(relays) => relays
                .iter()
                .filter(|relay| !relay.is_empty())
                .try_fold(routes.no_relay(), |routes, relay| routes.relay(relay)),
        };
        Ok(routes.map_err(Failure::from)?)
    }
}

/// What an option may be.
fn wanted(name: &str) -> &'static str {
    match name {
        "time_limit" => "a number of seconds",
        "words" => "a whole number",
        "max_hashcash_bits" => "a whole number of bits",
        "client_version" => "a pair of texts, a name and a version",
        "listen" => "True, False, a port from 0 to 65535, or a text such as '192.0.2.7:40001'",
        "relay" => "a text such as 'tcp:relay.example.com:4001', or a list of them",
        "ignore_unsendable" => "True or False",
        _ => "a text",
    }
}

/// A code has its words: beside one, a number of them is a mistake.
const BESIDE_A_CODE: &str =
    "words says how many a new code gets, and here the code is known; leave it out";

fn proxied(options: Options, url: &str) -> PyResult<Options> {
    match url {
        "" => Ok(options.no_proxy()),
        "tor" => Ok(options.proxy(Proxy::tor())),
        url => Ok(options.proxy(Proxy::parse(url).map_err(Failure::from)?)),
    }
}

/// A code as somebody typed it. Blanks around it come with the clipboard and with lines of files.
pub(crate) fn code(typed: &str) -> Result<Code, Failure> {
    let typed = typed.trim();
    let code = Code::parse(typed).map_err(|error| Failure::from(Error::from(error)))?;
    match typed.split_once('-') {
        Some((_, words)) if !words.is_empty() => Ok(code),
        _ => Err(Failure::bad_code(
            "a code is a number, a dash and words, like 4-purple-sausages; type the whole code",
        )),
    }
}

fn address(at: &str) -> Result<SocketAddr, Failure> {
    at.parse().map_err(|_| {
        Failure::usage(format!(
            "listen is '{at}', which is no address with a port, such as '192.0.2.7:40001'"
        ))
    })
}
