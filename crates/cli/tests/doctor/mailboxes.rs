//! The mailbox server: reached or not, and what it asks for.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::runtime::Builder;
use wormhole_sync::{Options, Wormhole};
use wormhole_sync_testkit::proxy::{Manner, Proxy};

use super::toys::{answers, assert_problem, finding, found, says, welcomes};
use crate::{
    authority::{behind, behind_tls},
    support::{
        Ended, Running, Scene,
        certificate::issue_for,
        event,
        namespace::{in_namespace, locally},
    },
};

fn doctor(url: &str) -> Ended {
    let scene = Scene::without_server();
    scene.run(&["doctor", "--json", "--relay-url", url])
}

#[test]
fn all_is_well() {
    let scene = Scene::new();
    let ended = scene.run(&["doctor", "--json"]).with_code(0);
    let server = finding(&ended, "mailbox_server");
    assert_eq!((&server["state"], &server["over"]), (&json!("ok"), &json!("ipv4")));
    assert_eq!(server["target"], scene.url);
    for time in ["connected_in", "ready_in", "round_trip"] {
        assert!(server[time].as_f64().unwrap() > 0.0, "{server}");
    }
    assert!(server["connected_in"].as_f64() <= server["ready_in"].as_f64());
    for check in ["hashcash", "clock", "nameplate", "listening", "direct"] {
        assert_eq!(finding(&ended, check)["state"], "ok", "{}", ended.stderr);
    }
    for check in ["relay", "local_network"] {
        assert_eq!(finding(&ended, check)["state"], "skipped", "{}", ended.stderr);
    }
    assert_eq!(event(&ended.stderr, "diagnosis")["works"], true);
}

#[test]
fn a_server_that_is_down_is_4() {
    let scene = Scene::without_server();
    let mut command = locally(&scene, &["doctor", "--json"]);
    let ended = Running::start(&mut command, b"").end().with_code(4);
    assert_problem(&finding(&ended, "mailbox_server"), "refused", "--relay-url");
    assert_eq!(event(&ended.stderr, "diagnosis")["works"], false);
    let error = event(&ended.stderr, "error");
    assert!(error["message"].as_str().unwrap().contains("--local"), "{error}");
    assert_eq!(error["fault"], "network");
}

