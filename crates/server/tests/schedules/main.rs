//! Random schedules of frames against the pure session and exchange, on a virtual clock.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod shares;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arbtest::{arbitrary, arbtest};
use serde_json::{Value, json};
use shares::{Shares, counted, small, stranger, strangers};
use wormhole_sync_server::{
    Limits,
    address::Address,
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
    limits: Limits,
    shares: Shares,
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
    address: Option<Address>,
}

type Key = (u8, u64, u64);

impl World {
    fn new() -> Self {
        Self::held_to(Limits::default())
    }

    fn held_to(limits: Limits) -> Self {
        let now = 1_000_000.0;
        Self {
            exchange: Embedded::new(limits.clone(), [7; 32]),
            shares: Shares::new(limits.clone(), now),
            limits,
            sessions: BTreeMap::new(),
            next: 0,
            now,
            stored: BTreeMap::new(),
        }
    }

    fn connect(&mut self, app: &str, side: &str) -> ConnectionId {
        self.connect_from(None, app, side)
    }

    fn connect_from(&mut self, address: Option<Address>, app: &str, side: &str) -> ConnectionId {
        self.next += 1;
        let id = ConnectionId(self.next);
        let policy = Policy { allow_list: true, ..Policy::default() };
        let believed = Believed { app: app.to_owned(), side: side.to_owned(), address };
        self.sessions.insert(id, (Session::new(id, address, Arc::new(policy)), believed));
        self.say(id, &json!({"type": "bind", "appid": app, "side": side}));
        id
    }

    /// All that anyone hears after one frame; the first is always the speaker's `ack`.
    fn say(&mut self, id: ConnectionId, frame: &Value) -> Vec<(ConnectionId, Value)> {
        let mut out = Vec::new();
        self.now += 0.25;
        let (session, me) = self.sessions.get_mut(&id).unwrap();
        session.handle(&frame.to_string(), self.now, &mut self.exchange, &mut out);
        let (address, app) = (me.address, me.app.clone());
        self.persist(address);
        let heard: Vec<_> = out
            .into_iter()
            .map(|out| (out.to, serde_json::from_str::<Value>(&out.text).unwrap()))
            .collect();
        assert_eq!((heard[0].0, &heard[0].1["type"]), (id, &json!("ack")));
        let answer = heard.get(1).map_or(&Value::Null, |(_, answer)| answer);
        self.shares.answered(address, &app, frame, answer, self.now);
        heard
    }

    fn leave(&mut self, id: ConnectionId) {
        if let Some((mut session, _)) = self.sessions.remove(&id) {
            session.leave(self.now, &mut self.exchange);
        }
    }

