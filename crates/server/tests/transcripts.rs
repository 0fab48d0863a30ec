//! The pure session and exchange, told as transcripts on a virtual clock.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;

use serde_json::{Value, json};
use wormhole_sync_server::{
    Limits,
    config::LISTED_NAMEPLATES,
    exchange::{
        ConnectionId,
        embedded::Embedded,
        journal::{Entry, Snapshot},
        usage::{Ending, Outcome, Retired},
    },
    session::{Outgoing, Policy, Release, Session},
};
use wormhole_sync_wire::limits::MAX_FRAME;

const IDLE: f64 = 660.0;

struct Table {
    exchange: Embedded,
    sessions: Vec<Session>,
    now: f64,
}

impl Table {
    fn new() -> Self {
        let exchange = Embedded::new(Limits::default(), [1; 32]);
        Self { exchange, sessions: Vec::new(), now: 5_000.0 }
    }

    /// The number of a new connection of this side.
    fn bind(&mut self, side: &str) -> usize {
        let number = self.sessions.len();
        let id = ConnectionId(number as u64);
        let policy = Policy { allow_list: true, ..Policy::default() };
        self.sessions.push(Session::new(id, None, Arc::new(policy)));
        self.say(number, json!({"type": "bind", "appid": "app", "side": side}));
        number
    }

    /// What everybody hears, as `number type` and the one field that matters.
    fn say(&mut self, number: usize, frame: Value) -> Vec<String> {
        let out = self.hear(number, frame);
        out.iter()
            .map(|out| {
                let message: Value = serde_json::from_str(&out.text).unwrap();
                let fields = ["nameplate", "error", "phase", "nameplates"];
                let field = fields.iter().find_map(|field| message.get(field));
                let detail = field.map(|field| format!(" {field}")).unwrap_or_default();
                format!("{} {}{detail}", out.to.0, message["type"].as_str().unwrap())
            })
            .collect()
    }

    /// The same, as frames.
    fn hear(&mut self, number: usize, frame: Value) -> Vec<Outgoing> {
        let mut out = Vec::new();
        let exchange = &mut self.exchange;
        self.sessions[number].handle(&frame.to_string(), self.now, exchange, &mut out);
        out
    }

    fn wait(&mut self, seconds: f64) {
        self.now += seconds;
        self.exchange.prune(IDLE, self.now);
    }

    fn leave(&mut self, number: usize) {
        self.sessions[number].leave(self.now, &mut self.exchange);
    }

    fn outcomes(&mut self) -> Vec<Outcome> {
        let endings = self.exchange.take_endings().into_iter();
        let of_mailboxes = endings.filter(|ending| ending.what != Retired::Nameplate);
        of_mailboxes.map(|ending| ending.outcome).collect()
    }
}

fn open() -> Value {
    json!({"type": "open", "mailbox": "mmm"})
}

fn add(phase: &str) -> Value {
    json!({"type": "add", "phase": phase, "body": "00"})
}

#[test]
fn messages_are_replayed_in_order_and_then_come_live() {
    let mut table = Table::new();
    let (alice, bob) = (table.bind("a"), table.bind("b"));
    assert_eq!(table.say(alice, open()), ["0 ack"]);
    assert_eq!(table.say(alice, add("pake")), ["0 ack", "0 message \"pake\""]);
    assert_eq!(table.say(alice, add("0")), ["0 ack", "0 message \"0\""]);
    assert_eq!(table.say(bob, open()), ["1 ack", "1 message \"pake\"", "1 message \"0\""]);
    let mut heard = table.say(bob, add("pake"));
    heard[1..].sort();
    assert_eq!(heard, ["1 ack", "0 message \"pake\"", "1 message \"pake\""]);
    table.leave(alice);
    assert_eq!(table.say(bob, add("1")), ["1 ack", "1 message \"1\""]);
}

#[test]
fn a_lost_reply_to_allocate_wastes_no_number() {
    let mut table = Table::new();
    let first = table.bind("a");
    let allocated = table.say(first, json!({"type": "allocate"}));
    table.leave(first);
    let again = table.bind("a");
    let same = table.say(again, json!({"type": "allocate"}));
    assert_eq!(same[1].split_once(' ').unwrap().1, allocated[1].split_once(' ').unwrap().1);
    assert_eq!(table.say(again, json!({"type": "list"})).len(), 2);
    // Another side gets another one, and so does the same side after it has let go.
    let other = table.bind("b");
    assert_ne!(table.say(other, json!({"type": "allocate"}))[1][2..], allocated[1][2..]);
    let nameplate = allocated[1].rsplit('"').nth(1).unwrap();
    table.say(again, json!({"type": "release", "nameplate": nameplate}));
    let third = table.bind("a");
    table.say(third, json!({"type": "allocate"}));
    assert_eq!(table.exchange.mailboxes(), 3);
}

