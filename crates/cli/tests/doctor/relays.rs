//! Transit relays: named, advertised, or of no use.

use serde_json::{Value, json};

use super::toys::{answers, assert_problem, finding, found, welcomes};
use crate::{
    authority::behind_tls,
    support::{Ended, Running, Scene, namespace::in_namespace, relay::Relay, whole::Whole},
};

fn doctor(scene: &Scene, relay: &str) -> Ended {
    scene.run(&["doctor", "--json", "--transit-helper", relay])
}

/// What a server advertises.
fn advertised(relays: &[&str]) -> Value {
    let endpoint = |relay: &str| {
        let (host, port) = relay.trim_start_matches("tcp:").split_once(':').unwrap();
        json!({"type": "direct-tcp-v1", "hostname": host, "port": port.parse::<u16>().unwrap()})
    };
    let hints = relays.iter().map(|relay| json!({"type": "relay-v1", "hints": [endpoint(relay)]}));
    json!({"transit-relays-v1": hints.collect::<Vec<_>>(), "your-address": {"ipv4": "198.51.100.7", "port": 1}})
}

#[test]
fn a_relay_proves_itself_by_joining_two() {
    let (scene, relay) = (Scene::new(), Relay::start());
    let found = finding(&doctor(&scene, &relay.url).with_code(0), "relay");
    assert_eq!((&found["state"], &found["target"]), (&json!("ok"), &json!(relay.url)));
    assert_eq!(found["over"], "ipv4");
    for time in ["connected_in", "ready_in", "round_trip"] {
        assert!(found[time].as_f64().unwrap() > 0.0, "{found}");
    }
}

#[test]
fn what_one_server_advertises_of_itself_works_by_tcp_and_by_websocket() {
    if !in_namespace(what_one_server_advertises_of_itself_works_by_tcp_and_by_websocket) {
        return; // elsewhere a mistake would lead to the public relay
    }
    let (whole, scene) = (Whole::start(), Scene::without_server());
    let mut command = scene.wormhole(&["doctor", "--json", "--relay-url", &whole.url]);
    let ended = Running::start(command.env_remove("WORMHOLE_TRANSIT_HELPER"), b"");
    let ended = ended.end().with_code(0);
    let relays = found(&ended, "relay");
    let outline = |relay: &Value| (relay["target"].clone(), relay["state"].clone());
    let expected = whole.relays.map(|relay| (json!(relay), json!("ok")));
    assert_eq!(relays.iter().map(outline).collect::<Vec<_>>(), expected);
}

#[test]
fn a_relay_within_tls_is_tried_within_tls() {
    let mut scene = Scene::without_server();
    scene.url = Whole::start().url;
    let (url, authority) = behind_tls(&scene);
    let relay = url.replace("/v1", "/relay");
    let mut command = scene.wormhole(&["doctor", "--json", "--transit-helper", &relay]);
    let ended = Running::start(command.env("SSL_CERT_FILE", &authority), b"").end().with_code(0);
    let found = found(&ended, "relay");
    assert!(found[0]["detail"].as_str().unwrap().contains("127.0.0.1, TLS; "), "{}", found[0]);
    let found = &super::toys::found(&doctor(&scene, &relay).with_code(0), "relay")[0];
    assert_problem(found, "certificate", "SSL_CERT_FILE");
}

#[test]
fn a_relay_that_is_down_is_a_problem_and_no_obstacle_where_there_is_another_way() {
    let ended = doctor(&Scene::new(), "tcp:127.0.0.1:9").with_code(0);
    assert_problem(&finding(&ended, "relay"), "refused", "--transit-helper");
}

#[test]
fn a_relay_that_joins_nobody_is_a_problem() {
    for (answer, why) in [
        (&b""[..], "no answer within 4 s"),
        (b"bad handshake\n", "the relay says: bad handshake"),
        (b"\x1b[2Jimpatient\n", "the relay says: \u{1b}[2Jimpatient"),
    ] {
        let relay = format!("tcp:{}", answers(answer));
        let ended = doctor(&Scene::new(), &relay).with_code(0);
        assert_problem(&finding(&ended, "relay"), why, "check that there is such a server");
    }
}

#[test]
fn a_relay_by_websocket_is_tried_as_such() {
    let scene = Scene::new();
    let ended = doctor(&scene, &scene.url.replace("/v1", "/no-relay")).with_code(0);
    assert_problem(&finding(&ended, "relay"), "404", "--transit-helper");
}

#[test]
fn what_the_server_advertises_is_tried_unless_another_is_named() {
    if !in_namespace(what_the_server_advertises_is_tried_unless_another_is_named) {
        return; // elsewhere a mistake would lead to the public relay
    }
    let (relay, scene) = (Relay::start(), Scene::without_server());
    let url = welcomes(&advertised(&[&relay.url, "tcp:127.0.0.1:9"]));
    let mut command = scene.wormhole(&["doctor", "--json", "--relay-url", &url]);
    let ended = Running::start(command.env_remove("WORMHOLE_TRANSIT_HELPER"), b"");
    let ended = ended.end().with_code(0);
    let relays = found(&ended, "relay");
    assert_eq!(relays.len(), 2, "{}", ended.stderr);
    assert_eq!((&relays[0]["target"], &relays[0]["state"]), (&json!(relay.url), &json!("ok")));
    assert_problem(&relays[1], "refused", "--transit-helper");

    let named = ["doctor", "--json", "--relay-url", &url, "--transit-helper", &relay.url];
    assert_eq!(finding(&scene.run(&named).with_code(0), "relay")["target"], relay.url);
    let none = ["doctor", "--json", "--relay-url", &url, "--transit-helper", ""];
    let ended = scene.run(&none).with_code(0);
    assert_eq!(finding(&ended, "relay")["state"], "skipped");
    assert_problem(&finding(&ended, "direct"), "198.51.100.7", "--transit-helper");
}

#[test]
fn behind_translation_a_dead_relay_leaves_no_way_for_files_and_is_4() {
    let scene = Scene::without_server();
    let url = welcomes(&advertised(&[]));
    let arguments = ["doctor", "--json", "--relay-url", &url, "--transit-helper"];
    let ended = scene.run(&[&arguments[..], &["tcp:127.0.0.1:9"]].concat()).with_code(4);
    assert_problem(
        &finding(&ended, "direct"),
        "198.51.100.7, which is no address of its own",
        "--listen",
    );
    let relay = Relay::start();
    let ended = scene.run(&[&arguments[..], &[&relay.url]].concat()).with_code(0);
    let direct = finding(&ended, "direct");
    assert!(direct["detail"].as_str().unwrap().contains("through a relay"), "{direct}");
}
