//! What is common to the URLs of servers and of proxies.

use tokio_tungstenite::tungstenite::http::Uri;
use wormhole_sync_core::wire::hint::Endpoint;

/// A URL, as far as it says where to connect.
pub(crate) struct Url {
    pub(crate) scheme: String,
    /// `user:password`, as written.
    pub(crate) login: Option<String>,
    host: String,
    port: Option<u16>,
}

impl Url {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?.as_str();
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login.to_owned()), place),
            None => (None, authority),
        };
        let host = uri.host()?;
        if uri.port_u16().is_none() && place != host {
            return None; // what follows the host is no port
        }
        Some(Self {
            scheme: uri.scheme_str()?.to_owned(),
            login,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16(),
        })
    }

    /// Where to connect; at the `usual` port, unless another is named.
    pub(crate) fn endpoint(&self, usual: u16) -> Option<Endpoint> {
        Endpoint::new(&self.host, self.port.unwrap_or(usual))
    }
}

/// A server's URL without the `user:password@` in it, which nobody is to be shown; of a text that is no URL, without
/// what may be a password.
///
/// The library shows no login, neither in errors nor in what it tells of; and it sends none to mailbox servers and
/// relays, for their protocol has none.
///
/// ```
/// use wormhole_sync::without_login;
///
/// assert_eq!(without_login("wss://ann:secret@relay.example.com/v1"), "wss://relay.example.com/v1");
/// assert_eq!(without_login("relay.example.com"), "relay.example.com");
/// ```
pub fn without_login(text: &str) -> String {
    if let Some(url) = Url::parse(text) {
        return match url.login {
            Some(login) => text.replacen(&format!("{login}@"), "", 1),
            None => text.to_owned(), // an @ behind the host is none of a login
        };
    }
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    match rest.rsplit_once('@') {
        None => text.to_owned(),
        Some((_, rest)) if scheme.is_empty() => rest.to_owned(),
        Some((_, rest)) => format!("{scheme}://{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Option<String> {
        Url::parse(text)?.endpoint(443).map(|endpoint| endpoint.to_string())
    }

    #[test]
    fn hosts_and_ports_in_each_way_of_writing() {
        assert_eq!(endpoint("wss://relay.example.com/v1").unwrap(), "relay.example.com:443");
        assert_eq!(endpoint("ws://[::1]:4000/v1").unwrap(), "[::1]:4000");
        assert_eq!(endpoint("http://ann:a%40b@192.0.2.1:80").unwrap(), "192.0.2.1:80");
        let login = Url::parse("http://ann:a%40b@192.0.2.1:80").unwrap().login;
        assert_eq!(login.as_deref(), Some("ann:a%40b"));
    }

    #[test]
    fn what_is_no_place_to_connect_to() {
        for text in
            ["", "host", "ws://", "ws://:80", "ws:///v1", "ws://x:0", "ws://x:99999", "ws://x:y"]
        {
            assert_eq!(endpoint(text), None, "{text}");
        }
    }

    #[test]
    fn a_password_is_not_shown_even_where_nothing_else_is_right() {
        assert_eq!(without_login("ftp://ann:secret@host"), "ftp://host");
        assert_eq!(without_login("ann:secret@host"), "host");
        assert_eq!(without_login("a b"), "a b");
        assert_eq!(without_login("ws://ann:se/cret@host/v1"), "ws://host/v1");
        assert_eq!(without_login("ws://ann:se@cret@host:port"), "ws://host:port");
    }

    #[test]
    fn a_url_is_the_same_without_its_login() {
        assert_eq!(without_login("ws://ann:se@cret@[::1]:4000/v1"), "ws://[::1]:4000/v1");
        assert_eq!(without_login("ws://ann@host/v1?of=a@b"), "ws://host/v1?of=a@b");
        assert_eq!(without_login("wss://host/~a@b"), "wss://host/~a@b");
    }
}
