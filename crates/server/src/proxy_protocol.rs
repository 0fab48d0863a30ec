//! The header in which a proxy tells whose connection it passes on (PROXY protocol, versions 1 and 2).

use std::{
    future::poll_fn,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    task::{Poll, ready},
};

use tokio::{io::AsyncReadExt, net::TcpStream};

use crate::stream::with_scratch;

/// Bytes of a header of version 2, 4 KiB: some proxies add a client's whole certificate, and none
/// may fill the server's memory.
const MAX_BINARY: usize = 4096;

/// Bytes of a header of version 1, by its specification.
const MAX_LINE: usize = 107;

/// How version 2 begins.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes of a header of version 2 before the addresses.
const FIXED: usize = 16;

/// What the first bytes of a connection are.
///
/// ```
/// use wormhole_sync_server::proxy_protocol::{Header, Source, parse};
///
/// let bytes = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\nGET / HTTP/1.1\r\n";
/// let source = Source::Client("192.0.2.7:4711".parse().unwrap());
/// assert_eq!(parse(bytes), Header::Whole { length: 41, source });
/// assert_eq!(parse(&bytes[..40]), Header::Incomplete);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// All of them may belong to a header, and more of it must come.
    Incomplete,
    /// So many of them are the header.
    Whole {
        /// Bytes.
        length: usize,
        /// What it tells.
        source: Source,
    },
    /// They are no header, for this reason.
    Malformed(&'static str),
}

/// Whose connection a proxy says that it is.
///
/// ```
/// use wormhole_sync_server::proxy_protocol::{Header, Source, parse};
///
/// let bytes = b"PROXY UNKNOWN\r\n";
/// assert_eq!(parse(bytes), Header::Whole { length: 15, source: Source::Unknown });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The proxy's own: it looks whether the server is well.
    Proxy,
    /// Somebody's whose address it does not tell, or who has none of IP.
    Unknown,
    /// That of the client at this address.
    Client(SocketAddr),
}

/// Reads the header that `bytes` begin with. Extensions (TLVs) are passed over.
///
/// ```
/// use wormhole_sync_server::proxy_protocol::{Header, parse};
///
/// assert!(matches!(parse(b"GET / HTTP/1.1\r\n"), Header::Malformed(_)));
/// ```
pub fn parse(bytes: &[u8]) -> Header {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(is, expected)| is == expected);
    if begins(SIGNATURE) {
        parse_binary(bytes)
    } else if begins(b"PROXY ") {
        parse_line(bytes)
    } else {
        Header::Malformed("it does not begin as one")
    }
}

/// Whether it is a header of either version that they begin with, whole or not.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(SIGNATURE) || bytes.starts_with(b"PROXY ")
}

fn parse_line(bytes: &[u8]) -> Header {
    let line = bytes.get(..MAX_LINE).unwrap_or(bytes);
    let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
        let is_too_long = bytes.len() >= MAX_LINE;
        return if is_too_long { Header::Malformed("it has no end") } else { Header::Incomplete };
    };
    let line = line.get(..end).and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let words: Vec<&str> = line.split(' ').collect();
    let source = match *words {
        [_, "UNKNOWN", ..] => Some(Source::Unknown),
        [_, "TCP4", source, to, port, to_port] => client::<Ipv4Addr>(source, to, port, to_port),
        [_, "TCP6", source, to, port, to_port] => client::<Ipv6Addr>(source, to, port, to_port),
        _ => None,
    };
    match source {
        Some(source) => Header::Whole { length: end + 2, source },
        None => Header::Malformed("its addresses cannot be read"),
    }
}

fn client<Ip: FromStr + Into<IpAddr>>(
    source: &str,
    destination: &str,
    port: &str,
    destination_port: &str,
) -> Option<Source> {
    let source = source.parse::<Ip>().ok()?;
    destination.parse::<Ip>().ok()?;
    parse_port(destination_port)?;
    Some(Source::Client(SocketAddr::new(source.into(), parse_port(port)?)))
}

fn parse_port(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain && (text == "0" || !text.starts_with('0')) { text.parse().ok() } else { None }
}

fn parse_binary(bytes: &[u8]) -> Header {
    let Some(&[command, family, high, low]) =
        bytes.get(SIGNATURE.len()..).and_then(|rest| rest.first_chunk())
    else {
        return Header::Incomplete;
    };
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > MAX_BINARY {
        return Header::Malformed("it is longer than 4096 bytes");
    }
    let Some(block) = bytes.get(FIXED..length) else { return Header::Incomplete };
    let source = match (command, family) {
        (0x20, _) => Some(Source::Proxy),
        (0x21, 0x11) => addresses::<4>(block),
        (0x21, 0x21) => addresses::<16>(block),
        (0x21, _) if family >> 4 <= 3 && family & 0xf <= 2 => Some(Source::Unknown),
        _ => return Header::Malformed("its version, command or family is unknown"),
    };
    match source {
        Some(source) => Header::Whole { length, source },
        None => Header::Malformed("it is too short for its addresses"),
    }
}

/// Both addresses, of so many bytes each, and both ports.
fn addresses<const IP: usize>(block: &[u8]) -> Option<Source>
where
    [u8; IP]: Into<IpAddr>,
{
    let ip: [u8; IP] = *block.first_chunk()?;
    let ports: [u8; 4] = *block.get(2 * IP..)?.first_chunk()?;
    let [high, low, _, _] = ports;
    Some(Source::Client(SocketAddr::new(ip.into(), u16::from_be_bytes([high, low]))))
}

