//! Connections by way of a proxy: SOCKS5 (RFC 1928 and 1929), HTTP CONNECT (RFC 9110, section 9.3.6),
//! and Tor, whose client is a SOCKS5 proxy.
//!
//! A proxy is asked for names as they are: no resolver of this computer ever hears of them.

use std::{
    env, fmt, io,
    net::{Ipv4Addr, SocketAddr},
};

use tokio::net::TcpStream;
use tokio_socks::tcp::Socks5Stream;
use wormhole_sync_core::wire::{hex, hint::Endpoint};

mod exempt;
mod http;
mod login;

use exempt::Exempt;
use login::Login;

use crate::{
    error::{Cause, Error},
    tcp,
    url::{Url, without_login},
};

/// The environment variable that names a proxy; in small letters, too, which count first.
///
/// ```
/// use wormhole_sync::{PROXY_VARIABLE, Proxy};
///
/// # // SAFETY: nothing else runs yet.
/// # unsafe { std::env::set_var(PROXY_VARIABLE, "socks5://192.0.2.1:1080") };
/// // ALL_PROXY=socks5://192.0.2.1:1080
/// assert_eq!(Proxy::from_environment()?.unwrap().to_string(), "socks5://192.0.2.1:1080");
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
pub const PROXY_VARIABLE: &str = "ALL_PROXY";

/// The environment variable that names what is reached without a proxy; see [`Proxy::except`].
///
/// ```
/// assert_eq!(wormhole_sync::NO_PROXY_VARIABLE, "NO_PROXY");
/// ```
pub const NO_PROXY_VARIABLE: &str = "NO_PROXY";

/// The ports of this computer at which Tor is looked for: the daemon's, and the Tor Browser's.
///
/// ```
/// assert_eq!(wormhole_sync::TOR_PORTS, [9050, 9150]);
/// ```
pub const TOR_PORTS: [u16; 2] = [9050, 9150];

/// A proxy through which the mailbox server, the other computer and relays are reached.
///
/// It is given to [`Options::proxy`](crate::Options::proxy), and holds for the transfers over that wormhole, too.
///
/// ```
/// use wormhole_sync::{ErrorKind, Proxy};
///
/// let proxy = Proxy::parse("socks5://ann:secret@proxy.example.com:1080")?;
/// assert_eq!(proxy.to_string(), "socks5://proxy.example.com:1080"); // a password is never shown
/// assert_eq!(Proxy::parse("ftp://proxy.example.com").err().unwrap().kind(), ErrorKind::BadUrl);
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
#[derive(Clone)]
pub struct Proxy {
    protocol: Protocol,
    login: Option<Login>,
    exempt: Exempt,
}

#[derive(Clone)]
enum Protocol {
    Socks(Endpoint),
    Http(Endpoint),
    /// At this SOCKS port, or else at one of [`TOR_PORTS`].
    Tor(Option<Endpoint>),
}

impl Proxy {
    /// A proxy's URL: `socks5://HOST:PORT`, or `http://HOST:PORT` for one that knows CONNECT, each with
    /// `USER:PASSWORD@` before the host where it asks for that (percent-encoded).
    ///
    /// `socks5h://` and `socks://` are the same as the first, and no scheme at all as the second. The port may
    /// be left out: it is 1080, or 80. Other kinds are refused: SOCKS4, and proxies that are themselves
    /// reached by TLS.
    ///
    /// ```
    /// use wormhole_sync::Proxy;
    ///
    /// assert_eq!(Proxy::parse("socks5h://[2001:db8::1]")?.to_string(), "socks5://[2001:db8::1]:1080");
    /// assert_eq!(Proxy::parse("proxy.example.com:3128")?.to_string(), "http://proxy.example.com:3128");
    /// assert!(Proxy::parse("socks4://192.0.2.1").is_err());
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn parse(url: &str) -> Result<Self, Error> {
        let bad = || Cause::BadProxy(without_login(url));
        let written = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let parsed = Url::parse(&written).ok_or_else(bad)?;
        let endpoint = |usual| parsed.endpoint(usual).ok_or_else(bad);
        let protocol = match parsed.scheme.as_str() {
            "socks5" | "socks5h" | "socks" => Protocol::Socks(endpoint(1080)?),
            "http" => Protocol::Http(endpoint(80)?),
            _ => return Err(bad().into()),
        };
        let login = match &parsed.login {
            Some(login) => Some(Login::parse(login).ok_or_else(bad)?),
            None => None,
        };
        Ok(Self { protocol, login, exempt: Exempt::loopback() })
    }

    /// The Tor of this computer, at one of its [usual ports](TOR_PORTS).
    ///
    /// A wormhole by way of Tor names no address of this computer, listens at no port, and reaches everything
    /// through Tor: loopback, too. What it does shares no circuit with what other programs do.
    ///
    /// ```
    /// use wormhole_sync::{Options, Proxy};
    ///
    /// let options = Options::new().proxy(Proxy::tor());
    /// # assert!(format!("{options:?}").contains("Tor"));
    /// ```
    pub const fn tor() -> Self {
        Self { protocol: Protocol::Tor(None), login: None, exempt: Exempt::nothing() }
    }

    /// Takes a SOCKS5 proxy for Tor's, with all that [`tor`](Self::tor) promises: for a Tor at another port or
    /// computer. Other proxies are an error.
    ///
    /// ```
    /// use wormhole_sync::Proxy;
    ///
    /// let tor = Proxy::parse("socks5://127.0.0.1:9999")?.into_tor()?;
    /// assert_eq!(tor.to_string(), "Tor at 127.0.0.1:9999");
    /// assert!(Proxy::parse("http://127.0.0.1:3128")?.into_tor().is_err());
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn into_tor(self) -> Result<Self, Error> {
        let Self { protocol, login, .. } = self;
        let address = match protocol {
            Protocol::Socks(address) => Some(address),
            Protocol::Tor(address) => address,
            Protocol::Http(_) => return Err(Cause::NotTor(protocol.to_string()).into()),
        };
        Ok(Self { protocol: Protocol::Tor(address), login, exempt: Exempt::nothing() })
    }

