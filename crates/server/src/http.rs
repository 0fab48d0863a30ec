//! The one HTTP request that a connection begins with.

use std::net::IpAddr;

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

/// Header lines of a request that are looked at. Browsers send about twenty.
pub(crate) const MAX_HEADERS: usize = 64;

/// What RFC 6455 has a server append to a client's key.
const KEY_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a request wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// More of it must come first.
    Incomplete,
    /// A WebSocket. `length` bytes of the input were its head.
    Upgrade { length: usize, place: Place, accept: String },
    /// Something that is answered with these bytes, and the end of the connection.
    Answer(String),
}

/// Where a WebSocket leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `/v1`
    Mailbox,
    /// `/relay`, or `/`, where the family's relay is.
    Relay,
}

/// A WebSocket that was asked for and may be had.
pub(crate) struct Upgrade {
    /// What the server answers the client's key with.
    pub(crate) accept: String,
    /// Where the client is, as far as is known.
    pub(crate) client: IpAddr,
    /// Its port, which not every proxy tells.
    pub(crate) port: Option<u16>,
    /// What came after the head.
    pub(crate) rest: Vec<u8>,
}

/// Which page a request wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// More of the request must come first.
    Incomplete,
    /// The one at this path.
    At(String),
    /// None; it is answered with these bytes.
    Answer(String),
}

/// Reads a request's head.
pub(crate) fn parse(bytes: &[u8]) -> Head {
    match read(bytes, decide) {
        Ok(Some(head)) => head,
        Ok(None) => Head::Incomplete,
        Err(answer) => Head::Answer(answer),
    }
}

/// Reads the head of a request for a page.
pub(crate) fn page(bytes: &[u8]) -> Page {
    let path = |request: &httparse::Request<'_, '_>, _| match request.method {
        Some("GET") => Page::At(path(request).to_owned()),
        _ => Page::Answer(only_get()),
    };
    match read(bytes, path) {
        Ok(Some(page)) => page,
        Ok(None) => Page::Incomplete,
        Err(answer) => Page::Answer(answer),
    }
}

/// What is made of a whole head; `Err` is the answer to what is none.
fn read<T>(
    bytes: &[u8],
    make: impl FnOnce(&httparse::Request<'_, '_>, usize) -> T,
) -> Result<Option<T>, String> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(length)) => Ok(Some(make(&request, length))),
        Err(httparse::Error::TooManyHeaders) => {
            Err(answer("431 Request Header Fields Too Large", "Too many header lines\n"))
        }
        Err(_) => Err(answer("400 Bad Request", "This is not HTTP\n")),
    }
}

/// The answer that makes the connection a WebSocket.
pub(crate) fn switching(accept: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

/// Any other answer.
pub(crate) fn answer(status: &str, text: &str) -> String {
    content(status, "text/plain; charset=utf-8", text)
}

/// An answer of another type.
pub(crate) fn content(status: &str, kind: &str, text: &str) -> String {
    let length = text.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )
}

/// The answer to a head that goes on beyond so many bytes.
pub(crate) fn head_too_large(limit: usize) -> String {
    let text = format!("The request's head is beyond this server's limit of {limit} bytes\n");
    answer("431 Request Header Fields Too Large", &text)
}

/// The answer at a path that leads nowhere.
pub(crate) fn nothing_here() -> String {
    answer(
        "404 Not Found",
        "There is nothing here: mailboxes are at /v1, and a relay is at /relay, where they are served\n",
    )
}

fn decide(request: &httparse::Request<'_, '_>, length: usize) -> Head {
    match (request.method.unwrap_or_default(), path(request)) {
        ("GET", "/relay") => upgrade(request, length, Place::Relay),
        ("GET", "/") if header(request, "upgrade").is_some() => {
            upgrade(request, length, Place::Relay)
        }
        ("GET", "/") => Head::Answer(answer("200 OK", "Wormhole Relay\n")),
        ("GET", "/v1") => upgrade(request, length, Place::Mailbox),
        ("GET", _) => Head::Answer(nothing_here()),
        _ => Head::Answer(only_get()),
    }
}