/// Why there is no header.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoHeader {
    Malformed(&'static str),
    Gone,
}

impl From<io::Error> for NoHeader {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Takes the header that a connection begins with, and not a byte of what comes after it.
pub(crate) async fn take(stream: &mut TcpStream) -> Result<Source, NoHeader> {
    let mut held = Vec::new();
    loop {
        let before = held.len();
        peek(stream, |bytes| held.extend_from_slice(bytes)).await?;
        let header = parse(&held);
        // What may be part of a header is none of what comes after it.
        if let Header::Whole { length, .. } = header {
            held.truncate(length);
        }
        let fresh = held.get_mut(before..).unwrap_or_default();
        if fresh.is_empty() {
            return Err(NoHeader::Gone);
        }
        match header {
            Header::Malformed(why) => return Err(NoHeader::Malformed(why)),
            Header::Incomplete => _ = stream.read_exact(fresh).await?,
            Header::Whole { source, .. } => {
                stream.read_exact(fresh).await?;
                return Ok(source);
            }
        }
    }
}

/// Shows what has come in, without taking it. Nothing is the connection's end.
pub(crate) async fn peek<T>(stream: &TcpStream, mut show: impl FnMut(&[u8]) -> T) -> io::Result<T> {
    poll_fn(|context| {
        with_scratch(|scratch| {
            let mut some = scratch.take(MAX_BINARY);
            ready!(stream.poll_peek(context, &mut some))?;
            Poll::Ready(Ok(show(some.filled())))
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family][..], &length, block].concat()
    }

    fn whole(bytes: &[u8], source: Source) {
        let header = Header::Whole { length: bytes.len(), source };
        let more = [bytes, b"\r\nPROXY "].concat();
        assert_eq!([parse(bytes), parse(&more)], [header; 2]);
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]), Header::Incomplete, "{end} of {bytes:?}");
        }
    }

    fn at(address: &str) -> Source {
        Source::Client(address.parse().unwrap())
    }

    #[test]
    fn lines_tell_the_client() {
        whole(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n", at("192.0.2.7:4711"));
        whole(b"PROXY TCP6 2001:db8::7 ::1 0 65535\r\n", at("[2001:db8::7]:0"));
        whole(b"PROXY UNKNOWN\r\n", Source::Unknown);
        whole(b"PROXY UNKNOWN ffff:: of any kind\r\n", Source::Unknown);
        let longest = [b"PROXY UNKNOWN ", &[b'x'; 91][..], b"\r\n"].concat();
        whole(&longest, Source::Unknown);
    }

    #[test]
    fn blocks_tell_the_client_and_extensions_are_passed_over() {
        let ipv4 = [192, 0, 2, 7, 192, 0, 2, 1, 0x12, 0x67, 1, 187];
        whole(&binary(0x21, 0x11, &ipv4), at("192.0.2.7:4711"));
        let extended = [&ipv4[..], &[4; 300]].concat();
        whole(&binary(0x21, 0x11, &extended), at("192.0.2.7:4711"));
        let ipv6 = [&[0x20, 1][..], &[0; 13], &[7], &[0; 16], &[0x12, 0x67, 1, 187]].concat();
        whole(&binary(0x21, 0x21, &ipv6), at("[2001::7]:4711"));
        whole(&binary(0x20, 0, &[]), Source::Proxy);
        whole(&binary(0x20, 0x11, &ipv4), Source::Proxy);
        for family in [0, 0x12, 0x22, 0x31, 0x32] {
            whole(&binary(0x21, family, &[1; 216]), Source::Unknown);
        }
        whole(&binary(0x20, 0, &[0; MAX_BINARY - FIXED]), Source::Proxy);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let long = [b"PROXY UNKNOWN ", &[b'x'; 92][..], b"\r\n"].concat();
        for (bytes, why) in [
            (&b"GET / HTTP/1.1\r\n"[..], "does not begin"),
            (b"\x16\x03\x01", "does not begin"),
            (b"PROXY\r\n", "does not begin"),
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 4711\r\n", "cannot be read"),
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443 1\r\n", "cannot be read"),
            (b"PROXY TCP4 2001:db8::7 ::1 4711 443\r\n", "cannot be read"),
            (b"PROXY TCP6 192.0.2.7 192.0.2.1 4711 443\r\n", "cannot be read"),
            (b"PROXY TCP4 192.0.2.7  192.0.2.1 4711 443\r\n", "cannot be read"),
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 04711 443\r\n", "cannot be read"),
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 +4711 443\r\n", "cannot be read"),
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 65536 443\r\n", "cannot be read"),
            (b"PROXY TCP4 \xff 192.0.2.1 65536 443\r\n", "cannot be read"),
            (b"PROXY  \r\n", "cannot be read"),
            (&long, "no end"),
            (&binary(0x11, 0x11, &[0; 12]), "unknown"),
            (&binary(0x22, 0x11, &[0; 12]), "unknown"),
            (&binary(0x21, 0x41, &[0; 12]), "unknown"),
            (&binary(0x21, 0x11, &[0; 11]), "too short"),
            (&binary(0x21, 0x21, &[0; 35]), "too short"),
            (&binary(0x20, 0, &[0; MAX_BINARY - FIXED + 1]), "longer than"),
        ] {
            let Header::Malformed(told) = parse(bytes) else { panic!("{bytes:?} is taken") };
            assert!(told.contains(why), "{bytes:?}: {told}");
        }
    }
}
