//! The header in which a proxy tells whose connection it passes on.

use std::net::SocketAddr;

use wormhole_sync_server::proxy_protocol::{Header, Source, parse};

/// Bytes of the longest header.
const MAX_HEADER: usize = 4096;

/// A header is known at its last byte and not before, whatever comes after it; what is none never
/// becomes one; a client is told as it was written.
pub fn proxy_header(data: &[u8]) {
    let more = [data, b"\r\nPROXY "].concat();
    match parse(data) {
        Header::Incomplete => assert!(data.len() < MAX_HEADER, "it is held"),
        Header::Malformed(why) => assert_eq!(parse(&more), Header::Malformed(why)),
        Header::Whole { length, source } => {
            assert!(length <= data.len().min(MAX_HEADER));
            let whole = Header::Whole { length, source };
            let first = |end| data.get(..end).map(parse);
            assert_eq!([Some(parse(&more)), first(length)], [Some(whole); 2]);
            assert!((0..length).all(|end| first(end) == Some(Header::Incomplete)));
            if let Source::Client(client) = source {
                assert_eq!(parse(line(client).as_bytes()), told(client));
            }
        }
    }
}

fn line(client: SocketAddr) -> String {
    let (ip, port) = (client.ip(), client.port());
    let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    format!("PROXY {family} {ip} {ip} {port} {port}\r\n")
}

fn told(client: SocketAddr) -> Header {
    Header::Whole { length: line(client).len(), source: Source::Client(client) }
}