#[test]
fn a_mailbox_ends_eleven_minutes_after_the_last_touch() {
    let mut table = Table::new();
    let alice = table.bind("a");
    table.say(alice, json!({"type": "claim", "nameplate": "4"}));
    table.say(alice, open());
    table.leave(alice);
    table.wait(IDLE - 1.0);
    let again = table.bind("a");
    table.say(again, open());
    assert_eq!(table.exchange.mailboxes(), 2);
    table.wait(2.0);
    // The claimed mailbox that nobody opened again is gone with its nameplate.
    assert_eq!(table.exchange.mailboxes(), 1);
    assert_eq!(table.say(again, json!({"type": "list"})), ["1 ack", "1 nameplates []"]);
    table.wait(100_000.0);
    assert_eq!(table.exchange.mailboxes(), 1, "somebody listens");
    table.leave(again);
    table.wait(IDLE);
    assert_eq!(table.exchange.mailboxes(), 1);
    table.wait(1.0);
    assert_eq!(table.exchange.mailboxes(), 0);
    assert_eq!(table.outcomes(), [Outcome::Pruney, Outcome::Pruney]);
}

#[test]
fn moods_are_counted_when_the_last_side_closes() {
    for (moods, outcome) in [
        ([Some("happy"), Some("happy")], Outcome::Happy),
        ([Some("happy"), Some("scary")], Outcome::Scary),
        ([Some("errory"), None], Outcome::Errory),
        ([Some("lonely"), Some("grumpy")], Outcome::Lonely),
    ] {
        let mut table = Table::new();
        for (side, mood) in ["a", "b"].into_iter().zip(moods) {
            let client = table.bind(side);
            table.say(client, open());
            if side == "b" {
                table.say(0, json!({"type": "close", "mood": moods[0]}));
                assert_eq!(table.outcomes(), []);
                table.say(client, json!({"type": "close", "mood": mood}));
            }
        }
        assert_eq!(table.outcomes(), [outcome]);
    }
    let mut table = Table::new();
    let clients = ["a", "b", "c"].map(|side| table.bind(side));
    for client in clients {
        table.say(client, open());
    }
    assert_eq!(
        table.say(clients[2], json!({"type": "close", "mailbox": "mmm"})),
        ["2 ack", "2 error \"crowded\""]
    );
    for client in [clients[0], clients[1]] {
        assert_eq!(table.say(client, json!({"type": "close"})).len(), 2);
    }
    assert_eq!(table.outcomes(), [Outcome::Crowded]);
}

/// What a nameplate's or a mailbox's end tells, but for the application.
fn told(ending: &Ending) -> (Retired, f64, Option<f64>, f64, Outcome) {
    assert_eq!(&*ending.app, "app");
    (ending.what, ending.started, ending.waiting, ending.total, ending.outcome)
}

#[test]
fn an_ending_tells_when_who_came_and_how_long_it_took() {
    let mut table = Table::new();
    let begun = table.now;
    let (alice, bob) = (table.bind("a"), table.bind("b"));
    for client in [alice, bob] {
        let out = table.hear(client, json!({"type": "claim", "nameplate": "4"}));
        let claimed: Value = serde_json::from_str(&out[1].text).unwrap();
        table.say(client, json!({"type": "open", "mailbox": claimed["mailbox"]}));
        table.now += 5.0;
    }
    table.now += 1.0;
    for client in [alice, bob] {
        table.say(client, json!({"type": "release"}));
    }
    table.now += 10.0;
    for client in [alice, bob] {
        table.say(client, json!({"type": "close", "mood": "happy"}));
    }
    let told: Vec<_> = table.exchange.take_endings().iter().map(told).collect();
    let mailbox = Retired::Mailbox { for_nameplate: true };
    let nameplate = (Retired::Nameplate, begun, Some(5.0), 11.0, Outcome::Happy);
    assert_eq!(told, [nameplate, (mailbox, begun, Some(5.0), 21.0, Outcome::Happy)]);
}

#[test]
fn a_nameplate_that_a_third_side_wanted_was_crowded_and_one_left_alone_was_lonely() {
    let mut table = Table::new();
    let claim = json!({"type": "claim", "nameplate": "4"});
    for side in ["a", "b", "c"] {
        let client = table.bind(side);
        table.say(client, claim.clone());
    }
    let lonely = table.bind("d");
    table.say(lonely, json!({"type": "claim", "nameplate": "5"}));
    table.say(lonely, json!({"type": "release"}));
    for client in [0, 1] {
        table.say(client, json!({"type": "release"}));
    }
    let told: Vec<_> = table.exchange.take_endings().iter().map(|end| end.outcome).collect();
    assert_eq!(told, [Outcome::Lonely, Outcome::Crowded]);
}