#[test]
fn a_server_that_turns_everybody_away_is_7() {
    let scene = Scene::with_server(&["--welcome-error", "closed\u{1b}[31m for today"]);
    let ended = scene.run(&["doctor", "--json"]).with_code(7);
    assert_problem(
        &finding(&ended, "welcome"),
        "closed\u{1b}[31m for today",
        "ask whoever runs it",
    );
    let ended = scene.run(&["doctor"]).with_code(7);
    assert!(ended.stderr.contains(r"closed\u{1b}[31m for today"), "{}", ended.stderr);
    assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_4_and_one_of_ones_own_authority_is_well() {
    let scene = Scene::new();
    let (url, authority) = behind_tls(&scene);
    let arguments = ["doctor", "--json", "--relay-url", &url];
    let ended = scene.run(&arguments).with_code(4);
    assert_problem(&by_ipv4(&ended), "no authority that this computer knows", "SSL_CERT_FILE");

    let mut command = scene.wormhole(&arguments);
    let ended = Running::start(command.env("SSL_CERT_FILE", "/nope"), b"").end().with_code(4);
    assert_problem(&by_ipv4(&ended), "SSL_CERT_FILE names cannot be read", "SSL_CERT_FILE");

    let mut command = scene.wormhole(&arguments);
    let ended = Running::start(command.env("SSL_CERT_FILE", &authority), b"").end().with_code(0);
    let server = &found(&ended, "mailbox_server")[0];
    assert!(server["detail"].as_str().unwrap().contains("127.0.0.1, TLS; "), "{server}");
}

/// What was found of the mailbox server at its IPv4 address.
fn by_ipv4(ended: &Ended) -> Value {
    let all = found(ended, "mailbox_server").into_iter();
    all.into_iter().find(|finding| finding["over"] == "ipv4").unwrap()
}

#[test]
fn each_fault_of_a_certificate_has_its_own_words() {
    let scene = Scene::new();
    let at = |year| rcgen::date_time_ymd(year, 1, 1);
    let now_as_ever = (at(2000), at(2090));
    for (name, (from, until), detail, advice) in [
        ("other.example", now_as_ever, "for other names: other.example", "check the URL's host"),
        ("localhost", (at(2000), at(2001)), "has expired, ", "to renew it, unless"),
        ("localhost", (at(2090), at(2091)), "not valid yet, but in ", "set this computer's clock"),
    ] {
        let issued =
            issue_for(&[name], |params| (params.not_before, params.not_after) = (from, until));
        let (url, authority) = behind(&scene, issued);
        let mut command = scene.wormhole(&["doctor", "--json", "--relay-url", &url]);
        let ended =
            Running::start(command.env("SSL_CERT_FILE", &authority), b"").end().with_code(4);
        assert_problem(&by_ipv4(&ended), detail, advice);
    }
}

#[test]
fn tls_where_there_is_none_is_told() {
    let scene = Scene::new();
    let ended = doctor(&scene.url.replace("ws:", "wss:")).with_code(4);
    assert_problem(&finding(&ended, "mailbox_server"), "does not speak TLS", "try ws://");
}

#[test]
fn a_wrong_path_is_told_from_a_wrong_server() {
    let scene = Scene::new();
    let ended = doctor(&scene.url.replace("/v1", "/v7")).with_code(7);
    assert_problem(&finding(&ended, "mailbox_server"), "404", "whose path is /v1");
    let ended = doctor(&format!("ws://{}/v1", answers(b"SSH-2.0-Example\r\n"))).with_code(7);
    assert_problem(&finding(&ended, "mailbox_server"), "", "check the URL");
}

#[test]
fn an_answer_by_http_is_told_with_its_words_and_its_own_advice() {
    let down =
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
    let ended = doctor(&format!("ws://{}/v1", answers(down))).with_code(7);
    let found = finding(&ended, "mailbox_server");
    assert_problem(&found, "HTTP 502 Bad Gateway", "what stands before it does not reach it");
    assert!(!found["advice"].as_str().unwrap().contains("/v1"), "{found}");

    let scene =
        Scene::with_server(&["--limit-loopback", "--set", "clients.connections-per-address=1"]);
    let first = scene.start(&["send", "--text", "x"]);
    first.code();
    let ended = scene.run(&["doctor", "--json"]).with_code(7);
    let why = "too many connections from your address: this server's limit is 1";
    assert_problem(&finding(&ended, "mailbox_server"), why, "try again later");
}

#[test]
fn a_server_that_welcomes_and_gives_no_nameplate_is_7_with_its_reason() {
    let scene = Scene::with_server(&["--limit-loopback", "--set", "mailbox.limits.claims.burst=0"]);
    let ended = scene.run(&["doctor", "--json"]).with_code(7);
    assert_eq!(finding(&ended, "mailbox_server")["state"], "ok", "{}", ended.stderr);
    let found = finding(&ended, "nameplate");
    assert_problem(&found, "the server gives none: ", "ask whoever runs it");
    assert!(found["detail"].as_str().unwrap().contains("limit"), "{found}");
}

#[test]
fn the_nameplate_is_given_back() {
    let scene = Scene::new();
    scene.run(&["doctor"]).with_code(0);
    let left = Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let options = Options::new().rendezvous(&*scene.url);
        let mut looking = Wormhole::connect("wormhole-sync/probe", options).await.unwrap();
        looking.nameplates().await.unwrap()
    });
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn ones_own_server_that_does_not_answer_leaves_the_public_relay_alone() {
    if !in_namespace(ones_own_server_that_does_not_answer_leaves_the_public_relay_alone) {
        return; // elsewhere a mistake would lead to the public relay
    }
    let scene = Scene::without_server();
    let mut command = scene.wormhole(&["doctor", "--json", "--no-local"]);
    let ended = Running::start(command.env_remove("WORMHOLE_TRANSIT_HELPER"), b"").end();
    let ended = ended.with_code(4);
    let relay = finding(&ended, "relay");
    assert_eq!((&relay["state"], &relay["target"]), (&json!("skipped"), &Value::Null));
    let error = event(&ended.stderr, "error");
    assert!(!error["message"].as_str().unwrap().contains("--local"), "{error}");
    assert_eq!(finding(&ended, "local_network")["detail"], "--no-local forbids it");
}

#[test]
fn a_wrong_url_is_2_and_nothing_is_tried() {
    let ended = doctor("http://127.0.0.1:4000/v1").with_code(2);
    assert!(
        found(&ended, "mailbox_server").is_empty() && ended.stderr.contains("wss://host:port/v1")
    );
    let relay = ["doctor", "--json", "--transit-helper", "relay.example.com"];
    Scene::without_server().run(&relay).with_code(2);
}

