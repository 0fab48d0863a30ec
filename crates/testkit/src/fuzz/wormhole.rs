//! One wormhole between its application, a server and a peer who may do anything.

mod peer;
mod run;
mod server;

use run::Run;

use super::lines::{lines, number, verb};

/// Lines of operations. The machine never panics, always comes to rest, speaks in order, delivers
/// nothing but what the peer said, and its deadlines move on. Once it is told to leave and meets an
/// honest server, it ends.
///
/// ```text
/// l, a 2, s 4-x-y   the application lists, allocates, sets a code
/// m hello, x, X     sends, closes, aborts
/// o, b              the connection opens, breaks (or cannot be opened)
/// t, + 30           the deadline comes; seconds pass unheeded
/// ., ,              the server and the wormhole hear one frame, or all that is under way
/// p, P              the peer's half of the key exchange; that of a peer with another code
/// v, n 0 hi, r 0 x  its versions; its message 0 sealed; its phase 0 as it stands (hex)
/// w                 the work that was asked for is done
/// {"type":"ack"}    the server says this frame, whatever it is
/// !                 the server vanishes, and comes back with nothing
/// ```
pub fn wormhole(data: &[u8]) {
    let mut run = Run::new();
    for line in lines(data) {
        let Some((letter, rest)) = verb(line) else { continue };
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        match letter {
            'l' => run.list(),
            'a' => run.allocate(number(rest).0),
            's' => run.set_code(rest),
            'm' => run.send(rest),
            'x' => run.close(),
            'X' => run.abort(),
            'o' => run.open(),
            'b' => run.lose(),
            't' => run.time_out(),
            '+' => run.pass(number(rest).0),
            '.' => run.exchange_one(),
            ',' => run.exchange_all(),
            'p' | 'P' => run.peer_begins(letter == 'p'),
            'v' => run.peer_seals("version", "{}"),
            'n' => run.peer_says(number(rest)),
            'r' => run.peer_adds(rest),
            'w' => run.solve(),
            '{' => run.receive(line),
            '!' => run.forget(),
            _ => {}
        }
    }
    run.end();
}