    /// Hosts that are reached without the proxy, between commas, as `NO_PROXY` has them: `example.com` for
    /// that name and all under it, an address, a network such as `10.0.0.0/8`, or `*` for everything.
    ///
    /// This computer's loopback is always among them: a proxy elsewhere could only reach its own. With
    /// [Tor](Self::tor) there are no such hosts.
    ///
    /// ```
    /// use wormhole_sync::Proxy;
    ///
    /// let proxy = Proxy::parse("http://proxy.example.com:3128")?.except("example.com, 10.0.0.0/8");
    /// # drop(proxy);
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    #[must_use]
    pub fn except(mut self, hosts: &str) -> Self {
        if !self.is_tor() {
            self.exempt.add(hosts);
        }
        self
    }

    /// The proxy that [`ALL_PROXY`](PROXY_VARIABLE) names, less what [`NO_PROXY`](NO_PROXY_VARIABLE) names. It is
    /// what [`Options::new`](crate::Options::new) uses when nothing else is said.
    ///
    /// ```
    /// use wormhole_sync::Proxy;
    ///
    /// # // SAFETY: nothing else runs yet.
    /// # unsafe { std::env::set_var("all_proxy", "") };
    /// assert!(Proxy::from_environment()?.is_none()); // all_proxy=
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn from_environment() -> Result<Option<Self>, Error> {
        let Some(url) = variable(PROXY_VARIABLE) else { return Ok(None) };
        Ok(Some(Self::parse(&url)?.except_as_the_environment_has_it()))
    }

    /// Leaves out what [`NO_PROXY`](NO_PROXY_VARIABLE) names.
    ///
    /// ```
    /// use wormhole_sync::Proxy;
    ///
    /// let proxy = Proxy::parse("http://proxy.example.com:3128")?.except_as_the_environment_has_it();
    /// # drop(proxy);
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    #[must_use]
    pub fn except_as_the_environment_has_it(self) -> Self {
        match variable(NO_PROXY_VARIABLE) {
            Some(hosts) => self.except(&hosts),
            None => self,
        }
    }

    /// Whether it is Tor, so that nothing of this computer's may be told.
    pub(crate) const fn is_tor(&self) -> bool {
        matches!(self.protocol, Protocol::Tor(_))
    }

    /// Whether `host` is reached through it.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        !self.exempt.covers(host)
    }

    /// One wormhole's: Tor keeps apart, in circuits of their own, the connections that come with different
    /// logins (its `IsolateSOCKSAuth`, which is on unless turned off).
    pub(crate) fn for_one_wormhole(mut self) -> Result<Self, Error> {
        if self.is_tor() && self.login.is_none() {
            let mut circuit = [0; 8];
            getrandom::fill(&mut circuit).map_err(|error| Cause::Random(error.to_string()))?;
            self.login = Some(Login::new(hex::encode(&circuit), "wormhole".to_owned()));
        }
        Ok(self)
    }

    /// A connection to `host`, which the proxy makes.
    pub(crate) async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let stream = self.reach().await.map_err(|error| self.silent(&error))?;
        let connected = match &self.protocol {
            Protocol::Http(_) => http::connect(stream, host, port, self.login.as_ref()).await,
            Protocol::Socks(_) | Protocol::Tor(_) => self.socks(stream, host, port).await,
        };
        connected.map_err(|error| io::Error::new(error.kind(), format!("{self} says: {error}")))
    }

    async fn reach(&self) -> io::Result<TcpStream> {
        match &self.protocol {
            Protocol::Socks(at) | Protocol::Http(at) | Protocol::Tor(Some(at)) => {
                tcp::to_host(at.hostname(), at.port()).await
            }
            Protocol::Tor(None) => {
                let here = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                tcp::to_any(TOR_PORTS.map(here).to_vec()).await
            }
        }
    }

    async fn socks(&self, stream: TcpStream, host: &str, port: u16) -> io::Result<TcpStream> {
        let target = (host, port);
        let connected = match &self.login {
            None => Socks5Stream::connect_with_socket(stream, target).await,
            Some(login) => {
                let (user, password) = (login.user(), login.password());
                Socks5Stream::connect_with_password_and_socket(stream, target, user, password).await
            }
        };
        match connected {
            Ok(stream) => Ok(stream.into_inner()),
            Err(tokio_socks::Error::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn silent(&self, error: &io::Error) -> io::Error {
        let text = match &self.protocol {
            Protocol::Tor(None) => {
                let [daemon, browser] = TOR_PORTS;
                format!(
                    "Tor does not answer at port {daemon} or {browser} of this computer: {error}; start it, or \
                     name the SOCKS port at which it is"
                )
            }
            _ => format!("{self} does not answer: {error}"),
        };
        io::Error::new(error.kind(), text)
    }
}

/// An environment variable that has a value, in small letters or in capitals.
fn variable(name: &str) -> Option<String> {
    let value = env::var(name.to_ascii_lowercase()).or_else(|_| env::var(name));
    value.ok().filter(|value| !value.is_empty())
}

/// Without the login.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.protocol.fmt(f)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socks(at) => write!(f, "socks5://{at}"),
            Self::Http(at) => write!(f, "http://{at}"),
            Self::Tor(Some(at)) => write!(f, "Tor at {at}"),
            Self::Tor(None) => f.write_str("Tor"),
        }
    }
}
