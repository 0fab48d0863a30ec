//! The handshake of a `WebSocket`, and what a server says that refuses it.

use std::{
    io::{self, IoSlice},
    mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, empty},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Error, handshake::client::Response, http::header, protocol::WebSocketConfig},
};

use super::Stream;
use crate::refusal::{Refusal, first_line};

/// Bytes of a refusal that are read: a stranger may go on for ever.
const MAX_BODY: usize = 1 << 10;

/// How long the rest of a refusal is awaited: a stranger may also never go on.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) type Socket = WebSocketStream<Lent>;

/// A `WebSocket`, on which no message may be longer than `max_message` bytes.
pub(super) async fn upgrade(
    url: &str,
    stream: Box<dyn Stream>,
    max_message: usize,
) -> Result<Box<Socket>, Refusal> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(max_message))
        .max_frame_size(Some(max_message))
        .read_buffer_size(8 << 10);
    let (stream, given_back) = Lent::new(stream);
    match client_async_with_config(url, stream, Some(config)).await {
        Ok((socket, _)) => Ok(Box::new(socket)),
        Err(Error::Http(response)) => {
            let stream = given_back.lock().unwrap_or_else(PoisonError::into_inner).take();
            Err(refused(*response, stream).await)
        }
        Err(error) => Err(error.into()),
    }
}

async fn refused(response: Response, stream: Option<Box<dyn Stream>>) -> Refusal {
    let status = response.status();
    let is_text = is_text(&response);
    let length = header_of(&response, header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
    let mut body = response.into_body().unwrap_or_default();
    if let Some(mut stream) = stream.filter(|_| is_text) {
        let _ = timeout(PATIENCE, complete(&mut body, length, &mut stream)).await; // or what there is
    }
    body.truncate(length.unwrap_or(MAX_BODY).min(MAX_BODY));
    let words = is_text.then(|| first_line(&body)).flatten();
    Refusal::http(status.as_u16(), &status.to_string(), words.as_deref())
}

/// Whether the answer is one for people, and not a page for browsers, or in pieces.
fn is_text(response: &Response) -> bool {
    let kind = header_of(response, header::CONTENT_TYPE).unwrap_or_default();
    kind.starts_with("text/plain") && !response.headers().contains_key(header::TRANSFER_ENCODING)
}

fn header_of(response: &Response, name: header::HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

/// Reads on until the first line is whole.
async fn complete(
    body: &mut Vec<u8>,
    length: Option<usize>,
    stream: &mut Box<dyn Stream>,
) -> io::Result<()> {
    let most = length.unwrap_or(MAX_BODY).min(MAX_BODY);
    while body.len() < most && !body.trim_ascii_start().contains(&b'\n') {
        if stream.read_buf(body).await? == 0 {
            break;
        }
    }
    Ok(())
}

type Place = Mutex<Option<Box<dyn Stream>>>;

/// A stream that comes back from whoever drops it: a handshake that fails keeps what it was given, and has read no
/// more than the head of the answer.
pub(crate) struct Lent {
    stream: Box<dyn Stream>,
    back: Weak<Place>,
}

impl Lent {
    fn new(stream: Box<dyn Stream>) -> (Self, Arc<Place>) {
        let place = Arc::<Place>::default();
        (Self { stream, back: Arc::downgrade(&place) }, place)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(place) = self.back.upgrade() {
            let stream = mem::replace(&mut self.stream, Box::new(empty()));
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
        }
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, space)
    }
}

impl AsyncWrite for Lent {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
