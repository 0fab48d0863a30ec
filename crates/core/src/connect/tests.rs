use std::time::Duration;

use wormhole_sync_wire::hint::Endpoint;

use super::*;

/// Peers that say `peer`, and strangers that say something else.
struct Fake;

struct FakeNegotiation;

impl Negotiate for Fake {
    type Negotiation = FakeNegotiation;

    fn begin(&self, _: Path) -> FakeNegotiation {
        FakeNegotiation
    }
}

impl Negotiation for FakeNegotiation {
    fn opened(&mut self) -> Vec<u8> {
        b"hello".to_vec()
    }

    fn received(&mut self, bytes: &[u8], reply: &mut Vec<u8>) -> Progress {
        match bytes {
            b"peer" => Progress::Ready,
            b"picks" => Progress::Proven,
            b"go" => Progress::Chosen { rest: b"rest".to_vec() },
            b"ok" => {
                reply.extend_from_slice(b"line");
                Progress::Waiting
            }
            _ => Progress::Refused,
        }
    }

    fn choose(&mut self) -> Vec<u8> {
        b"go".to_vec()
    }

    fn decline(&mut self) -> Vec<u8> {
        b"nevermind".to_vec()
    }
}

#[derive(Debug, PartialEq)]
enum End {
    Chosen(LinkId, Path),
    Failed,
}

struct Race {
    connect: Connect<Fake>,
    now: Moment,
    /// What was dialed, by link, with its moment in milliseconds.
    dialed: Vec<(LinkId, String, u128)>,
    said: Vec<(LinkId, String)>,
    closed: Vec<LinkId>,
    end: Option<End>,
    alarm: Option<Moment>,
}

impl Race {
    fn new(listens: bool, hints: &[Hint]) -> Self {
        let mut connect = Connect::new(Fake, listens);
        connect.begin(Moment::ZERO);
        for hint in hints {
            connect.hint(hint);
        }
        let (dialed, said, closed) = (vec![], vec![], vec![]);
        let mut race =
            Self { connect, now: Moment::ZERO, dialed, said, closed, end: None, alarm: None };
        race.drain();
        race
    }

    fn drain(&mut self) {
        loop {
            match self.connect.poll(self.now) {
                Output::Link(Action::Dial { link, target }) => {
                    self.dialed.push((link, target.to_string(), self.now.as_millis()));
                }
                Output::Link(Action::Transmit { link, bytes }) => {
                    self.said.push((link, String::from_utf8(bytes).unwrap()));
                }
                Output::Link(Action::Close { link }) => self.closed.push(link),
                Output::Chosen { link, path, .. } => {
                    assert!(self.end.replace(End::Chosen(link, path)).is_none(), "ends once");
                }
                Output::Failed => assert!(self.end.replace(End::Failed).is_none(), "ends once"),
                Output::Wait(alarm) => {
                    assert!(alarm.is_none_or(|alarm| alarm >= self.now));
                    self.alarm = alarm;
                    return;
                }
            }
        }
    }

    /// Lets the time pass, from alarm to alarm.
    fn until(&mut self, moment: Duration) {
        while let Some(alarm) = self.alarm.filter(|alarm| *alarm <= moment) {
            assert!(alarm > self.now || self.end.is_some(), "an alarm that changes nothing");
            self.now = alarm;
            self.drain();
        }
        self.now = self.now.max(moment);
        self.drain();
    }

    fn link_to(&self, target: &str) -> LinkId {
        self.dialed.iter().find(|(_, dialed, _)| dialed == target).expect(target).0
    }

    fn open(&mut self, target: &str) -> LinkId {
        let link = self.link_to(target);
        self.connect.opened(link);
        self.drain();
        link
    }

    fn hear(&mut self, link: LinkId, said: &str) {
        self.connect.received(link, said.as_bytes());
        self.drain();
    }

    fn lose(&mut self, target: &str) {
        let link = self.link_to(target);
        self.connect.lost(link);
        self.drain();
    }

    fn targets(&self) -> Vec<&str> {
        self.dialed.iter().map(|(_, target, _)| target.as_str()).collect()
    }
}

fn direct(port: u16) -> Hint {
    Hint::Direct(Endpoint::new("192.0.2.7", port).unwrap())
}

