//! Random schedules of frames against the pure session and exchange, on a virtual clock.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arbtest::{arbitrary, arbtest};
use serde_json::{Value, json};
use wormhole_sync_server::{
    Limits,
    exchange::{
        ConnectionId,
        embedded::Embedded,
        journal::{Entry, Snapshot},
    },
    session::{Policy, Session},
};

/// A server without sockets.
struct World {
    exchange: Embedded,
    sessions: BTreeMap<ConnectionId, (Session, Believed)>,
    next: u64,
    now: f64,
    stored: BTreeMap<Key, Entry>,
}

/// What a client knows about itself from what it was answered.
#[derive(Default)]
struct Believed {
    app: String,
    side: String,
}

type Key = (u8, u64, u64);

impl World {
    fn new() -> Self {
        Self {
            exchange: Embedded::new(Limits::default(), [7; 32]),
            sessions: BTreeMap::new(),
            next: 0,
            now: 1_000_000.0,
            stored: BTreeMap::new(),
        }
    }

    fn connect(&mut self, app: &str, side: &str) -> ConnectionId {
        self.next += 1;
        let id = ConnectionId(self.next);
        let policy = Policy { allow_list: true, ..Policy::default() };
        let believed = Believed { app: app.to_owned(), side: side.to_owned() };
        self.sessions.insert(id, (Session::new(id, None, Arc::new(policy)), believed));
        self.say(id, &json!({"type": "bind", "appid": app, "side": side}));
        id
    }

    /// All that anyone hears after one frame; the first is always the speaker's `ack`.
    fn say(&mut self, id: ConnectionId, frame: &Value) -> Vec<(ConnectionId, Value)> {
        let mut out = Vec::new();
        self.now += 0.25;
        let (session, _) = self.sessions.get_mut(&id).unwrap();
        session.handle(&frame.to_string(), self.now, &mut self.exchange, &mut out);
        self.persist();
        let heard: Vec<_> = out
            .into_iter()
            .map(|out| (out.to, serde_json::from_str::<Value>(&out.text).unwrap()))
            .collect();
        assert_eq!((heard[0].0, &heard[0].1["type"]), (id, &json!("ack")));
        heard
    }

    fn leave(&mut self, id: ConnectionId) {
        if let Some((mut session, _)) = self.sessions.remove(&id) {
            session.leave(self.now, &mut self.exchange);
        }
    }

    /// A store that keeps what the journal says, and nothing else.
    fn persist(&mut self) {
        for entry in self.exchange.take_journal() {
            match &entry {
                Entry::PutMailbox(mailbox) => _ = self.stored.insert((0, mailbox.row, 0), entry),
                Entry::PutMessage { mailbox, number, .. } => {
                    assert!(self.stored.contains_key(&(0, *mailbox, 0)), "no mailbox for it");
                    let twice = self.stored.insert((1, *mailbox, *number), entry);
                    assert_eq!(twice, None);
                }
                Entry::PutNameplate(plate) => {
                    assert!(self.stored.contains_key(&(0, plate.mailbox, 0)), "no mailbox for it");
                    self.stored.insert((2, plate.row, 0), entry);
                }
                Entry::DropMailbox { row } => {
                    let row = *row;
                    assert!(self.stored.remove(&(0, row, 0)).is_some(), "no such mailbox");
                    self.stored.retain(|(kind, mailbox, _), _| (*kind, *mailbox) != (1, row));
                }
                Entry::DropNameplate { row } => {
                    assert!(self.stored.remove(&(2, *row, 0)).is_some(), "no such nameplate");
                }
            }
        }
    }

    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for entry in self.stored.values().cloned() {
            match entry {
                Entry::PutMailbox(mailbox) => snapshot.mailboxes.push(mailbox),
                Entry::PutNameplate(nameplate) => snapshot.nameplates.push(nameplate),
                Entry::PutMessage { mailbox, message, .. } => {
                    snapshot.messages.push((mailbox, (*message).clone()));
                }
                Entry::DropMailbox { .. } | Entry::DropNameplate { .. } => {}
            }
        }
        snapshot
    }

    /// The server goes, and comes back with what was stored.
    fn restart(&mut self) {
        self.sessions.clear();
        self.exchange = Embedded::new(Limits::default(), [8; 32]);
        self.exchange.restore(self.snapshot(), |_| false, self.now);
        assert!(self.exchange.take_journal().is_empty());
    }

    fn check(&self) {
        let snapshot = self.snapshot();
        assert_eq!(snapshot.mailboxes.len(), self.exchange.mailboxes());
        let rows: BTreeSet<_> = snapshot.mailboxes.iter().map(|mailbox| mailbox.row).collect();
        for mailbox in &snapshot.mailboxes {
            assert!((1..=2).contains(&mailbox.sides.iter().count()));
            assert!(mailbox.sides.iter().any(|(_, opened)| opened.open), "nobody holds it");
        }
        let mut names = BTreeSet::new();
        for plate in &snapshot.nameplates {
            assert!(rows.contains(&plate.mailbox));
            assert!((1..=2).contains(&plate.sides.iter().count()));
            assert!(plate.sides.iter().any(|(_, claimed)| *claimed), "nobody claims it");
            assert!(names.insert((plate.app.clone(), plate.name.clone())), "twice");
        }
        assert!(snapshot.messages.iter().all(|(mailbox, _)| rows.contains(mailbox)));
    }

    fn nameplates(&self, app: &str) -> BTreeSet<String> {
        let plates = self.snapshot().nameplates.into_iter();
        plates.filter(|plate| *plate.app == *app).map(|plate| plate.name.to_string()).collect()
    }
}

