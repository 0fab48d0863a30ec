//! The connection, as far as the driver has it.

use std::{
    collections::VecDeque,
    future::{Future, pending, poll_fn},
    io, mem,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};
use wormhole_sync_core::wire::limits::MAX_FRAME;

use crate::{
    dial::{Server, Socket},
    proxy::Proxy,
};

/// How long a closing handshake may hold up the end of the task.
const FAREWELL_FRAME: Duration = Duration::from_millis(500);

pub(super) enum Link {
    Down,
    Dialing(Pin<Box<dyn Future<Output = io::Result<Box<Socket>>> + Send>>),
    Up {
        outgoing: SplitSink<Socket, Message>,
        incoming: SplitStream<Socket>,
        /// Frames that the socket has not taken yet.
        queue: VecDeque<Message>,
        unflushed: bool,
    },
}

/// What happens on a link.
pub(super) enum Change {
    Dialed(io::Result<Box<Socket>>),
    Incoming(Option<Result<Message, WebSocketError>>),
    Flushed(Result<(), WebSocketError>),
}

impl Link {
    pub(super) fn dial(server: Server, proxy: Option<Arc<Proxy>>) -> Self {
        Self::Dialing(Box::pin(async move { Ok(server.dial(proxy, MAX_FRAME).await?.0) }))
    }

    pub(super) fn up(socket: Socket) -> Self {
        let (outgoing, incoming) = socket.split();
        Self::Up { outgoing, incoming, queue: VecDeque::new(), unflushed: false }
    }

    pub(super) const fn is_up(&self) -> bool {
        matches!(self, Self::Up { .. })
    }

    pub(super) const fn is_down(&self) -> bool {
        matches!(self, Self::Down)
    }

    pub(super) fn transmit(&mut self, frame: String) {
        if let Self::Up { queue, .. } = self {
            queue.push_back(Message::text(frame));
        }
    }

    pub(super) async fn close(&mut self) {
        if let Self::Up { mut outgoing, .. } = mem::replace(self, Self::Down) {
            let _ = timeout(FAREWELL_FRAME, outgoing.close()).await;
        }
    }

    /// What happens next on the link. `full` stops reading, so that a peer cannot outrun the
    /// application.
    pub(super) async fn next(&mut self, full: bool) -> Change {
        match self {
            Self::Down => pending().await,
            Self::Dialing(dialing) => Change::Dialed(dialing.await),
            Self::Up { outgoing, incoming, queue, unflushed } => tokio::select! {
                outcome = send(outgoing, queue, unflushed), if *unflushed || !queue.is_empty() => {
                    Change::Flushed(outcome)
                }
                message = incoming.next(), if !full => Change::Incoming(message),
                else => pending().await,
            },
        }
    }
}

/// Sends what is queued. Cancelling loses nothing: a frame leaves the queue as the socket takes it.
async fn send(
    outgoing: &mut SplitSink<Socket, Message>,
    queue: &mut VecDeque<Message>,
    unflushed: &mut bool,
) -> Result<(), WebSocketError> {
    while !queue.is_empty() {
        poll_fn(|context| outgoing.poll_ready_unpin(context)).await?;
        if let Some(frame) = queue.pop_front() {
            *unflushed = true;
            outgoing.start_send_unpin(frame)?;
        }
    }
    outgoing.flush().await?;
    *unflushed = false;
    Ok(())
}