#[test]
fn what_is_no_mailbox_server_is_7() {
    for (first, why) in
        [("{\"type\":\"ack\"}", "no welcome"), ("hello", "no welcome"), ("", "no answer within")]
    {
        let ended = doctor(&says(first)).with_code(7);
        assert_problem(
            &finding(&ended, "mailbox_server"),
            why,
            "check that there is such a server",
        );
    }
}

#[test]
fn a_server_that_accepts_and_says_nothing_does_not_keep_the_doctor() {
    let ended = doctor(&format!("ws://{}/v1", answers(b""))).with_code(7);
    assert_problem(&finding(&ended, "mailbox_server"), "no answer within 4 s", "--relay-url");
}

#[test]
fn more_work_than_is_done_for_a_server_is_7() {
    let asked = json!({"permission-required": {"hashcash": {"bits": 30, "resource": "r"}}});
    let (scene, url) = (Scene::without_server(), welcomes(&asked));
    let arguments = ["doctor", "--json", "--relay-url", &url];
    let ended = scene.run(&arguments).with_code(7);
    let detail = "asks for 30 bits of work, and no more than 24";
    assert_problem(&finding(&ended, "hashcash"), detail, "--max-hashcash-bits");
    let ended = scene.run(&[&arguments[..], &["--max-hashcash-bits", "30"]].concat());
    assert_eq!(finding(&ended.with_code(0), "hashcash")["state"], "ok");
    let ended = doctor(&welcomes(&json!({"permission-required": {"oath": {}}}))).with_code(7);
    assert_problem(&finding(&ended, "hashcash"), "does not know", "newer version");
}

#[test]
fn a_clock_that_is_off_is_a_problem_and_no_obstacle() {
    let ended = doctor(&says(r#"{"type":"welcome","welcome":{},"server_tx":1000000000.0}"#));
    let ended = ended.with_code(0);
    assert_problem(&finding(&ended, "clock"), "ahead of the server's", "set this computer's clock");
    let ended = doctor(&welcomes(&json!({}))).with_code(0);
    assert_eq!(finding(&ended, "clock")["state"], "skipped");
}

#[test]
fn each_family_of_addresses_has_its_line() {
    let scene = Scene::new();
    let ended = scene.run(&[
        "doctor",
        "--json",
        "--relay-url",
        &scene.url.replace("127.0.0.1", "localhost"),
    ]);
    let servers = found(&ended.with_code(0), "mailbox_server");
    let state =
        |over| servers.iter().find(|server| server["over"] == over).unwrap()["state"].clone();
    assert_eq!(state("ipv4"), "ok");
    assert_ne!(state("ipv6"), "ok"); // no such address, or nobody at it
}

#[test]
fn a_proxy_is_the_only_way_where_there_is_one() {
    let scene = Scene::new();
    let server: SocketAddr =
        scene.url.trim_start_matches("ws://").trim_end_matches("/v1").parse().unwrap();
    let toy = Proxy::start(Manner::Socks, &[("relay.invalid:4000", server)]).unwrap();
    let (url, proxy) = ("ws://relay.invalid:4000/v1", format!("socks5://{}", toy.address()));
    let arguments = ["doctor", "--json", "--relay-url", url, "--proxy"];
    let ended = scene.run(&[&arguments[..], &[&proxy]].concat()).with_code(0);
    let found = finding(&ended, "mailbox_server");
    assert_eq!((&found["state"], &found["over"]), (&json!("ok"), &json!("proxy")));
    assert_eq!(toy.asked().len(), 2); // for the welcome, and for the nameplate
    // What the server sees is the proxy.
    assert_eq!(finding(&ended, "direct")["state"], "skipped");

    let ended = scene.run(&[&arguments[..], &["socks5://127.0.0.1:9"]].concat()).with_code(4);
    assert_problem(&finding(&ended, "mailbox_server"), "does not answer", "check the proxy");
}

#[test]
fn with_tor_nothing_is_tried_beside_it() {
    let scene = Scene::new();
    let tor = ["doctor", "--json", "--tor", "--proxy", "socks5://127.0.0.1:9"];
    let ended = scene.run(&tor).with_code(4);
    assert_problem(&finding(&ended, "mailbox_server"), "Tor at 127.0.0.1:9", "check the proxy");
    for check in ["listening", "local_network"] {
        assert_eq!(finding(&ended, check)["state"], "skipped", "{}", ended.stderr);
    }
    assert!(found(&ended, "addresses").is_empty());
}
