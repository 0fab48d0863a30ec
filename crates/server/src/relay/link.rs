//! One link, from its first byte to its last.

use std::{
    borrow::Cow,
    future::poll_fn,
    io,
    sync::Arc,
    task::{Poll, ready},
};

use tokio::{
    io::AsyncWriteExt,
    sync::oneshot::{self, error::RecvError},
    time::{Duration, Instant, timeout, timeout_at},
};

use super::{
    Call, Hello, LinkId, Relay, Said, Verdict,
    end::{Brought, End},
    pipe::{Ending, Pair},
};
use crate::{
    config::Limit,
    gate::Admission,
    http::{self, Upgrade},
    stream::{Stream, with_scratch},
};

/// How long a link that is closed may take to read why.
const GOODBYE: Duration = Duration::from_secs(1);

/// Serves a link that speaks TCP, until it waits for its partner. It has until `deadline` to say what
/// it wants. What begins otherwise than a link does is shown to `notice`.
pub(crate) async fn serve_raw(
    stream: Stream,
    admission: Admission,
    relay: Arc<Relay>,
    deadline: Instant,
    notice: impl Fn(&[u8]),
) {
    let (id, mut called) = relay.opened(admission.address());
    let mut end = Box::new(End::raw(stream, admission));
    let mut hello = Hello::default();
    let take = move |bytes: &[u8], brought: &Brought| {
        let said = hello.received(payload(bytes, brought));
        if said == Said::Line(None) {
            notice(bytes);
        }
        said
    };
    let heard = listen(&mut end, take, &mut called, deadline).await;
    serve(id, end, heard, called, relay).await;
}

/// Serves a link that speaks WebSocket, until it waits for its partner. It has until `deadline` to say
/// what it wants.
pub(crate) async fn serve_websocket(
    stream: Stream,
    mut upgrade: Upgrade,
    admission: Admission,
    relay: Arc<Relay>,
    deadline: Instant,
) {
    let (id, mut called) = relay.opened(admission.address());
    let mut end = Box::new(End::websocket(stream, admission));
    let mut hello = Hello::default();
    // What came with the request is the beginning of what follows it.
    let brought = end.decode(&mut upgrade.rest);
    let answer = brought.as_ref().map_or(&[][..], |brought| &brought.answer);
    let switching = [http::switching(&upgrade.accept).as_bytes(), answer].concat();
    let heard = match end.stream.write_all(&switching).await.and(brought) {
        Ok(brought) => {
            match hello.received_message(payload(&upgrade.rest, &brought), brought.first_end) {
                Said::Part if brought.over => Heard::Client(None),
                Said::Part => {
                    let take = move |bytes: &[u8], brought: &Brought| {
                        hello.received_message(payload(bytes, brought), brought.first_end)
                    };
                    listen(&mut end, take, &mut called, deadline).await
                }
                said => Heard::Client(Some(said)),
            }
        }
        Err(error) => Heard::Client(broken(&error)),
    };
    serve(id, end, heard, called, relay).await;
}

/// What comes first.
enum Heard {
    /// What the client says; `None` when it has closed.
    Client(Option<Said>),
    /// What the relay has to say.
    Relay(Result<Call, RecvError>),
}

/// Waits for the line.
async fn listen(
    end: &mut End,
    mut take: impl FnMut(&[u8], &Brought) -> Said,
    called: &mut oneshot::Receiver<Call>,
    deadline: Instant,
) -> Heard {
    let line = async {
        loop {
            match read(end, &mut take).await {
                Ok(Some(Said::Part)) => {}
                Ok(said) => return said,
                Err(error) => return broken(&error),
            }
        }
    };
    tokio::select! {
        biased;
        call = called => Heard::Relay(call),
        said = timeout_at(deadline, line) => Heard::Client(said.unwrap_or_else(|_| {
            end.count(Limit::Handshake);
            Some(Said::Line(None))
        })),
    }
}

/// What it means when a link cannot be read: that it broke the protocol, or is gone.
fn broken(error: &io::Error) -> Option<Said> {
    (error.kind() == io::ErrorKind::InvalidData).then_some(Said::Line(None))
}

/// What of these bytes was said.
fn payload<'a>(bytes: &'a [u8], brought: &Brought) -> &'a [u8] {
    bytes.get(..brought.payload).unwrap_or_default()
}