fn frame(u: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Value> {
    let nameplate = json!(u.int_in_range(1..=12)?.to_string());
    let mailbox = json!(*u.choose(&["m", "n"])?);
    Ok(match u.int_in_range(0..=10)? {
        10 => json!({"type": "claim", "nameplate": nameplate, "mailbox": mailbox}),
        0 | 1 => json!({"type": "allocate"}),
        2 | 3 => json!({"type": "claim", "nameplate": nameplate}),
        4 => json!({"type": "release", "nameplate": nameplate}),
        5 => json!({"type": "release"}),
        6 => json!({"type": "open", "mailbox": mailbox}),
        7 => json!({"type": "add", "phase": "p", "body": "00"}),
        8 => json!({"type": "close", "mailbox": mailbox, "mood": "happy"}),
        _ => json!({"type": "close"}),
    })
}

/// What holds between one frame and what is heard after it.
fn check_answers(
    world: &World,
    id: ConnectionId,
    frame: &Value,
    before: &BTreeSet<String>,
    heard: &[(ConnectionId, Value)],
) {
    let (_, me) = &world.sessions[&id];
    for (to, message) in heard {
        let (_, them) = &world.sessions[to];
        assert_eq!(them.app, me.app, "heard across applications");
        assert!(*to == id || message["type"] == "message", "an answer went astray");
    }
    if frame["type"] == "allocate"
        && let Some(name) = heard[1].1["nameplate"].as_str()
    {
        let single = (1..10).any(|number| !before.contains(&number.to_string()));
        let held = before.contains(name);
        assert!(held || !single || name.len() == 1, "{name} while a digit is free: {before:?}");
        assert!(world.nameplates(&me.app).contains(name));
        if held {
            let plates = world.snapshot().nameplates;
            let plate = plates.iter().find(|plate| *plate.name == *name && *plate.app == *me.app);
            assert_eq!(plate.unwrap().sides.find(&me.side), Some(&true), "someone else's");
        }
    }
}

#[test]
fn any_schedule_keeps_the_invariants() {
    arbtest(|u| {
        let mut world = World::new();
        let mut ids = Vec::new();
        while !u.is_empty() && world.next < 200 {
            match u.int_in_range(0..=11)? {
                0..=2 => {
                    let app = *u.choose(&["x", "y"])?;
                    let side = *u.choose(&["a", "b", "c", "d"])?;
                    ids.push(world.connect(app, side));
                }
                3 if !ids.is_empty() => {
                    let id = ids.swap_remove(u.choose_index(ids.len())?);
                    world.leave(id);
                }
                4 if u.ratio(1, 8)? => {
                    world.restart();
                    ids.clear();
                }
                5 if u.ratio(1, 4)? => {
                    world.now += 400.0;
                    world.exchange.prune(660.0, world.now);
                    world.persist();
                }
                _ if !ids.is_empty() => {
                    let id = *u.choose(&ids)?;
                    let frame = frame(u)?;
                    let before = world.nameplates(&world.sessions[&id].1.app);
                    let heard = world.say(id, &frame);
                    check_answers(&world, id, &frame, &before, &heard);
                }
                _ => {}
            }
            world.check();
        }
        Ok(())
    })
    .size_min(64)
    .size_max(4096)
    .budget_ms(5_000);
}

#[test]
fn ten_wait_in_single_digits_whatever_thousands_another_application_holds() {
    let mut world = World::new();
    for number in 0..3000 {
        let id = world.connect("crowd", &format!("s{number}"));
        let heard = world.say(id, &json!({"type": "allocate"}));
        let digits = heard[1].1["nameplate"].as_str().unwrap().len();
        let expected = match number {
            0..9 => 1..=1,
            9..99 => 2..=2,
            99..999 => 3..=3,
            _ => 4..=6,
        };
        assert!(expected.contains(&digits), "{number} got {digits} digits");
    }
    for round in 0..50 {
        let mut names = BTreeSet::new();
        let mut ids = Vec::new();
        for number in 0..9 {
            let id = world.connect("quiet", &format!("{round}-{number}"));
            let heard = world.say(id, &json!({"type": "allocate"}));
            names.insert(heard[1].1["nameplate"].as_str().unwrap().to_owned());
            ids.push((id, heard[1].1["nameplate"].clone()));
        }
        assert_eq!(names, (1..10).map(|number: u8| number.to_string()).collect());
        for (id, name) in ids {
            world.say(id, &json!({"type": "release", "nameplate": name}));
        }
    }
}

#[test]
fn one_seed_and_one_schedule_give_one_transcript() {
    let transcript = || {
        let mut world = World::new();
        let mut heard = Vec::new();
        for number in 0..40 {
            let id = world.connect("x", &format!("s{}", number % 30));
            heard.extend(world.say(id, &json!({"type": "allocate"})));
            heard.extend(world.say(id, &json!({"type": "claim", "nameplate": "5"})));
            heard.extend(world.say(id, &json!({"type": "list"})));
        }
        heard
    };
    assert_eq!(transcript(), transcript());
}
