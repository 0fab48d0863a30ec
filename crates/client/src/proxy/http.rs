//! A tunnel by HTTP CONNECT.

use std::io;

use data_encoding::BASE64;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use wormhole_sync_core::wire::hint::Endpoint;
use zeroize::Zeroizing;

use super::Login;

/// Most bytes of a proxy's answer before the tunnel begins; one that goes on and on is no proxy.
pub(super) const MAX_HEAD: usize = 8 << 10;

/// Most headers among them.
const MAX_HEADERS: usize = 64;

/// Asks for a tunnel to `host`.
pub(super) async fn connect(
    mut stream: TcpStream,
    host: &str,
    port: u16,
    login: Option<&Login>,
) -> io::Result<TcpStream> {
    let target = Endpoint::new(host, port).ok_or(io::ErrorKind::InvalidInput)?;
    stream.write_all(request(&target, login).as_bytes()).await?;
    match status(&head(&mut stream).await?)? {
        200..=299 => Ok(stream),
        407 => Err(io::Error::other(
            "it wants a user's name and password, or others; write them as user:password@ before its host",
        )),
        status => Err(io::Error::other(format!("it refused with status {status}"))),
    }
}

fn request(target: &Endpoint, login: Option<&Login>) -> Zeroizing<String> {
    let authorization = login.map_or_else(String::new, |login| {
        let both = Zeroizing::new(format!("{}:{}", login.user(), login.password()));
        format!("Proxy-Authorization: Basic {}\r\n", BASE64.encode(both.as_bytes()))
    });
    Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n"))
}

/// The answer up to its empty line. What follows belongs to whoever is behind the proxy, and may be there
/// already: so not a byte more is read.
async fn head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD {
            return Err(io::Error::other("its answer is too long for that of a proxy"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

fn status(head: &[u8]) -> io::Result<u16> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(head);
    let no_proxy = || io::Error::other("what answers there is no HTTP proxy");
    parsed.ok().and(response.code).ok_or_else(no_proxy)
}
