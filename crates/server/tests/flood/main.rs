//! A stranger sends anything at all, as fast as this machine can, and an honest pair on another
//! address finishes all the same, at the mailboxes and at the relay.
//!
//! Here the machine is the server's, too, so that the flood takes from it what it can.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod attack;
mod honest;

#[cfg(feature = "tls")]
use std::sync::Arc;
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use support::PATIENCE;
use tokio::{
    runtime::{Builder, Runtime},
    time::{sleep, timeout},
};
use wormhole_sync_server::{Clients, Config, Doors, Mailbox, Relay, listen, serve};

use attack::{Attack, Flood};

/// Two floods at a time would each be half of one.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Where the flood comes from, and where it does not.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const STRANGERS: [Ipv4Addr; 5] = [
    STRANGER,
    Ipv4Addr::new(127, 0, 0, 3),
    Ipv4Addr::new(127, 0, 0, 4),
    Ipv4Addr::new(127, 0, 0, 5),
    Ipv4Addr::new(127, 0, 0, 6),
];

/// What a flood has tried before anybody honest comes.
const ROUNDS: u64 = 40;

/// How often it has come through by then, for an address may connect 256 times at once, and most of what
/// follows is refused. Where everything is done at a time, one kind may keep out another.
const CAME_THROUGH: u64 = 8;

/// Honest pairs that come while it goes on.
const PAIRS: u32 = 3;

/// Where the server's doors are.
#[derive(Clone)]
struct Place {
    web: SocketAddr,
    relay: SocketAddr,
    #[cfg(feature = "tls")]
    tls: SocketAddr,
    #[cfg(feature = "tls")]
    trust: Arc<rustls::ClientConfig>,
}

/// A server on threads of its own, as the command runs it.
struct Server {
    place: Place,
    _runtime: Runtime,
    #[cfg(feature = "tls")]
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let [web, relay] = [(); 2].map(|()| listen("127.0.0.1:0".parse().unwrap()).unwrap());
        #[cfg(feature = "tls")]
        let (tls, folder, trust, setting) = certificate();
        let place = Place {
            web: web.local_addr().unwrap(),
            relay: relay.local_addr().unwrap(),
            #[cfg(feature = "tls")]
            tls: tls.local_addr().unwrap(),
            #[cfg(feature = "tls")]
            trust,
        };
        let mut doors = Doors::from(web);
        doors.relay.push(relay);
        #[cfg(feature = "tls")]
        doors.tls.push(tls);
        let config = Config {
            mailbox: Some(Mailbox::default()),
            relay: Some(Relay::default()),
            clients: Clients { limit_loopback: true, ..Clients::default() },
            #[cfg(feature = "tls")]
            tls: Some(setting),
            ..Config::default()
        };
        runtime.spawn(serve(doors, config, std::future::pending()));
        Self {
            place,
            _runtime: runtime,
            #[cfg(feature = "tls")]
            _folder: folder,
        }
    }
}

#[cfg(feature = "tls")]
fn certificate() -> (
    tokio::net::TcpListener,
    tempfile::TempDir,
    Arc<rustls::ClientConfig>,
    wormhole_sync_server::Tls,
) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    std::fs::write(&chain, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    (listener, folder, Arc::new(trust), wormhole_sync_server::Tls::new(chain, key))
}

/// Honest pairs finish while these strangers do this.
fn honest_pairs_finish(attacks: &[Attack], strangers: &[Ipv4Addr]) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Server::start();
    let flood = Flood::start(&server.place, attacks, strangers);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        goes_on(&flood, ROUNDS).await;
        for _ in 0..PAIRS {
            let before = flood.rounds();
            timeout(PATIENCE, honest::pair(&server.place, attacks)).await.expect("no exchange");
            timeout(PATIENCE, honest::transfer(&server.place)).await.expect("no transfer");
            goes_on(&flood, before + 1).await;
        }
    });
}

/// The flood has done so much, or will have soon, and not all of it in vain.
async fn goes_on(flood: &Flood, rounds: u64) {
    let until = async {
        while flood.rounds() < rounds || flood.came_through() < CAME_THROUGH {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let went_on = timeout(PATIENCE, until).await;
    let done = (flood.rounds(), flood.came_through());
    assert!(went_on.is_ok(), "the flood does not go on: {done:?}");
}

#[test]
fn while_a_stranger_opens_connections() {
    honest_pairs_finish(&[Attack::Connections], &[STRANGER]);
}

#[test]
fn while_a_stranger_begins_requests() {
    honest_pairs_finish(&[Attack::HalfRequests], &[STRANGER]);
}

#[test]
fn while_a_stranger_has_exchanges_at_full_rate() {
    honest_pairs_finish(&[Attack::Exchanges], &[STRANGER]);
}

#[test]
fn while_a_stranger_pings() {
    honest_pairs_finish(&[Attack::Pings], &[STRANGER]);
}

#[test]
fn while_a_stranger_sends_giant_messages() {
    honest_pairs_finish(&[Attack::GiantMessages], &[STRANGER]);
}

#[test]
fn while_a_stranger_claims_every_nameplate() {
    honest_pairs_finish(&[Attack::Claims], &[STRANGER]);
}

#[test]
fn while_a_stranger_allocates_nameplates() {
    honest_pairs_finish(&[Attack::Allocations], &[STRANGER]);
}

#[test]
fn while_a_stranger_sends_relay_lines() {
    honest_pairs_finish(&[Attack::RelayLines], &[STRANGER]);
}

#[test]
fn while_a_strangers_pairs_fill_the_relay() {
    honest_pairs_finish(&[Attack::RelayPairs], &[STRANGER]);
}

#[test]
fn while_a_stranger_comes_to_the_relay_by_websocket() {
    honest_pairs_finish(&[Attack::RelayWebSockets], &[STRANGER]);
}

#[test]
fn while_a_stranger_sends_random_bytes_to_every_door() {
    honest_pairs_finish(&[Attack::RandomBytes], &[STRANGER]);
}

#[cfg(feature = "tls")]
#[test]
fn while_a_stranger_shakes_hands() {
    honest_pairs_finish(&[Attack::Handshakes], &[STRANGER]);
}

#[test]
fn while_strangers_do_all_of_it_from_several_addresses() {
    honest_pairs_finish(Attack::ALL, &STRANGERS);
}
