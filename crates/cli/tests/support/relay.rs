//! A transit relay as small as can be: it pairs two connections by their token, and can stop in the middle.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// How long a relay that swallows takes for a piece: so a transfer is in its middle for a while, and an end that
/// closes is noticed.
const SLOWLY: Duration = Duration::from_millis(10);

/// How long one that has turned away keeps its ends open: longer than any test.
const AWAY: Duration = Duration::from_secs(600);

/// What a relay does with what is too much.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Swallows,
    TurnsAway,
}

/// A relay on loopback.
pub(crate) struct Relay {
    pub(crate) url: String,
}

/// A first one of two, by its token.
type Waiting = Arc<Mutex<HashMap<String, BufReader<TcpStream>>>>;

impl Relay {
    /// One that passes everything on.
    pub(crate) fn start() -> Self {
        Self::that_swallows_after(u64::MAX)
    }

    /// One that passes on so many bytes each way, and nothing after them but the end.
    pub(crate) fn that_swallows_after(bytes: u64) -> Self {
        Self::that(bytes, Then::Swallows)
    }

    /// One that passes on so many bytes each way, then says that it has no more to say, and hears nothing more.
    pub(crate) fn that_turns_away_after(bytes: u64) -> Self {
        Self::that(bytes, Then::TurnsAway)
    }

    fn that(bytes: u64, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("tcp:{}", listener.local_addr().unwrap());
        let waiting = Waiting::default();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let waiting = Arc::clone(&waiting);
                thread::spawn(move || pair(stream.unwrap(), &waiting, bytes, then));
            }
        });
        Self { url }
    }
}

fn pair(stream: TcpStream, waiting: &Waiting, passes: u64, then: Then) {
    let mut one = BufReader::new(stream);
    let mut line = String::new();
    one.read_line(&mut line).unwrap();
    let (token, _side) =
        line.strip_prefix("please relay ").and_then(|rest| rest.split_once(" for side ")).unwrap();
    let mut all = waiting.lock().unwrap();
    let Some(other) = all.remove(token) else {
        all.insert(token.to_owned(), one);
        return;
    };
    for stream in [one.get_ref(), other.get_ref()] {
        (&mut &*stream).write_all(b"ok\n").unwrap();
    }
    let over = Arc::new(AtomicBool::new(false));
    for (from, to) in [(&one, &other), (&other, &one)] {
        let over = Arc::clone(&over);
        let (from, to) = (from.get_ref().try_clone().unwrap(), to.get_ref().try_clone().unwrap());
        thread::spawn(move || pass(from, to, passes, then, &over));
    }
}

/// Until one end closes: then the other is closed, too.
fn pass(mut from: TcpStream, mut to: TcpStream, passes: u64, then: Then, over: &AtomicBool) {
    let (mut bytes, mut read) = (vec![0; 65536], 0);
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        read += length as u64;
        if over.load(Ordering::SeqCst) {
            break;
        } else if read > passes && then == Then::TurnsAway {
            from.shutdown(Shutdown::Write).unwrap();
            to.shutdown(Shutdown::Write).unwrap();
            thread::sleep(AWAY);
        } else if read > passes {
            thread::sleep(SLOWLY);
        } else if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    if then == Then::TurnsAway {
        thread::sleep(AWAY); // whatever the other end does
    }
    over.store(true, Ordering::SeqCst);
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