#[test]
fn a_nameplate_that_goes_with_its_mailbox_is_told_too() {
    let mut table = Table::new();
    let alice = table.bind("a");
    table.say(alice, json!({"type": "claim", "nameplate": "4"}));
    table.leave(alice);
    let begun = table.now;
    table.wait(2.0 * IDLE);
    let told: Vec<_> = table.exchange.take_endings().iter().map(told).collect();
    let mailbox = Retired::Mailbox { for_nameplate: true };
    let end = |what| (what, begun, None, 2.0 * IDLE, Outcome::Pruney);
    assert_eq!(told, [end(mailbox), end(Retired::Nameplate)]);
}

#[test]
fn a_client_that_binds_is_noted_with_its_program_if_it_tells_it() {
    let mut table = Table::new();
    table.bind("a");
    table.sessions.push(Session::new(ConnectionId(1), None, Policy::default().into()));
    let version = json!(["x", "1.2"]);
    table.say(1, json!({"type": "bind", "appid": "app", "side": "b", "client_version": version}));
    let greetings = table.exchange.take_greetings();
    let programs: Vec<_> = greetings.into_iter().map(|greeting| greeting.program).collect();
    assert_eq!(programs, [None, Some(("x".into(), "1.2".into()))]);
}

#[test]
fn a_closed_mailbox_does_not_take_messages_of_those_left_over() {
    let mut table = Table::new();
    let (here, there) = (table.bind("a"), table.bind("a"));
    table.say(here, open());
    table.say(there, open());
    table.say(here, json!({"type": "close"}));
    let refused = table.say(there, add("0"));
    assert_eq!(refused, ["1 ack", "1 error \"the mailbox is gone: both sides closed it\""]);
}

#[test]
fn only_what_rests_on_the_exchange_waits_for_a_commit() {
    let mut table = Table::new();
    let alice = table.bind("a");
    for (frame, release) in [
        (json!({"type": "ping", "ping": 1}), Release::AtOnce),
        (json!("no object"), Release::AtOnce),
        (json!({"type": "allocate"}), Release::AfterCommit),
        (json!({"type": "list"}), Release::AfterCommit),
        (json!({"type": "claim", "nameplate": "x"}), Release::AfterCommit),
    ] {
        let exchange = &mut table.exchange;
        let answered =
            table.sessions[alice].handle(&frame.to_string(), 1.0, exchange, &mut Vec::new());
        assert_eq!(answered, release, "{frame}");
    }
}

#[test]
fn a_list_that_a_stranger_makes_long_is_cut_to_the_shortest_and_fits_a_clients_frame() {
    let mut table = Table::new();
    for number in 0..LISTED_NAMEPLATES + 50 {
        let stranger = table.bind("s");
        let nameplate = format!("1{number:039}");
        table.hear(stranger, json!({"type": "claim", "nameplate": nameplate}));
    }
    let alice = table.bind("a");
    table.hear(alice, json!({"type": "claim", "nameplate": "77"}));
    let reply = table.hear(alice, json!({"type": "list"})).pop().unwrap().text;
    assert!(reply.len() < MAX_FRAME, "{}", reply.len());
    let reply: Value = serde_json::from_str(&reply).unwrap();
    let names: Vec<_> = reply["nameplates"].as_array().unwrap().iter().collect();
    assert_eq!(names.len(), LISTED_NAMEPLATES);
    assert!(names.contains(&&json!({"id": "77"})));
    assert!(names.is_sorted_by_key(|name| name["id"].as_str().unwrap()));
}

#[test]
fn going_back_to_the_database_keeps_those_who_were_not_affected() {
    let mut table = Table::new();
    let (alice, bob) = (table.bind("a"), table.bind("b"));
    table.say(alice, open());
    let mut snapshot = Snapshot::default();
    for entry in table.exchange.take_journal() {
        if let Entry::PutMailbox(mailbox) = entry {
            snapshot.mailboxes.push(mailbox);
        }
    }
    // What Bob does is lost.
    table.say(bob, open());
    table.say(bob, add("0"));
    table.exchange.take_journal();
    table.exchange.restore(snapshot, |id| id == ConnectionId(alice as u64), table.now);
    assert_eq!(table.say(alice, add("1")), ["0 ack", "0 message \"1\""]);
    let carol = table.bind("c");
    assert_eq!(table.say(carol, open()), ["2 ack", "2 message \"1\""]);
}
