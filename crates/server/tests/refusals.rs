//! Every row of the protocol's table of errors, over a real socket, each on a connection that goes
//! on afterwards.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};
use support::{Client, Server, behind_a_proxy};
use wormhole_sync_server::{Config, Limits, Mailbox};

const BOUND: &[&str] = &[r#"{"type":"bind","appid":"app","side":"s"}"#];

/// What is said before, what is refused, and with what text.
fn rows() -> Vec<(Vec<&'static str>, &'static str, &'static str)> {
    let bound = |more: &[&'static str]| [BOUND, more].concat();
    let claim4 = r#"{"type":"claim","nameplate":"4"}"#;
    let open = r#"{"type":"open","mailbox":"mmm"}"#;
    vec![
        (vec![], r#"{"type":"ping"}"#, "ping requires 'ping'"),
        (bound(&[]), BOUND[0], "already bound"),
        (vec![], r#"{"type":"bind","side":"s"}"#, "bind requires 'appid'"),
        (vec![], r#"{"type":"bind","appid":"a"}"#, "bind requires 'side'"),
        (vec![], r#"{"type":"list"}"#, "must bind first"),
        (vec![], r#"{"type":"allocate"}"#, "must bind first"),
        (vec![], r#"{"type":"claim"}"#, "must bind first"),
        (vec![], r#"{"type":"release"}"#, "must bind first"),
        (vec![], r#"{"type":"open","mailbox":5}"#, "must bind first"),
        (vec![], r#"{"type":"add"}"#, "must bind first"),
        (vec![], r#"{"type":"close"}"#, "must bind first"),
        (vec![], r#"{"type":"dance"}"#, "must bind first"),
        (bound(&[]), r#"{"type":"dance"}"#, "unknown type"),
        (
            bound(&[r#"{"type":"allocate"}"#]),
            r#"{"type":"allocate"}"#,
            "you already allocated one, don't be greedy",
        ),
        (bound(&[]), r#"{"type":"claim"}"#, "claim requires 'nameplate'"),
        (bound(&[]), r#"{"type":"claim","nameplate":4}"#, "'nameplate' must be a string"),
        (
            bound(&[]),
            r#"{"type":"claim","nameplate":"four"}"#,
            "nameplate must be 1 to 40 decimal digits",
        ),
        (bound(&[claim4]), claim4, "only one claim per connection"),
        (
            bound(&[claim4]),
            r#"{"type":"release","nameplate":"5"}"#,
            "release and claim must use same nameplate",
        ),
        (
            bound(&[claim4, r#"{"type":"release"}"#]),
            r#"{"type":"release"}"#,
            "only one release per connection",
        ),
        (bound(&[]), r#"{"type":"release"}"#, "release without nameplate must follow claim"),
        (bound(&[]), r#"{"type":"open"}"#, "open requires 'mailbox'"),
        (bound(&[open]), open, "only one open per connection"),
        (bound(&[]), r#"{"type":"add","phase":"0","body":""}"#, "must open mailbox before adding"),
        (bound(&[open]), r#"{"type":"add","body":""}"#, "missing 'phase'"),
        (bound(&[open]), r#"{"type":"add","phase":"0"}"#, "missing 'body'"),
        (bound(&[open]), r#"{"type":"add","phase":"0","body":"no"}"#, "'body' must be hex"),
        (bound(&[open]), r#"{"type":"add","phase":"0","body":"abc"}"#, "'body' must be hex"),
        (bound(&[open]), r#"{"type":"add","phase":"0","body":"\u00010"}"#, "'body' must be hex"),
        (
            bound(&[open]),
            r#"{"type":"add","phase":"\u00010","body":"00"}"#,
            "'phase' must be printable ASCII",
        ),
        (
            bound(&[open]),
            r#"{"type":"close","mailbox":"other"}"#,
            "open and close must use same mailbox",
        ),
        (
            bound(&[open, r#"{"type":"close"}"#]),
            r#"{"type":"close"}"#,
            "only one close per connection",
        ),
        (bound(&[]), r#"{"type":"close"}"#, "close without mailbox must follow open"),
        (
            vec![],
            r#"{"type":"bind","appid":"a","side":"s","client_version":["x"]}"#,
            "'client_version' must be [name, version]",
        ),
        (
            bound(&[]),
            r#"{"type":"submit-permissions","method":"hashcash","stamp":"x"}"#,
            "submit-permissions must come before bind",
        ),
    ]
}

async fn is_alive(client: &mut Client) {
    let pong = client.ask(json!({"type": "ping", "ping": [1, "still here"]}), "pong").await;
    assert_eq!(pong["pong"], json!([1, "still here"]));
}

#[tokio::test]
async fn every_row_of_the_table() {
    let server = Server::start(Mailbox::default());
    for (before, refused, text) in rows() {
        let mut client = server.connect().await;
        for message in before {
            client.say_raw(message.to_owned()).await;
        }
        client.say_raw(refused.to_owned()).await;
        client.say(json!({"type": "ping", "ping": "end"})).await;
        let mut last = (Value::Null, Value::Null);
        let error = loop {
            let heard = client.hear().await.expect(refused);
            if heard["type"] == "error" {
                break heard;
            }
            last = (last.1, heard["type"].clone());
        };
        assert_eq!(error["error"], text, "{refused}");
        assert_eq!(error["orig"], serde_json::from_str::<Value>(refused).unwrap());
        assert_eq!(last.1, "ack", "{refused}");
        client.expect("ack").await;
        client.expect("pong").await;
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_message_gets_an_error_and_no_ack() {
    let server = Server::start(Mailbox::default());
    let mut client = server.connect().await;
    for (frame, text, orig) in [
        ("", "not a JSON object", Value::Null),
        ("{", "not a JSON object", Value::Null),
        ("[1]", "not a JSON object", json!([1])),
        ("null", "not a JSON object", Value::Null),
        (r#"{"id":1}"#, "missing 'type'", json!({"id": 1})),
        (r#"{"type":7}"#, "'type' must be a string", json!({"type": 7})),
        (r#"{"type":"list","type":"list"}"#, "a key stands twice", json!({"type": "list"})),
    ] {
        client.say_raw(frame.to_owned()).await;
        let error = client.expect("error").await;
        assert_eq!((&error["error"], &error["orig"]), (&json!(text), &orig), "{frame}");
    }
    client.say_bytes(vec![0xff, 0xfe]).await;
    assert_eq!(client.expect("error").await["error"], "not UTF-8");
    is_alive(&mut client).await;
}

#[tokio::test]
async fn binary_messages_count_as_text() {
    let server = Server::start(Mailbox::default());
    let mut client = server.connect().await;
    client.say_bytes(br#"{"type":"ping","ping":3,"id":"x"}"#.to_vec()).await;
    assert_eq!(client.expect("ack").await["id"], "x");
    assert_eq!(client.expect("pong").await["pong"], 3);
}

#[tokio::test]
async fn the_third_is_refused_and_the_two_go_on() {
    let server = Server::start(Mailbox::default());
    let claim = json!({"type": "claim", "nameplate": "4"});
    let mut alice = server.bound("app", "a").await;
    let mailbox = alice.ask(claim.clone(), "claimed").await["mailbox"].clone();
    let open = json!({"type": "open", "mailbox": mailbox});
    let mut bob = server.bound("app", "b").await;
    bob.ask(claim.clone(), "claimed").await;
    let mut carol = server.bound("app", "c").await;
    assert_eq!(carol.refused(claim.clone()).await, "crowded");
    assert_eq!(carol.refused(open.clone()).await, "crowded");
    assert_eq!(carol.refused(json!({"type": "close", "mailbox": mailbox})).await, "crowded");

    for side in ["a", "b"] {
        let mut again = server.bound("app", side).await;
        assert_eq!(again.ask(claim.clone(), "claimed").await["mailbox"], mailbox);
    }
    for client in [&mut alice, &mut bob] {
        client.say(open.clone()).await;
        client.expect("ack").await;
    }
    bob.ask(json!({"type": "add", "phase": "0", "body": "00"}), "message").await;
    assert_eq!(alice.expect("message").await["side"], "b");
}

#[tokio::test]
async fn a_released_nameplate_is_not_claimed_again_by_the_same_side() {
    let server = Server::start(Mailbox::default());
    let claim = json!({"type": "claim", "nameplate": "4"});
    let mut alice = server.bound("app", "a").await;
    alice.ask(claim.clone(), "claimed").await;
    let mut bob = server.bound("app", "b").await;
    bob.ask(claim.clone(), "claimed").await;
    alice.ask(json!({"type": "release"}), "released").await;
    let mut again = server.bound("app", "a").await;
    assert_eq!(again.refused(claim).await, "reclaimed");
}

#[tokio::test]
async fn release_open_and_close_work_on_a_connection_that_did_not_claim() {
    let server = Server::start(Mailbox::default());
    let mut alice = server.bound("app", "a").await;
    let claimed = alice.ask(json!({"type": "claim", "nameplate": "4"}), "claimed").await;
    drop(alice);
    let mut again = server.bound("app", "a").await;
    again.say(json!({"type": "open", "mailbox": claimed["mailbox"]})).await;
    again.expect("ack").await;
    again.ask(json!({"type": "add", "phase": "pake", "body": "00"}), "message").await;
    again.ask(json!({"type": "release", "nameplate": "4"}), "released").await;
    drop(again);
    let mut last = server.bound("app", "a").await;
    last.ask(json!({"type": "close", "mailbox": claimed["mailbox"]}), "closed").await;
    let mut unknown = server.bound("app", "z").await;
    unknown.ask(json!({"type": "release", "nameplate": "4"}), "released").await;
    unknown.ask(json!({"type": "close", "mailbox": "nothing"}), "closed").await;
}

#[tokio::test]
async fn both_claimed_neither_released_and_both_close() {
    let server = Server::start(Mailbox::default());
    let claim = json!({"type": "claim", "nameplate": "4"});
    let mut clients = [server.bound("app", "a").await, server.bound("app", "b").await];
    let mut mailboxes = Vec::new();
    for client in &mut clients {
        let mailbox = client.ask(claim.clone(), "claimed").await["mailbox"].clone();
        client.say(json!({"type": "open", "mailbox": mailbox})).await;
        client.expect("ack").await;
        mailboxes.push(mailbox);
    }
    for client in &mut clients {
        client.ask(json!({"type": "close", "mood": "happy"}), "closed").await;
    }
    // The nameplate went with its mailbox: the next claim makes another.
    let mut next = server.bound("app", "c").await;
    assert_ne!(next.ask(claim, "claimed").await["mailbox"], mailboxes[0]);
}

#[tokio::test]
async fn applications_never_see_each_other() {
    let server = Server::start(Mailbox { allow_list: true, ..Mailbox::default() });
    let mut ours = server.bound("app", "a").await;
    ours.say(json!({"type": "open", "mailbox": "mmm"})).await;
    ours.expect("ack").await;
    ours.ask(json!({"type": "add", "phase": "0", "body": "00"}), "message").await;
    let mut claims = Vec::new();
    for app in ["app", "other"] {
        let mut client = server.bound(app, "a").await;
        claims.push(client.ask(json!({"type": "claim", "nameplate": "4"}), "claimed").await);
        let listed = client.ask(json!({"type": "list"}), "nameplates").await;
        assert_eq!(listed["nameplates"], json!([{"id": "4"}]));
    }
    assert_ne!(claims[0]["mailbox"], claims[1]["mailbox"]);
    let mut theirs = server.bound("other", "b").await;
    theirs.say(json!({"type": "open", "mailbox": "mmm"})).await;
    theirs.expect("ack").await;
    is_alive(&mut theirs).await;
}

#[tokio::test]
async fn the_list_is_empty_unless_allowed() {
    let server = Server::start(Mailbox::default());
    let mut client = server.bound("app", "a").await;
    client.ask(json!({"type": "allocate"}), "allocated").await;
    assert_eq!(client.ask(json!({"type": "list"}), "nameplates").await["nameplates"], json!([]));
}

#[tokio::test]
async fn limits_of_a_mailbox_are_named() {
    let limits = Limits {
        mailbox_messages: 2,
        mailbox_bytes: 1000,
        stored_bytes: 1500,
        ..Limits::default()
    };
    let server = Server::start(Mailbox { limits, ..Mailbox::default() });
    let add = |bytes: usize| json!({"type": "add", "phase": "0", "body": "0".repeat(bytes)});
    let mut client = server.bound("app", "a").await;
    client.say(json!({"type": "open", "mailbox": "one"})).await;
    client.expect("ack").await;
    let text = client.refused(add(900)).await;
    assert_eq!(text, "the mailbox is full: this server's limit is 1000 bytes");
    client.ask(add(400), "message").await;
    client.ask(add(100), "message").await;
    let text = client.refused(add(2)).await;
    assert_eq!(text, "the mailbox is full: this server's limit is 2 messages");

    let mut other = server.bound("app", "b").await;
    other.say(json!({"type": "open", "mailbox": "two"})).await;
    other.expect("ack").await;
    let error = other.ask(add(800), "error").await;
    let limit = "this server's limit is 1500 bytes of messages";
    assert_eq!(error["error"], format!("the server is full: {limit}; try again later"));
    assert_eq!(error["temporary"], true);
    client.ask(json!({"type": "close"}), "closed").await;
    other.ask(add(800), "message").await;
}

#[tokio::test]
async fn what_one_address_stores_is_limited_in_whatever_mailbox() {
    let limits = Limits { stored_bytes_per_address: 1000, ..Limits::default() };
    let mailbox = Some(Mailbox { limits, ..Mailbox::default() });
    let config = Config { mailbox, clients: behind_a_proxy(), ..Config::default() };
    let server = Server::start(config);
    let add = |bytes: usize| json!({"type": "add", "phase": "0", "body": "0".repeat(bytes)});
    let mut flood = Vec::new();
    for name in ["one", "two"] {
        let mut client = server.bound("app", "a").await;
        client.say(json!({"type": "open", "mailbox": name})).await;
        client.expect("ack").await;
        flood.push(client);
    }
    flood[0].ask(add(600), "message").await;
    let text = flood[1].refused(add(600)).await;
    let limit = "this server's limit is 1000 bytes of messages";
    assert_eq!(text, format!("too much is stored from your address: {limit}"));

    // Others are free, in the very same mailbox, and so is who lets go of what is stored.
    let mut other = server.connect_with(&[("X-Real-IP", "192.0.2.7"), ("X-Real-Port", "1")]).await;
    other.expect("welcome").await;
    other.say(json!({"type": "bind", "appid": "app", "side": "b"})).await;
    other.expect("ack").await;
    other.ask(json!({"type": "open", "mailbox": "one"}), "message").await;
    other.ask(add(600), "message").await;
    other.ask(json!({"type": "close"}), "closed").await;
    flood[0].expect("message").await;
    flood[0].ask(json!({"type": "close"}), "closed").await;
    flood[1].ask(add(600), "message").await;
}

#[tokio::test]
async fn limits_of_mailboxes_are_named() {
    let limits = Limits { mailboxes_per_address: 2, mailboxes: 3, ..Limits::default() };
    let mailbox = Some(Mailbox { limits, ..Mailbox::default() });
    let config = Config { mailbox, clients: behind_a_proxy(), ..Config::default() };
    let server = Server::start(config);
    let open = |name: &str| json!({"type": "open", "mailbox": name});
    for name in ["one", "two"] {
        let mut client = server.bound("app", name).await;
        client.say(open(name)).await;
        client.expect("ack").await;
    }
    let mut third = server.bound("app", "c").await;
    let text = third.refused(open("three")).await;
    assert_eq!(text, "too many mailboxes from your address: this server's limit is 2 mailboxes");
    let text = third.refused(json!({"type": "allocate"})).await;
    assert_eq!(text, "too many mailboxes from your address: this server's limit is 2 mailboxes");

    for (number, name) in ["three", "four"].into_iter().enumerate() {
        let header = [("X-Real-IP", "192.0.2.7"), ("X-Real-Port", "1")];
        let mut client = server.connect_with(&header).await;
        client.expect("welcome").await;
        client.ask(json!({"type": "ping", "ping": 0}), "pong").await;
        client.say(json!({"type": "bind", "appid": "app", "side": name})).await;
        client.expect("ack").await;
        client.say(open(name)).await;
        client.expect("ack").await;
        if number == 1 {
            let error = client.expect("error").await;
            let limit = "this server's limit is 3 mailboxes";
            assert_eq!(error["error"], format!("the server is full: {limit}; try again later"));
            assert_eq!(error["temporary"], true);
        }
    }
}
