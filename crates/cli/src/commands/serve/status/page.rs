//! One page of the operator's door.

use std::{fmt::Display, io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::exit::{Exit, Failure};

/// How long the server may take.
const TIME: Duration = Duration::from_secs(10);

/// Bytes of an answer: a status is some 2 KiB.
const MOST: u64 = 1 << 20;

/// The host and port that a URL names.
pub(super) fn place(url: &str) -> Result<String, Failure> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let place = rest.split('/').next().unwrap_or_default();
    let port = place.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if rest.contains("://") || port.is_none() {
        return Err(Failure::usage(format!(
            "'{url}' is no place to ask at; write http://HOST:PORT, such as http://127.0.0.1:4010"
        )));
    }
    Ok(place.to_owned())
}

/// Asks for a page.
pub(super) async fn fetch(place: &str, path: &str) -> Result<String, Failure> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n");
    let answer = match timeout(TIME, ask(place, &request)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(unreachable(place, &error)),
        Err(_) => return Err(unreachable(place, &"it does not answer")),
    };
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200 ") => Ok(body.to_owned()),
        _ => Err(strange(place, &"the answer is another")),
    }
}

async fn ask(place: &str, request: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(place).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(MOST).read_to_string(&mut answer).await?;
    Ok(answer)
}

fn unreachable(place: &str, why: &dyn Display) -> Failure {
    let advice = "start the server with --set admin.listen=127.0.0.1:4010, or say with --admin where it listens";
    Failure::new(
        Exit::Unreachable,
        "server",
        format!("no server tells its status at {place} ({why}); {advice}"),
    )
}

/// Something else listens there.
pub(super) fn strange(place: &str, why: &dyn Display) -> Failure {
    let advice = "name the address of admin.listen with --admin";
    Failure::new(
        Exit::Server,
        "server",
        format!("what listens at {place} tells no status of a server ({why}); {advice}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_url_or_a_host_and_its_port() {
        for url in ["http://[::1]:4010", "http://[::1]:4010/status", "[::1]:4010"] {
            assert_eq!(place(url).unwrap(), "[::1]:4010");
        }
        for url in ["https://example.com:1", "example.com", "http://example.com", ""] {
            assert!(place(url).unwrap_err().to_string().contains("http://HOST:PORT"), "{url}");
        }
    }
}
