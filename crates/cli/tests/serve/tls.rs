//! The server's own TLS.

use super::both::{address, transfer};
use crate::support::{
    Running, Scene,
    certificate::{issue, issue_until},
};

/// Writes a certificate, its key and its authority beneath the scene's home.
fn install(scene: &Scene) {
    let issued = issue();
    scene.file("chain.pem", issued.certificate.pem());
    scene.file("key.pem", issued.key.serialize_pem());
    scene.file("authority.pem", issued.authority);
}

const SERVE: [&str; 13] = [
    "serve",
    "--db",
    ":memory:",
    "--tls-listen",
    "127.0.0.1:0",
    "--tls-certificate",
    "chain.pem",
    "--tls-key",
    "key.pem",
    "--set",
    "web.listen=",
    "--set",
    "relay.listen=",
];

/// The URL of its mailboxes, by the name in its certificate.
fn url(server: &Running) -> String {
    address(server, "wss:", "/v1").replace("127.0.0.1", "localhost")
}

#[test]
fn one_port_of_tls_is_enough_for_mailboxes_and_the_relay() {
    let mut scene = Scene::without_server();
    install(&scene);
    let server = scene.start(&SERVE);
    let url = url(&server);
    scene.trusts("authority.pem");
    transfer(&scene, &url, &url.replace("/v1", "/relay"));
    assert!(!server.stderr().contains("on ws:"), "{}", server.stderr());
}

#[test]
fn a_hangup_brings_the_new_certificate_and_one_that_cannot_be_used_changes_nothing() {
    let mut scene = Scene::without_server();
    install(&scene);
    let server = scene.start(&[&SERVE[..], &["--set", "tls.watch=1d"]].concat());
    let url = url(&server);
    scene.trusts("authority.pem");
    let lists = |code| {
        let waits = ["--relay-url", &url, "receive", "5-a", "--timeout", "2", "--no-local"];
        scene.run(&waits).with_code(code);
    };
    lists(6); // nobody came in time, but the server was there
    install(&scene);
    lists(4);
    server.signal("HUP");
    server.wait_for_stderr("TLS has read a certificate");
    lists(6);

    scene.file("key.pem", "nothing");
    server.signal("HUP");
    server.wait_for_stderr("key.pem");
    lists(6);
}

#[test]
fn a_certificate_that_could_not_be_shown_is_told_by_the_check() {
    let scene = Scene::without_server();
    install(&scene);
    let check = [&SERVE[..], &["--check"]].concat();
    scene.run(&check).with_code(0);
    scene.file("key.pem", issue().key.serialize_pem());
    let refused = scene.run(&check).with_code(2);
    assert!(refused.stderr.contains("key.pem") && refused.stdout.is_empty(), "{}", refused.stderr);
}

#[test]
fn a_certificate_that_has_expired_is_told_and_keeps_nothing_from_starting() {
    let scene = Scene::without_server();
    let issued = issue_until(2001);
    scene.file("chain.pem", issued.certificate.pem());
    scene.file("key.pem", issued.key.serialize_pem());
    let checked = scene.run(&[&SERVE[..], &["--check"]].concat()).with_code(0);
    assert!(checked.stderr.contains("has expired"), "{}", checked.stderr);
    assert!(!checked.stderr.contains("nothing is wrong"), "{}", checked.stderr);
    let server = scene.start(&SERVE);
    server.wait_for_stderr("that has expired: clients refuse it");
    server.wait_for_stderr("listening on wss:");
}
