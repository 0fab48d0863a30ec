//! A server that was reached and is of no use does not lead to the local network: that is for a person to decide.

use crate::support::namespace::{in_namespace, locally, start};
use crate::support::{Ended, Running, Scene, certificate::issue, event};

/// What a sender at this server comes to, which ends with this code.
#[track_caller]
fn refused(scene: &Scene, url: &str, code: i32) -> Ended {
    let ended = start(scene, &["send", "--text", "x", "--relay-url", url]).end().with_code(code);
    assert!(ended.stderr.contains(url), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("; --local goes without a server\n"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hosts the exchange"), "{}", ended.stderr);
    ended
}

/// A server within TLS at a name, with the certificate's files beneath the scene's home; and the URL.
fn secure(scene: &Scene) -> (Running, String) {
    let issued = issue();
    scene.file("chain.pem", issued.certificate.pem());
    scene.file("key.pem", issued.key.serialize_pem());
    scene.file("authority.pem", issued.authority);
    let tls = ["--tls-listen", "127.0.0.1:0", "--tls-certificate", "chain.pem"];
    let rest = ["--tls-key", "key.pem", "--set", "web.listen="];
    let serve = ["serve", "mailbox", "--db", ":memory:"];
    let server = scene.start(&[&serve[..], &tls, &rest].concat());
    let line = server.wait_for_stderr("listening on wss:");
    let url = line.split_whitespace().find(|word| word.starts_with("wss:")).unwrap();
    let url = url.replace("127.0.0.1", "localhost");
    (server, url)
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_4_and_says_how_to_name_an_authority() {
    if !in_namespace(a_certificate_that_nobody_vouches_for_is_4_and_says_how_to_name_an_authority) {
        return;
    }
    let scene = Scene::without_server();
    let (_server, url) = secure(&scene);
    let ended = refused(&scene, &url, 4);
    assert!(ended.stderr.contains("certificate") && ended.stderr.contains("SSL_CERT_FILE"));

    let sends = ["send", "--text", "x", "--relay-url", &url];
    let mut command = locally(&scene, &sends);
    let ended = Running::start(command.env("SSL_CERT_FILE", "/nope"), b"").end().with_code(4);
    assert!(ended.stderr.contains("'/nope'"), "{}", ended.stderr);

    let mut command = locally(&scene, &sends);
    let sender = Running::start(command.env("SSL_CERT_FILE", "authority.pem"), b"");
    assert!(!sender.code().starts_with("local-"));
}

#[test]
fn tls_where_there_is_none_and_none_where_there_is_are_told_apart() {
    if !in_namespace(tls_where_there_is_none_and_none_where_there_is_are_told_apart) {
        return;
    }
    let scene = Scene::new();
    let (_server, url) = secure(&scene);
    let ended = refused(&scene, &url.replace("wss:", "ws:"), 7);
    assert!(ended.stderr.contains("This port speaks TLS: use https:// or wss://"));
    let ended = refused(&scene, &scene.url.replace("ws:", "wss:"), 4);
    assert!(ended.stderr.contains("does not speak TLS; try ws://"), "{}", ended.stderr);
}

#[test]
fn an_answer_by_http_is_7_with_the_servers_own_words() {
    if !in_namespace(an_answer_by_http_is_7_with_the_servers_own_words) {
        return;
    }
    let scene =
        Scene::with_server(&["--limit-loopback", "--set", "clients.connections-per-address=1"]);
    let first = scene.start(&["send", "--text", "x"]);
    let code = first.code();
    let ended = refused(&scene, &scene.url, 7);
    let why = "HTTP 429 Too Many Requests: too many connections from your address: this server's limit is 1";
    assert!(ended.stderr.contains(why), "{}", ended.stderr);
    let ended = start(&scene, &["receive", &code]).end().with_code(7);
    assert!(ended.stderr.contains("the side that makes the code with --local"), "{}", ended.stderr);
    refused(&scene, &scene.url.replace("/v1", "/v7"), 7);
}

#[test]
fn why_there_is_no_connection_is_told_together_with_going_without_a_server() {
    if !in_namespace(why_there_is_no_connection_is_told_together_with_going_without_a_server) {
        return;
    }
    let scene = Scene::without_server();
    for (url, why) in [(&*scene.url, "refused"), ("wss://relay.invalid/v1", "lookup")] {
        let sends = ["send", "--text", "x", "--relay-url", url];
        let sender = start(&scene, &sends);
        let said = sender.wait_for_stderr("cannot be reached");
        assert!(said.contains(why) && said.ends_with("so it goes without a server:"), "{said}");
        let sender = start(&scene, &[&["--json"][..], &sends].concat());
        sender.wait_for_stderr("\"local\"");
        let told = event(&sender.stderr(), "local");
        assert_eq!(told["because"]["unreachable"], url);
        assert!(told["reason"].as_str().unwrap().contains(why), "{told}");
    }
}
