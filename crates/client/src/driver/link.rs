//! The connection, as far as the driver has it.

use std::{
    collections::VecDeque,
    future::{Future, pending, poll_fn},
    mem,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
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
    dial::{self, DialError, Server, Socket},
    proxy::Proxy,
    refusal::Refusal,
};

/// How long a closing handshake may hold up the end of the task.
const FAREWELL_FRAME: Duration = Duration::from_millis(500);

pub(super) enum Link {
    Down,
    Dialing {
        dialing: Pin<Box<dyn Future<Output = Dialed> + Send>>,
        /// Whether there is a connection, on which TLS or the server's answer is awaited.
        connected: Arc<AtomicBool>,
    },
    Up {
        outgoing: SplitSink<Socket, Message>,
        incoming: SplitStream<Socket>,
        /// Frames that the socket has not taken yet.
        queue: VecDeque<Message>,
        unflushed: bool,
    },
}

type Dialed = Result<Box<Socket>, DialError>;

/// What happens on a link.
pub(super) enum Change {
    Dialed(Dialed),
    Incoming(Option<Result<Message, WebSocketError>>),
    Flushed(Result<(), WebSocketError>),
}

impl Link {
    pub(super) fn dial(server: Server, proxy: Option<Arc<Proxy>>) -> Self {
        let connected = Arc::<AtomicBool>::default();
        let told = Arc::clone(&connected);
        let dialing = Box::pin(async move {
            let (tcp, _) = dial::connect(server.endpoint(), proxy).await?;
            told.store(true, Ordering::Relaxed);
            Ok(server.enter(tcp, MAX_FRAME).await?)
        });
        Self::Dialing { dialing, connected }
    }

    /// What it means that a connection which is being opened has not been all this time.
    pub(super) fn overdue(&self) -> Option<DialError> {
        let Self::Dialing { connected, .. } = self else { return None };
        Some(if connected.load(Ordering::Relaxed) {
            DialError::Refused(Refusal::late())
        } else {
            DialError::NoConnection("it did not answer in time".to_owned())
        })
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
            Self::Dialing { dialing, .. } => Change::Dialed(dialing.await),
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
