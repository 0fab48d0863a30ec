//! `wss://`: a server behind TLS, under a certificate authority that the test made itself.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::net::SocketAddr;

use authority::behind_tls;
use support::Scene;
use wormhole_sync_testkit::proxy::{Manner, Proxy};

mod support;

#[path = "support/authority.rs"]
mod authority;

#[test]
fn an_exchange_over_tls_under_an_authority_of_ones_own() {
    let scene = Scene::new();
    let (url, authority) = behind_tls(&scene);
    let start = |arguments: &[&str], stdin: &[u8]| {
        let mut command = scene.wormhole(arguments);
        command.env("WORMHOLE_RELAY_URL", &url).env("SSL_CERT_FILE", &authority);
        support::Running::start(&mut command, stdin)
    };
    let one = start(&["exchange"], b"over");
    let other = start(&["exchange", &one.code()], b"tls").end().with_code(0);
    assert_eq!(other.stdout, b"over");
    assert_eq!(one.end().with_code(0).stdout, b"tls");
}

#[test]
fn an_exchange_over_tls_behind_a_proxy_of_either_kind() {
    let scene = Scene::new();
    let (url, authority) = behind_tls(&scene);
    let port = url.trim_start_matches("wss://localhost:").trim_end_matches("/v1").parse().unwrap();
    for (manner, scheme) in [(Manner::Socks, "socks5"), (Manner::Http, "http")] {
        let names = [("relay.invalid:443", SocketAddr::from(([127, 0, 0, 1], port)))];
        let toy = Proxy::start(manner, &names).unwrap();
        let proxy = format!("{scheme}://{}", toy.address());
        let start = |arguments: &[&str]| {
            let mut command = scene.wormhole(arguments);
            command
                .env("SSL_CERT_FILE", &authority)
                .args(["--relay-url", "wss://relay.invalid/v1"]);
            support::Running::start(command.args(["--proxy", &proxy]), b"over")
        };
        let one = start(&["exchange"]);
        let other = start(&["exchange", &one.code()]).end().with_code(0);
        assert_eq!(other.stdout, b"over");
        one.end().with_code(0);
        assert_eq!(toy.asked().len(), 2);
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let scene = Scene::new();
    let (url, _) = behind_tls(&scene);
    let ended = scene.run(&["exchange", "4-purple-sausages", "--relay-url", &url]).with_code(4);
    assert!(ended.stderr.contains("certificate"), "{}", ended.stderr);
    assert!(ended.stderr.contains(&url), "{}", ended.stderr);
}
