//! Servers that say what a test wants, and what the doctor has found.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio_tungstenite::{accept_async, tungstenite::Message};

use crate::support::{Ended, events};

/// A mailbox server that says this to everybody, and then does what is asked of it; its URL.
pub(super) fn says(frame: &str) -> String {
    let (listener, frame) = (TcpListener::bind("127.0.0.1:0").unwrap(), frame.to_owned());
    let url = format!("ws://{}/v1", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let frame = frame.clone();
                tokio::spawn(async move {
                    let mut socket = accept_async(stream).await.unwrap();
                    if !frame.is_empty() {
                        socket.send(Message::text(&*frame)).await.unwrap();
                    }
                    let mut side = Value::Null;
                    while let Some(Ok(message)) = socket.next().await {
                        let asked = message.to_text().unwrap_or_default();
                        if let Some(answer) = answer(asked, &mut side).filter(|_| !frame.is_empty())
                        {
                            socket.send(Message::text(answer)).await.unwrap();
                        }
                    }
                });
            }
        });
    });
    url
}

/// What a mailbox server answers, to a side that is alone.
fn answer(asked: &str, side: &mut Value) -> Option<String> {
    let mut asked: Value = serde_json::from_str(asked).ok()?;
    let answer = match asked["type"].as_str()? {
        "ping" => json!({"type": "pong", "pong": asked["ping"]}),
        "allocate" => json!({"type": "allocated", "nameplate": "4"}),
        "claim" => json!({"type": "claimed", "mailbox": "m"}),
        "release" => json!({"type": "released"}),
        "close" => json!({"type": "closed"}),
        "add" => {
            (asked["type"], asked["side"]) = ("message".into(), side.clone());
            asked
        }
        "bind" => {
            *side = asked["side"].take();
            return None;
        }
        _ => return None,
    };
    Some(answer.to_string())
}

/// The same, a welcome with this in it.
pub(super) fn welcomes(welcome: &Value) -> String {
    says(&json!({"type": "welcome", "welcome": welcome}).to_string())
}

/// A server that answers the first bytes with these, and keeps the connection.
pub(super) fn answers(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in listener.incoming().flatten() {
            _ = stream.read(&mut [0; 1024]);
            _ = stream.write_all(bytes);
            held.push(stream);
        }
    });
    address.to_string()
}

/// What was found of this, in order.
pub(super) fn found(ended: &Ended, check: &str) -> Vec<Value> {
    let all = events(&ended.stderr).into_iter();
    all.filter(|event| event["event"] == "check" && event["check"] == check).collect()
}

/// The one finding of this.
#[track_caller]
pub(super) fn finding(ended: &Ended, check: &str) -> Value {
    let found = found(ended, check);
    assert_eq!(found.len(), 1, "{check}: {}", ended.stderr);
    found[0].clone()
}

/// Checks that this is a problem, told with these words in it, and that something is to be done about it.
#[track_caller]
pub(super) fn assert_problem(finding: &Value, detail: &str, advice: &str) {
    assert_eq!(finding["state"], "problem", "{finding}");
    assert!(finding["detail"].as_str().unwrap().contains(detail), "{finding}");
    assert!(finding["advice"].as_str().unwrap().contains(advice), "{finding}");
}
