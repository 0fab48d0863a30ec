//! Which doors there are, for which settings and sockets.

use super::*;
use crate::settings::serve::Sources;

fn inherited(name: &str) -> Inherited {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    Inherited { name: name.to_owned(), address, listener }
}

/// The door and address of each opening, with the inherited ones first.
fn outline(openings: Vec<Opening>) -> Vec<(Door, Option<SocketAddr>)> {
    let address = |by: By| match by {
        By::Listening(address) => Some(address),
        By::Inheriting(_) => None,
    };
    openings.into_iter().map(|Opening { door, by }| (door, address(by))).collect()
}

const BOTH: Servers = Servers { mailbox: true, relay: true };
const MAILBOX: Servers = Servers { mailbox: true, relay: false };
const RELAY: Servers = Servers { mailbox: false, relay: true };

/// Settings of both servers, from flags alone.
fn resolved(flags: &[(&str, String)]) -> Resolved {
    of(BOTH, flags)
}

/// Settings from flags alone.
fn of(servers: Servers, flags: &[(&str, String)]) -> Resolved {
    let flag =
        |(name, value): &(&str, String)| ("--set".to_owned(), (*name).to_owned(), value.clone());
    let sources = Sources {
        servers,
        file: None,
        environment: vec![("HOME".into(), "/home/op".into())],
        flags: flags.iter().map(flag).collect(),
    };
    sources.resolve().unwrap()
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn without_systemd_each_address_is_listened_on() {
    let all = outline(openings(&resolved(&[]), Vec::new()).unwrap());
    let usual = [
        (Door::Web, Some(address("127.0.0.1:4000"))),
        (Door::Relay, Some(address("127.0.0.1:4001"))),
    ];
    assert_eq!(all, usual);
}

#[test]
fn a_socket_that_is_named_like_a_door_stands_for_all_of_its_addresses() {
    let all = openings(&resolved(&[]), vec![inherited("web"), inherited("web")]).unwrap();
    let relay = (Door::Relay, Some(address("127.0.0.1:4001")));
    assert_eq!(outline(all), [(Door::Web, None), (Door::Web, None), relay]);
}

#[test]
fn another_socket_stands_for_the_address_that_it_has() {
    let socket = inherited("wormhole.socket");
    let web = ("web.listen", "127.0.0.1:4000".to_owned());
    let relay = ("relay.listen", format!("{},127.0.0.1:4001", socket.address));
    let all = outline(openings(&resolved(&[web, relay]), vec![socket]).unwrap());
    assert_eq!(all[0], (Door::Relay, None));
    assert!(all.contains(&(Door::Web, Some(address("127.0.0.1:4000")))), "{all:?}");
    assert!(all.contains(&(Door::Relay, Some(address("127.0.0.1:4001")))), "{all:?}");
    assert_eq!(all.len(), 3);
}

#[test]
fn a_socket_that_belongs_nowhere_is_refused() {
    let socket = inherited("wormhole.socket");
    let address = socket.address.to_string();
    let refused = openings(&resolved(&[]), vec![socket]).err().unwrap().to_string();
    assert!(refused.contains(&address) && refused.contains("FileDescriptorName"), "{refused}");
}

/// Each setting with these addresses.
fn doors<const DOORS: usize>(doors: [(&'static str, &str); DOORS]) -> Vec<(&'static str, String)> {
    doors.map(|(name, address)| (name, address.to_owned())).into()
}

#[track_caller]
fn refusal(resolved: &Resolved, sockets: Vec<Inherited>) -> String {
    openings(resolved, sockets).err().expect("it was taken").to_string()
}

#[test]
fn a_server_that_nobody_could_reach_is_refused_with_what_opens_a_door() {
    let shut = [("web.listen", ""), ("relay.listen", "")];
    let admin = [shut[0], shut[1], ("admin.listen", "127.0.0.1:4010")];
    for (servers, given, server, flag) in [
        (BOTH, doors(shut), "the mailbox server", "--listen"),
        (BOTH, doors(admin), "the mailbox server", "--listen"),
        (BOTH, doors([shut[0]]), "the mailbox server", "'wormhole serve relay'"),
        (MAILBOX, doors([shut[0]]), "the mailbox server", "--tls-certificate"),
        (
            MAILBOX,
            doors([shut[0], ("relay.listen", "[::]:4001")]),
            "the mailbox server",
            "--listen",
        ),
        (RELAY, doors([shut[1]]), "the relay", "--relay-listen"),
        (RELAY, doors(admin), "the relay", "--relay-listen"),
    ] {
        let told = refusal(&of(servers, &given), Vec::new());
        assert!(told.contains(server) && told.contains(flag), "{servers:?} {given:?}: {told}");
    }
}

#[test]
fn one_door_that_leads_to_all_that_runs_is_enough() {
    let shut = [("web.listen", ""), ("relay.listen", "")];
    for (servers, given) in [
        (BOTH, doors([shut[1]])),
        (BOTH, doors([shut[0], shut[1], ("tls.listen", "[::]:443")])),
        (MAILBOX, doors([])),
        (RELAY, doors([])),
        (RELAY, doors([shut[1], ("web.listen", "[::]:4000")])),
    ] {
        assert_eq!(openings(&of(servers, &given), Vec::new()).unwrap().len(), 1, "{given:?}");
    }
    for socket in ["web", "tls"] {
        let opened = outline(openings(&of(BOTH, &doors(shut)), vec![inherited(socket)]).unwrap());
        assert_eq!(opened.len(), 1, "{opened:?}");
    }
}

#[test]
fn a_socket_that_leads_to_a_server_which_does_not_run_is_refused() {
    let told = refusal(&of(MAILBOX, &[]), vec![inherited("relay")]);
    assert!(told.contains("'relay'") && told.contains("no relay runs"), "{told}");
    let told = refusal(&of(MAILBOX, &[]), vec![inherited("wormhole.socket")]);
    assert!(told.contains("one of web, tls, admin,"), "{told}");
}

#[test]
fn a_door_that_was_asked_for_and_leads_to_nothing_is_told() {
    let relay = doors([("relay.listen", "127.0.0.1:4001")]);
    let told = idle(&of(MAILBOX, &relay)).unwrap();
    assert!(told.contains("relay.listen (--set)"), "{told}");
    for (servers, given) in [(BOTH, &relay[..]), (MAILBOX, &[]), (RELAY, &relay)] {
        assert_eq!(idle(&of(servers, given)), None);
    }
    assert_eq!(idle(&of(MAILBOX, &doors([("relay.listen", "")]))), None);
}

#[test]
fn an_address_that_cannot_be_had_is_told_alike_by_those_who_check_and_those_who_serve() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _context = runtime.enter();
    let free = inherited("").address.to_string();
    for (address, reason) in [("192.0.2.1:4001", "192.0.2.1:4001 cannot"), (&free, "beside")] {
        let given = doors([("web.listen", &free), ("relay.listen", address)]);
        let twice = || openings(&of(BOTH, &given), Vec::new()).unwrap();
        let checked = could_be_opened(&twice()).unwrap_err().to_string();
        let served = open(twice(), BOTH).map(|_| ()).unwrap_err().to_string();
        assert_eq!(checked, served);
        let told = [reason, "--relay-listen", "relay.listen"];
        assert!(told.iter().all(|word| checked.contains(word)), "{checked}");
    }
}