    /// A store that keeps what the journal says, and nothing else.
    fn persist(&mut self, by: Option<Address>) {
        for entry in self.exchange.take_journal() {
            self.shares.changed(&entry, by);
            match &entry {
                Entry::PutMailbox(mailbox) => _ = self.stored.insert((0, mailbox.row, 0), entry),
                Entry::PutMessage { mailbox, number, .. } => {
                    assert!(self.stored.contains_key(&(0, *mailbox, 0)), "no mailbox for it");
                    let twice = self.stored.insert((1, *mailbox, *number), entry);
                    assert_eq!(twice, None);
                }
                Entry::PutNameplate(plate) => {
                    assert!(self.stored.contains_key(&(0, plate.mailbox, 0)), "no mailbox for it");
                    if self.stored.insert((2, plate.row, 0), entry).is_none() {
                        self.shares.claimed(by, self.now);
                    }
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
        self.exchange = Embedded::new(self.limits.clone(), [8; 32]);
        self.exchange.restore(self.snapshot(), |_| false, self.now);
        assert!(self.exchange.take_journal().is_empty());
        self.shares.forget(self.now);
    }

    /// The server reads again what is stored, as after a failure of its disk, while all stay.
    fn read_again(&mut self) {
        self.exchange.restore(self.snapshot(), |_| true, self.now);
    }

    fn check(&self) {
        self.shares.check(self.now);
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
    let mailbox = json!(*u.choose(&["m", "n", "o", "p", "q", "r"])?);
    Ok(match u.int_in_range(0..=13)? {
        11 => json!({"type": "list"}),
        10 => json!({"type": "claim", "nameplate": nameplate, "mailbox": mailbox}),
        0 | 1 => json!({"type": "allocate"}),
        2 | 3 => json!({"type": "claim", "nameplate": nameplate}),
        4 => json!({"type": "release", "nameplate": nameplate}),
        5 => json!({"type": "release"}),
        6 => json!({"type": "open", "mailbox": mailbox}),
        7 | 12 | 13 => json!({"type": "add", "phase": "p", "body": "00"}),
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
        let may_have = world.shares.may_have(me.address, &me.app, 1) || name.len() == 1;
        let single = may_have && (1..10).any(|number| !before.contains(&number.to_string()));
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
    arbtest(|u| play(u, &mut World::new(), |_| Ok(None)))
        .size_min(64)
        .size_max(4096)
        .budget_ms(5_000);
}

/// A schedule of clients that come from somewhere.
fn play(
    u: &mut arbitrary::Unstructured<'_>,
    world: &mut World,
    from: impl Fn(&mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Option<Address>>,
) -> arbitrary::Result<()> {
    let mut ids = Vec::new();
    while !u.is_empty() && world.next < 200 {
        match u.int_in_range(0..=12)? {
            0..=1 => {
                let app = *u.choose(&["x", "y"])?;
                let side = *u.choose(&["a", "b", "c", "d"])?;
                ids.push(world.connect_from(from(u)?, app, side));
            }
            12 if u.ratio(1, 3)? => world.read_again(),
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
                world.persist(None);
            }
            _ if !ids.is_empty() => {
                // Who has just come has most to say.
                let since = if u.ratio(3, 4)? { ids.len().saturating_sub(3) } else { 0 };
                let id = *u.choose(&ids[since..])?;
                let frame = frame(u)?;
                let before = world.nameplates(&world.sessions[&id].1.app);
                let heard = world.say(id, &frame);
                check_answers(world, id, &frame, &before, &heard);
            }
            _ => {}
        }
        world.check();
    }
    Ok(())
}

/// A schedule of strangers at a few addresses, and what becomes of their shares after it.
fn play_for_shares(
    u: &mut arbitrary::Unstructured<'_>,
    refusals: &mut BTreeMap<String, usize>,
) -> arbitrary::Result<()> {
    let mut world = World::held_to(small());
    let few = [stranger(u)?, stranger(u)?, stranger(u)?];
    play(u, &mut world, |u| u.choose(&few).copied())?;
    for (text, times) in &world.shares.refusals {
        *refusals.entry(text.clone()).or_default() += times;
    }
    world.serves_somebody_who_was_never_there();
    world.ends();
    for address in strangers() {
        world.gives_all_of_its_share(address);
    }
    Ok(())
}

#[test]
fn no_address_gets_more_than_its_share_or_less_for_what_others_do() {
    arbtest(|u| play_for_shares(u, &mut BTreeMap::new()))
        .size_min(64)
        .size_max(4096)
        .budget_ms(5_000);
}

#[test]
fn strangers_meet_every_limit_of_an_address_in_such_schedules() {
    let mut refusals = BTreeMap::new();
    for seed in 0..40 {
        let bytes = noise(seed);
        play_for_shares(&mut arbitrary::Unstructured::new(&bytes), &mut refusals).unwrap();
    }
    for kind in ["mailboxes", "stored", "short nameplates", "claims", "failed claims", "lists"] {
        let of_kind = refusals.iter().filter(|(text, _)| {
            let (_, what) = text.split_once("too m").unwrap();
            what.contains(kind) && (kind == "failed claims" || !what.contains("failed"))
        });
        let times: usize = of_kind.map(|(_, times)| times).sum();
        assert!(times > 4, "{kind}: {refusals:#?}");
    }
}

/// The same bytes for the same seed (`SplitMix64`).
fn noise(seed: u64) -> Vec<u8> {
    let word = |number: u64| {
        let mixed = (seed << 32 | number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31).to_le_bytes()
    };
    (1..=512).flat_map(word).collect()
}

impl World {
    /// Somebody from elsewhere is refused nothing, whatever the strangers hold.
    fn serves_somebody_who_was_never_there(&mut self) {
        for ip in ["198.51.100.7", "2001:db8:7::1"] {
            let id = self.connect_from(counted(ip), "x", ip);
            let mailbox = format!("of {}", ip.len());
            for (frame, kind) in [
                (json!({"type": "list"}), "nameplates"),
                (json!({"type": "allocate"}), "allocated"),
                (json!({"type": "open", "mailbox": mailbox.replace(' ', "-")}), "ack"),
                (json!({"type": "add", "phase": "p", "body": "00"}), "message"),
                (json!({"type": "close"}), "closed"),
            ] {
                let heard = self.say(id, &frame);
                assert_eq!(heard.last().unwrap().1["type"], kind, "{heard:?}");
            }
        }
    }

    /// Everybody goes, and what they left is over.
    fn ends(&mut self) {
        let all: Vec<_> = self.sessions.keys().copied().collect();
        for id in all {
            self.leave(id);
        }
        self.now += 1e5;
        self.exchange.prune(660.0, self.now);
        self.persist(None);
        assert_eq!((self.exchange.mailboxes(), self.stored.len()), (0, 0));
        self.check();
    }

    /// An address may do all that it could at first, and no more.
    fn gives_all_of_its_share(&mut self, address: Address) {
        let limits = self.limits.clone();
        let granted = |world: &mut Self, count: usize, frame: &dyn Fn(usize) -> Value| {
            let each = (0..count).map(|number| {
                let id = world.connect_from(Some(address), "x", &format!("s{number}"));
                let heard = world.say(id, &frame(number));
                heard.last().unwrap().1["type"] != "error"
            });
            each.filter(|granted| *granted).count()
        };
        let open = |number| json!({"type": "open", "mailbox": format!("own-{number}")});
        assert_eq!(granted(self, 9, &open), limits.mailboxes_per_address);
        self.ends();
        let claim = |number: usize| json!({"type": "claim", "nameplate": (number + 1).to_string()});
        assert_eq!(granted(self, 4, &claim), 9 / limits.nameplate_share);
        self.ends();
        let lists = granted(self, 9, &|_| json!({"type": "list"}));
        assert_eq!(lists, limits.lists.burst as usize);
        let id = self.connect_from(Some(address), "x", "s");
        self.say(id, &open(0));
        let add = json!({"type": "add", "phase": "p", "body": "00"});
        let added = (0..9).filter(|_| self.say(id, &add).last().unwrap().1["type"] == "message");
        assert_eq!(added.count(), limits.stored_bytes_per_address / 132);
        self.ends();
    }
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