/// Reads once, answers pings, and lets `take` have the rest. `None` when the client has closed. Whoever
/// asks and does not read the answers is as good as gone: nothing is kept to be said later.
async fn read<T>(
    end: &mut End,
    mut take: impl FnMut(&[u8], &Brought) -> T,
) -> io::Result<Option<T>> {
    poll_fn(|context| {
        let (taken, answer, over) = ready!(with_scratch(|buffer| {
            let brought = ready!(end.poll_read(context, buffer))?;
            let taken = take(buffer.filled(), &brought);
            Poll::Ready(io::Result::Ok((taken, brought.answer, brought.over)))
        }))?;
        end.say_now(context, &answer)?;
        Poll::Ready(Ok((!over).then_some(taken)))
    })
    .await
}

async fn serve(
    id: LinkId,
    mut end: Box<End>,
    heard: Heard,
    called: oneshot::Receiver<Call>,
    relay: Arc<Relay>,
) {
    let request = match heard {
        Heard::Client(None | Some(Said::Part)) => {
            relay.tell(id, |pairing, now| pairing.lost(id, now));
            return;
        }
        Heard::Client(Some(Said::Early(_))) => {
            let text = relay.tell(id, |pairing, now| pairing.impatient(id, now));
            return close(&mut end, text).await;
        }
        Heard::Client(Some(Said::Line(request))) => request,
        Heard::Relay(call) => return follow(call, id, end, relay).await,
    };
    match relay.asked(id, request, end) {
        Verdict::Joined => {}
        Verdict::Close(mut end, text) => close(&mut end, Some(text)).await,
        // A task of its own: one is as large as the largest of its parts, and this one stays.
        Verdict::Wait(end) => _ = tokio::spawn(wait(id, end, called, relay)),
    }
}

/// Does what the relay says.
async fn follow(call: Result<Call, RecvError>, id: LinkId, mut end: Box<End>, relay: Arc<Relay>) {
    match call {
        Ok(Call::Join(partner)) => _ = tokio::spawn(pair(id, end, partner, relay)),
        Ok(Call::Close(text)) => close(&mut end, Some(text)).await,
        Err(_) => {} // the relay is gone
    }
}

/// Waits for the partner, while nothing may be said.
async fn wait(
    id: LinkId,
    mut end: Box<End>,
    mut called: oneshot::Receiver<Call>,
    relay: Arc<Relay>,
) {
    let spoke = tokio::select! {
        biased;
        call = &mut called => return follow(call, id, end, relay).await,
        spoke = speaks(&mut end) => spoke,
    };
    let text =
        relay.tell(
            id,
            |pairing, now| {
                if spoke { pairing.impatient(id, now) } else { pairing.lost(id, now) }
            },
        );
    if let Ok(Call::Join(partner)) = called.try_recv() {
        drop(partner); // it came at this very moment
        relay.ended(id, 0, Ending::Closed);
    }
    close(&mut end, text).await;
}

/// Ready when a link that waits says something (true), or is closed (false).
async fn speaks(end: &mut End) -> bool {
    loop {
        match read(end, |_, brought| brought.payload > 0).await {
            Ok(Some(false)) => {}
            Ok(Some(true)) => return true,
            Ok(None) | Err(_) => return false,
        }
    }
}

/// Moves what the two say, until the end.
async fn pair(id: LinkId, end: Box<End>, partner: Box<End>, relay: Arc<Relay>) {
    let rates = [end.address(), partner.address()].map(|address| relay.rates.of(address));
    let mut pair = Pair::new([*end, *partner], &relay.config, &relay.pool, rates);
    let mut open = Open::new(id, &relay);
    let moving = poll_fn(|context| {
        let ending = pair.poll(context);
        relay.moved(pair.moved() - open.moved);
        open.moved = pair.moved();
        ending
    });
    open.ending = tokio::select! {
        ending = moving => ending,
        () = relay.was_cut() => Ending::Stopped,
    };
}

/// A pair, which is over for the relay with this value, however its task ends.
pub(super) struct Open<'a> {
    id: LinkId,
    relay: &'a Relay,
    moved: u64,
    ending: Ending,
}

impl<'a> Open<'a> {
    pub(super) const fn new(id: LinkId, relay: &'a Relay) -> Self {
        Self { id, relay, moved: 0, ending: Ending::Lost }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.relay.ended(self.id, self.moved, self.ending);
    }
}

/// Says last words, if any, and closes.
async fn close(end: &mut End, text: Option<Cow<'static, str>>) {
    if let Some(text) = text {
        // On the heap, for whoever waits is as large as this otherwise.
        _ = Box::pin(timeout(GOODBYE, end.close(text.as_bytes()))).await;
    }
}