fn relay(text: &str) -> Hint {
    Hint::Relay(Relay::parse(text).unwrap())
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn candidates_are_dialed_one_after_the_other_and_relays_two_seconds_later() {
    let mut race = Race::new(false, &[relay("tcp:relay:1"), direct(1), direct(2)]);
    race.until(seconds(1.9));
    assert_eq!(race.targets(), ["192.0.2.7:1", "192.0.2.7:2"]);
    assert_eq!(race.dialed[1].2, 50);
    race.until(seconds(2.0));
    assert_eq!(race.targets(), ["192.0.2.7:1", "192.0.2.7:2", "relay:1"]);
}

#[test]
fn greater_priority_is_dialed_sooner() {
    let text = r#"{"type":"direct-tcp-v1","hostname":"192.0.2.7","port":3,"priority":1.5}"#;
    let preferred: Hint = serde_json::from_str(text).unwrap();
    let mut race = Race::new(false, &[direct(1), direct(2), preferred]);
    race.until(seconds(1.0));
    assert_eq!(race.targets(), ["192.0.2.7:3", "192.0.2.7:1", "192.0.2.7:2"]);
}

#[test]
fn without_anything_direct_the_relay_is_dialed_at_once() {
    let race = Race::new(true, &[relay("tcp:relay:1")]);
    assert_eq!(race.targets(), ["relay:1"]);
}

#[test]
fn when_everything_direct_has_failed_the_relay_does_not_wait() {
    let mut race = Race::new(true, &[direct(1), relay("tcp:relay:1")]);
    race.until(seconds(0.2));
    race.lose("192.0.2.7:1");
    assert_eq!(race.targets(), ["192.0.2.7:1", "relay:1"]);
}

#[test]
fn both_sides_hints_of_one_relay_are_dialed_once() {
    let mut race = Race::new(false, &[relay("tcp:relay:1"), relay("tcp://relay:1"), direct(1)]);
    race.connect.hint(&direct(1));
    race.until(seconds(5.0));
    assert_eq!(race.targets(), ["192.0.2.7:1", "relay:1"]);
}

#[test]
fn a_thousand_hints_are_no_thousand_dials() {
    let hints: Vec<_> = (1..1000).map(direct).collect();
    let mut race = Race::new(false, &hints);
    race.until(seconds(59.0));
    assert_eq!(race.dialed.len(), MAX_CANDIDATES);
}

#[test]
fn the_first_ready_link_is_chosen_and_the_others_are_let_go() {
    let mut race = Race::new(true, &[direct(1), direct(2)]);
    race.until(seconds(0.1));
    let (one, two) = (race.open("192.0.2.7:1"), race.open("192.0.2.7:2"));
    let stranger = race.connect.accepted(race.now).unwrap();
    race.hear(two, "peer");
    assert_eq!(race.end, Some(End::Chosen(two, Path::Direct)));
    assert_eq!(race.said.last().unwrap(), &(two, "go".to_owned()));
    assert_eq!(race.closed, [one, stranger]);
    assert_eq!(race.alarm, None);
    assert_eq!(race.connect.accepted(race.now), None, "nobody is let in afterwards");
}

#[test]
fn a_second_ready_link_hears_nevermind() {
    let mut race = Race::new(false, &[direct(1), relay("tcp:relay:1")]);
    race.until(seconds(2.5));
    let (near, far) = (race.open("192.0.2.7:1"), race.open("relay:1"));
    race.hear(far, "peer");
    assert_eq!(race.end, None, "a direct link is up and may be ready next");
    race.hear(near, "peer");
    assert_eq!(race.end, Some(End::Chosen(near, Path::Direct)));
    assert!(race.said.contains(&(far, "nevermind".to_owned())));
    assert_eq!(race.closed, [far]);
}

#[test]
fn a_silent_stranger_at_a_direct_address_holds_the_relay_up_for_a_moment_only() {
    let mut race = Race::new(false, &[direct(1), relay("tcp:relay:1")]);
    race.until(seconds(2.5));
    race.open("192.0.2.7:1");
    let far = race.open("relay:1");
    race.hear(far, "ok");
    assert_eq!(race.said.last().unwrap().1, "line");
    race.hear(far, "peer");
    race.until(seconds(3.4));
    assert_eq!(race.end, None);
    race.until(seconds(3.5));
    assert_eq!(race.end, Some(End::Chosen(far, Path::Relay)));
}

#[test]
fn the_side_that_does_not_pick_waits_for_the_choice() {
    let mut race = Race::new(true, &[]);
    let link = race.connect.accepted(race.now).unwrap();
    race.drain();
    assert_eq!(race.said, [(link, "hello".to_owned())]);
    race.connect.received(link, b"go");
    assert!(matches!(race.connect.poll(race.now), Output::Chosen { rest, .. } if rest == b"rest"));
}

#[test]
fn strangers_are_let_go_and_the_race_goes_on() {
    let mut race = Race::new(true, &[direct(1)]);
    for _ in 0..1000 {
        let link = race.connect.accepted(race.now).unwrap();
        race.hear(link, "GET / HTTP/1.1");
        assert_eq!(race.closed.last(), Some(&link));
    }
    let link = race.open("192.0.2.7:1");
    race.hear(link, "peer");
    assert_eq!(race.end, Some(End::Chosen(link, Path::Direct)));
}

#[test]
fn silent_strangers_fill_their_own_places_only_and_not_for_ever() {
    let mut race = Race::new(true, &[direct(1)]);
    for _ in 0..MAX_INCOMING {
        assert!(race.connect.accepted(race.now).is_some());
    }
    race.until(NEGOTIATION_LIMIT);
    assert_eq!(race.closed.len(), MAX_INCOMING + 1, "and the silent address");
    assert!(race.connect.accepted(race.now).is_some());
}

#[test]
fn silent_strangers_make_room_for_the_peer_the_oldest_first_and_the_peer_for_nobody() {
    for proof in ["peer", "picks"] {
        let mut race = Race::new(true, &[]);
        let mut strangers = Vec::new();
        let mut fill = |race: &mut Race| {
            for _ in 0..MAX_INCOMING {
                strangers.push(race.connect.accepted(race.now).unwrap());
            }
        };
        fill(&mut race);
        let peer = race.connect.accepted(race.now).unwrap();
        race.connect.received(peer, proof.as_bytes());
        fill(&mut race);
        race.until(Duration::from_secs(1));
        if proof == "picks" {
            assert_eq!(race.closed, strangers[..=MAX_INCOMING]);
            race.hear(peer, "go");
        }
        assert_eq!(race.end, Some(End::Chosen(peer, Path::Direct)));
    }
}

#[test]
fn who_has_proven_to_be_the_peer_gives_way_to_nobody() {
    let mut race = Race::new(true, &[]);
    for _ in 0..MAX_INCOMING {
        let link = race.connect.accepted(race.now).unwrap();
        race.hear(link, "picks");
    }
    assert_eq!(race.connect.accepted(race.now), None);
}

#[test]
fn a_ready_link_that_is_lost_is_not_chosen() {
    let mut race = Race::new(false, &[direct(1), relay("tcp:relay:1")]);
    race.until(seconds(2.5));
    race.open("192.0.2.7:1");
    let far = race.open("relay:1");
    race.hear(far, "peer");
    race.lose("relay:1");
    race.until(seconds(4.0));
    assert_eq!(race.end, None);
}

#[test]
fn with_nothing_to_dial_and_no_port_the_race_fails_at_once() {
    assert_eq!(Race::new(false, &[]).end, Some(End::Failed));
    let mut race = Race::new(false, &[direct(1)]);
    race.lose("192.0.2.7:1");
    assert_eq!(race.end, Some(End::Failed));
}

#[test]
fn with_nothing_left_to_dial_the_other_side_has_a_last_while() {
    let mut race = Race::new(true, &[direct(1)]);
    race.until(seconds(10.0));
    race.lose("192.0.2.7:1");
    race.until(seconds(39.9));
    assert_eq!(race.end, None);
    race.until(seconds(40.0));
    assert_eq!(race.end, Some(End::Failed));
}

#[test]
fn the_race_has_an_end_whatever_strangers_do() {
    let mut race = Race::new(true, &[direct(1)]);
    race.open("192.0.2.7:1");
    for second in 0..200 {
        race.connect.accepted(race.now);
        race.drain();
        race.until(seconds(f64::from(second)));
    }
    assert_eq!(race.end, Some(End::Failed));
    assert_eq!(race.alarm, None);
}

#[test]
fn a_cancelled_race_closes_everything() {
    let mut race = Race::new(true, &[direct(1), direct(2)]);
    race.until(seconds(0.1));
    let one = race.open("192.0.2.7:1");
    race.connect.cancel();
    race.drain();
    assert_eq!(race.closed, [one, race.link_to("192.0.2.7:2")]);
    assert_eq!((race.end, race.alarm), (None, None));
}

#[test]
fn before_it_begins_links_are_let_in_and_nothing_is_dialed_or_chosen() {
    let mut connect = Connect::new(Fake, true);
    connect.hint(&direct(1));
    let link = connect.accepted(seconds(5.0)).unwrap();
    assert!(matches!(connect.poll(seconds(5.0)), Output::Link(Action::Transmit { .. })));
    connect.received(link, b"peer");
    assert_eq!(connect.poll(seconds(6.0)), Output::Wait(Some(seconds(65.0))));
    connect.begin(seconds(7.0));
    assert!(
        matches!(connect.poll(seconds(7.0)), Output::Link(Action::Transmit { bytes, .. }) if bytes == b"go")
    );
    assert!(matches!(connect.poll(seconds(7.0)), Output::Chosen { .. }));
}