/// The path that a request names, without what is asked of it.
fn path<'a>(request: &httparse::Request<'_, 'a>) -> &'a str {
    let path = request.path.unwrap_or_default();
    path.split_once('?').map_or(path, |(path, _)| path)
}

fn only_get() -> String {
    answer("405 Method Not Allowed", "Only GET is known here\n")
}

fn header<'a>(request: &httparse::Request<'_, 'a>, name: &str) -> Option<&'a str> {
    let header = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(header.value).ok().map(str::trim)
}

fn upgrade(request: &httparse::Request<'_, '_>, length: usize, place: Place) -> Head {
    let header = |name: &str| header(request, name);
    let lists = |name: &str, word: &str| {
        header(name)
            .is_some_and(|list| list.split(',').any(|item| item.trim().eq_ignore_ascii_case(word)))
    };
    if !lists("upgrade", "websocket") || !lists("connection", "upgrade") {
        let text = "WebSocket is spoken here: ask for an upgrade\n";
        return Head::Answer(answer("426 Upgrade Required\r\nUpgrade: websocket", text));
    }
    if header("sec-websocket-version") != Some("13") {
        let status = "426 Upgrade Required\r\nSec-WebSocket-Version: 13";
        return Head::Answer(answer(status, "Only version 13 of WebSocket is spoken here\n"));
    }
    let Some(key) = header("sec-websocket-key").filter(|key| is_key(key)) else {
        return Head::Answer(answer(
            "400 Bad Request",
            "Sec-WebSocket-Key is missing or malformed\n",
        ));
    };
    Head::Upgrade { length, place, accept: accept(key) }
}

fn is_key(key: &str) -> bool {
    BASE64.decode(key.as_bytes()).is_ok_and(|bytes| bytes.len() == 16)
}

fn accept(key: &str) -> String {
    BASE64.encode(&Sha1::new().chain_update(key).chain_update(KEY_SUFFIX).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: &str = "GET /v1 HTTP/1.1\r\nHost: x\r\nupgrade: WebSocket\r\n\
        Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    fn answered(request: &str) -> String {
        let Head::Answer(answer) = parse(request.as_bytes()) else { panic!("not answered") };
        answer.lines().next().unwrap().trim_start_matches("HTTP/1.1 ").to_owned()
    }

    #[test]
    fn the_key_of_rfc_6455_is_accepted() {
        let request = format!("{UPGRADE}\r\nrest");
        let Head::Upgrade { length, accept, .. } = parse(request.as_bytes()) else {
            panic!("refused");
        };
        assert_eq!(length, request.len() - 4);
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_head_in_pieces_is_waited_for() {
        for end in 0..UPGRADE.len() {
            assert_eq!(parse(&UPGRADE.as_bytes()[..end]), Head::Incomplete);
        }
    }

    #[test]
    fn the_front_page_is_the_familys() {
        let Head::Answer(answer) = parse(b"GET / HTTP/1.1\r\n\r\n") else { panic!("refused") };
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(answer.ends_with("\r\n\r\nWormhole Relay\n"));
    }

    #[test]
    fn everything_else_gets_a_clear_refusal() {
        for (request, status) in [
            ("GET /v2 HTTP/1.1\r\n\r\n", "404 Not Found"),
            ("POST /v1 HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
            ("GET /v1 HTTP/1.1\r\n\r\n", "426 Upgrade Required"),
            ("\x16\x03\x01\x02\x00", "400 Bad Request"),
            ("please relay 00\n\n", "400 Bad Request"),
            (&format!("{}\r\n", UPGRADE.replace("13", "8")), "426 Upgrade Required"),
            (&format!("{}\r\n", UPGRADE.replace("ZQ==", "")), "400 Bad Request"),
            (
                &format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65)),
                "431 Request Header Fields Too Large",
            ),
        ] {
            assert_eq!(answered(request), status, "{request}");
        }
    }
}
