//! The operator's door: health, metrics and status in HTTP.
//!
//! It is no client's, and is kept small: few connections, short heads, little time.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    doors::accept,
    http::{self, Page},
    stream::Stream,
    watch::Watch,
};

/// Connections at a time, for counting everything takes a moment in which clients wait. One more pushes
/// out the oldest: or whoever holds some open would keep the operator out.
const CONNECTIONS: usize = 16;

/// Bytes of a request's head.
const HEAD: usize = 8 << 10;

/// How long a request and the reading of its answer may take each.
const TIME: Duration = Duration::from_secs(3);

/// Serves the operator at this door, for as long as the future is polled.
pub(crate) async fn serve(listener: TcpListener, watch: Arc<Watch>) {
    warn_if_public(&listener);
    let mut open = VecDeque::<JoinHandle<()>>::new();
    accept(listener, |stream, _| {
        open.retain(|connection| !connection.is_finished());
        if open.len() >= CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let watch = Arc::clone(&watch);
        open.push_back(tokio::spawn(async move {
            watch.metrics().accepted.count("admin");
            answer(stream, &watch).await;
        }));
    })
    .await;
}

fn warn_if_public(listener: &TcpListener) {
    if let Ok(address) = listener.local_addr()
        && !address.ip().to_canonical().is_loopback()
    {
        tracing::warn!(
            %address,
            "metrics and status can be read from elsewhere: let a firewall see to who does, or \
             listen on loopback"
        );
    }
}

async fn answer(stream: TcpStream, watch: &Watch) {
    let mut stream = Stream::Plain(stream);
    let Ok(Ok(answer)) = timeout(TIME, request(&mut stream, watch)).await else { return };
    _ = timeout(TIME, stream.say_last(answer.as_bytes())).await;
}

async fn request(stream: &mut Stream, watch: &Watch) -> io::Result<String> {
    let found = stream.read_until(HEAD, |bytes| match http::page(bytes) {
        Page::Incomplete => None,
        Page::At(path) => Some(page(&path, watch)),
        Page::Answer(answer) => Some(answer),
    });
    Ok(found.await?.unwrap_or_else(|| http::head_too_large(HEAD)))
}

fn page(path: &str, watch: &Watch) -> String {
    match path {
        "/healthz" => match watch.trouble() {
            None => http::answer("200 OK", "ok\n"),
            Some(trouble) => http::answer("503 Service Unavailable", &format!("{trouble}\n")),
        },
        "/metrics" => {
            http::content("200 OK", "text/plain; version=0.0.4; charset=utf-8", &watch.exposition())
        }
        "/status" => http::content("200 OK", "application/json", &watch.status()),
        _ => http::answer("404 Not Found", "There are /healthz, /metrics and /status\n"),
    }
}
