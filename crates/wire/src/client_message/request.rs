//! How a server reads what a client says.
//!
//! A [`Request`] borrows from the frame it was read from: nothing is copied before it is known to
//! be wanted, and unknown keys are skipped without building anything for them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ClientMessage;
use crate::{
    limits::{MAX_CLIENT_VERSION, MAX_MESSAGE_ID, MAX_PHASE, MAX_PING, MAX_STAMP},
    mood::Mood,
    name::{AppId, MailboxId, Nameplate, Side},
    object::{even_null, is_object},
};

/// A message as a server reads it: with the `id` to be copied into the `ack`.
///
/// ```
/// use wormhole_sync_wire::{ClientMessage, Request};
///
/// let request = Request::parse(r#"{"type":"list","id":[7]}"#).unwrap();
/// assert_eq!(request.id, Some("[7]")); // as it came
/// assert_eq!(request.message, Ok(ClientMessage::List));
/// ```
#[derive(Debug)]
pub struct Request<'a> {
    /// The JSON text of `id`, to be copied back; `None` when there was none.
    pub id: Option<&'a str>,
    /// The message, or why it is refused.
    pub message: Result<ClientMessage<'a>, Refusal>,
}

/// Why a server refuses a message: the text of its `error`.
///
/// ```
/// use wormhole_sync_wire::{Refusal, Request};
///
/// let request = Request::parse(r#"{"type":"claim"}"#).unwrap();
/// assert_eq!(request.message, Err(Refusal::from("claim requires 'nameplate'")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Cow<'static, str>);

impl From<&'static str> for Refusal {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl<'a> Request<'a> {
    /// Reads one frame. `Err` means that it has no `type`, or is no JSON object: such a message
    /// gets no `ack`, only the refusal.
    ///
    /// ```
    /// use wormhole_sync_wire::Request;
    ///
    /// let unknown = Request::parse(r#"{"type":"sing"}"#).unwrap(); // gets an ack and this refusal
    /// assert_eq!(unknown.message.unwrap_err().0, "unknown type");
    ///
    /// let typeless = Request::parse("{}").err().unwrap(); // gets the refusal alone
    /// assert_eq!(typeless.0, "missing 'type'");
    /// ```
    pub fn parse(frame: &'a str) -> Result<Self, Refusal> {
        if !is_object(frame.as_bytes()) {
            return Err("not a JSON object".into());
        }
        let fields: Fields<'a> = serde_json::from_str(frame).map_err(malformed)?;
        let kind = text(fields.kind, "type")?.ok_or("missing 'type'")?;
        let id = match fields.id.map(RawValue::get) {
            Some(id) if id.len() > MAX_MESSAGE_ID => {
                return Err("'id' is longer than 64 bytes".into());
            }
            // It is relayed to the peer, whose reader may choke on 1e999 or half a surrogate pair.
            Some(id) if serde_json::from_str::<serde_json::Value>(id).is_err() => {
                return Err("'id' is a value that not everybody can read".into());
            }
            id => id,
        };
        Ok(Self { id, message: fields.message(&kind) })
    }
}

/// Every field that a client message can have, not yet looked into.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow, default)]
    id: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "even_null")]
    ping: Raw<'a>,
    #[serde(borrow, default)]
    method: Raw<'a>,
    #[serde(borrow, default)]
    stamp: Raw<'a>,
    #[serde(borrow, default)]
    appid: Raw<'a>,
    #[serde(borrow, default)]
    side: Raw<'a>,
    #[serde(borrow, default)]
    client_version: Raw<'a>,
    #[serde(borrow, default)]
    nameplate: Raw<'a>,
    #[serde(borrow, default)]
    mailbox: Raw<'a>,
    #[serde(borrow, default)]
    phase: Raw<'a>,
    #[serde(borrow, default)]
    body: Raw<'a>,
    #[serde(borrow, default)]
    mood: Raw<'a>,
}

type Raw<'a> = Option<&'a RawValue>;

impl<'a> Fields<'a> {
    fn message(self, kind: &str) -> Result<ClientMessage<'a>, Refusal> {
        Ok(match kind {
            "ping" => self.ping()?,
            "submit-permissions" => self.submit_permissions()?,
            "bind" => self.bind()?,
            "list" => ClientMessage::List,
            "allocate" => ClientMessage::Allocate,
            "claim" => {
                let nameplate =
                    text(self.nameplate, "nameplate")?.ok_or("claim requires 'nameplate'")?;
                ClientMessage::Claim {
                    nameplate: Nameplate::new(nameplate).map_err(refusal)?,
                    mailbox: mailbox(self.mailbox)?,
                }
            }
            "release" => ClientMessage::Release(
                text(self.nameplate, "nameplate")?
                    .map(Nameplate::new)
                    .transpose()
                    .map_err(refusal)?,
            ),
            "open" => {
                let mailbox = text(self.mailbox, "mailbox")?.ok_or("open requires 'mailbox'")?;
                ClientMessage::Open(MailboxId::new(mailbox).map_err(refusal)?)
            }
            "add" => self.add()?,
            "close" => ClientMessage::Close {
                mailbox: mailbox(self.mailbox)?,
                mood: text(self.mood, "mood")?.and_then(|word| Mood::parse(&word)),
            },
            _ => return Err("unknown type".into()),
        })
    }

    fn ping(self) -> Result<ClientMessage<'a>, Refusal> {
        let value = self.ping.ok_or("ping requires 'ping'")?.get();
        let value = limited(value.into(), MAX_PING, "'ping' is longer than 256 bytes")?;
        Ok(ClientMessage::Ping(value))
    }

    fn submit_permissions(self) -> Result<ClientMessage<'a>, Refusal> {
        match text(self.method, "method")?.as_deref() {
            Some("hashcash") => {}
            Some(_) => return Err("unknown permission 'method'".into()),
            None => return Err("submit-permissions requires 'method'".into()),
        }
        let stamp = text(self.stamp, "stamp")?.ok_or("hashcash requires 'stamp'")?;
        Ok(ClientMessage::SubmitPermissions {
            stamp: limited(stamp, MAX_STAMP, "'stamp' is longer than 256 bytes")?,
        })
    }

    fn bind(self) -> Result<ClientMessage<'a>, Refusal> {
        let app_id = text(self.appid, "appid")?.ok_or("bind requires 'appid'")?;
        let side = text(self.side, "side")?.ok_or("bind requires 'side'")?;
        Ok(ClientMessage::Bind {
            app_id: AppId::new(app_id).map_err(refusal)?,
            side: Side::new(side).map_err(refusal)?,
            client_version: client_version(self.client_version)?,
        })
    }

    fn add(self) -> Result<ClientMessage<'a>, Refusal> {
        let phase = text(self.phase, "phase")?.ok_or("missing 'phase'")?;
        let body = text(self.body, "body")?.ok_or("missing 'body'")?;
        Ok(ClientMessage::Add {
            phase: limited(phase, MAX_PHASE, "'phase' is longer than 64 bytes")?,
            body,
        })
    }
}

/// A field that must be a string when it is there. `null` counts as not there.
fn text<'a>(field: Raw<'a>, name: &'static str) -> Result<Option<Cow<'a, str>>, Refusal> {
    #[derive(Deserialize)]
    struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

    let Some(raw) = field else { return Ok(None) };
    match serde_json::from_str::<Borrowed<'a>>(raw.get()) {
        Ok(Borrowed(text)) => Ok(Some(text)),
        Err(_) => Err(Refusal(format!("'{name}' must be a string").into())),
    }
}

fn mailbox(field: Raw<'_>) -> Result<Option<MailboxId>, Refusal> {
    text(field, "mailbox")?.map(MailboxId::new).transpose().map_err(refusal)
}

fn client_version(field: Raw<'_>) -> Result<Option<(String, String)>, Refusal> {
    let Some(raw) = field else { return Ok(None) };
    match serde_json::from_str::<(Option<String>, Option<String>)>(raw.get()) {
        Ok((Some(name), Some(version))) if name.len().max(version.len()) <= MAX_CLIENT_VERSION => {
            Ok(Some((name, version)))
        }
        Ok((Some(_), Some(_))) => Err("a part of 'client_version' is longer than 64 bytes".into()),
        Ok(_) => Ok(None),
        Err(_) => Err("'client_version' must be [name, version]".into()),
    }
}

fn limited<'a>(
    text: Cow<'a, str>,
    most: usize,
    error: &'static str,
) -> Result<Cow<'a, str>, Refusal> {
    if text.len() > most { Err(error.into()) } else { Ok(text) }
}

fn refusal(error: crate::name::InvalidName) -> Refusal {
    Refusal(error.to_string().into())
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn malformed(error: serde_json::Error) -> Refusal {
    if error.is_data() && error.to_string().starts_with("duplicate field") {
        return "a key stands twice".into();
    }
    "not a JSON object".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(frame: &str) -> String {
        match Request::parse(frame) {
            Err(Refusal(text)) | Ok(Request { message: Err(Refusal(text)), .. }) => {
                text.into_owned()
            }
            Ok(request) => panic!("{frame} was taken as {:?}", request.message),
        }
    }

    fn all_kinds() -> Vec<ClientMessage<'static>> {
        let nameplate = Nameplate::new("4").unwrap();
        let mailbox = MailboxId::new("mmm").unwrap();
        vec![
            ClientMessage::Ping("[1,\"é\"]".into()),
            ClientMessage::SubmitPermissions { stamp: "1:2:261123:r::s:3".into() },
            ClientMessage::Bind {
                app_id: AppId::new("exámple").unwrap(),
                side: Side::new("abc").unwrap(),
                client_version: Some(("rust".into(), "0.1".into())),
            },
            ClientMessage::List,
            ClientMessage::Allocate,
            ClientMessage::Claim { nameplate: nameplate.clone(), mailbox: None },
            ClientMessage::Claim { nameplate: nameplate.clone(), mailbox: Some(mailbox.clone()) },
            ClientMessage::Release(None),
            ClientMessage::Release(Some(nameplate)),
            ClientMessage::Open(mailbox.clone()),
            ClientMessage::Add { phase: "pake".into(), body: "00ff".into() },
            ClientMessage::Close { mailbox: None, mood: None },
            ClientMessage::Close { mailbox: Some(mailbox), mood: Some(Mood::Scary) },
        ]
    }

    #[test]
    fn every_message_is_read_as_it_was_written() {
        for message in all_kinds() {
            let frame = message.encode("f00d");
            let request = Request::parse(&frame).unwrap();
            assert_eq!(request.message, Ok(message), "{frame}");
            assert_eq!(request.id, Some("\"f00d\""));
        }
    }

    #[test]
    fn the_python_servers_words_are_kept() {
        for (frame, text) in [
            (r#"{"id":"1"}"#, "missing 'type'"),
            (r#"{"type":"dance"}"#, "unknown type"),
            (r#"{"type":"ping"}"#, "ping requires 'ping'"),
            (r#"{"type":"bind","side":"s"}"#, "bind requires 'appid'"),
            (r#"{"type":"bind","appid":"a"}"#, "bind requires 'side'"),
            (r#"{"type":"claim"}"#, "claim requires 'nameplate'"),
            (r#"{"type":"open"}"#, "open requires 'mailbox'"),
            (r#"{"type":"add","body":""}"#, "missing 'phase'"),
            (r#"{"type":"add","phase":"0"}"#, "missing 'body'"),
        ] {
            assert_eq!(refused(frame), text);
        }
    }

    #[test]
    fn wrong_types_are_named() {
        for (frame, text) in [
            ("", "not a JSON object"),
            (r#"["list"]"#, "not a JSON object"),
            ("{", "not a JSON object"),
            (r#"{"type":1}"#, "'type' must be a string"),
            (r#"{"type":"list","type":"list"}"#, "a key stands twice"),
            (r#"{"type":"claim","nameplate":4}"#, "'nameplate' must be a string"),
            (r#"{"type":"claim","nameplate":"x"}"#, "nameplate must be 1 to 40 decimal digits"),
            (r#"{"type":"add","phase":"0","body":[]}"#, "'body' must be a string"),
            (r#"{"type":"bind","appid":"","side":"s"}"#, "appid must be 1 to 256 bytes"),
            (
                r#"{"type":"bind","appid":"a","side":"s","client_version":["x"]}"#,
                "'client_version' must be [name, version]",
            ),
            (r#"{"type":"submit-permissions"}"#, "submit-permissions requires 'method'"),
            (r#"{"type":"submit-permissions","method":"none"}"#, "unknown permission 'method'"),
            (r#"{"type":"submit-permissions","method":"hashcash"}"#, "hashcash requires 'stamp'"),
        ] {
            assert_eq!(refused(frame), text, "{frame}");
        }
    }

    #[test]
    fn what_is_kept_or_copied_back_is_limited() {
        let long = "x".repeat(2000);
        for frame in [
            format!(r#"{{"type":"list","id":"{long}"}}"#),
            format!(r#"{{"type":"ping","ping":"{long}"}}"#),
            format!(r#"{{"type":"add","body":"","phase":"{long}"}}"#),
            format!(r#"{{"type":"submit-permissions","method":"hashcash","stamp":"{long}"}}"#),
            format!(r#"{{"type":"bind","appid":"a","side":"s","client_version":["{long}","1"]}}"#),
            format!(r#"{{"type":"bind","appid":"{long}","side":"s"}}"#),
            format!(r#"{{"type":"bind","appid":"a","side":"{long}"}}"#),
            format!(r#"{{"type":"open","mailbox":"{long}"}}"#),
        ] {
            let text = refused(&frame);
            assert!(text.contains("longer than") || text.contains("must be"), "{text}");
        }
    }

    #[test]
    fn an_id_that_a_peer_could_not_read_is_refused() {
        for id in ["1e999", r#""\ud800""#, r#"["\udc00"]"#] {
            assert!(refused(&format!(r#"{{"type":"list","id":{id}}}"#)).contains("can read"));
        }
    }

    #[test]
    fn unknown_keys_deep_nesting_and_huge_numbers_do_no_harm() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for value in [r#"{"y":[1e999,{"z":null}]}"#, "-0e-99999999999", &deep] {
            let frame = format!(r#"{{"type":"list","x":{value},"id":17}}"#);
            let request = Request::parse(&frame).unwrap();
            assert_eq!(request.id, Some("17"));
            assert_eq!(request.message, Ok(ClientMessage::List));
        }
    }

    #[test]
    fn any_value_can_be_pinged_with_even_none() {
        for value in ["null", "0", r#"{"a":[]}"#] {
            let frame = format!(r#"{{"type":"ping","ping":{value}}}"#);
            let request = Request::parse(&frame).unwrap();
            assert_eq!(request.message, Ok(ClientMessage::Ping(value.into())));
        }
    }

    #[test]
    fn an_unknown_mood_counts_as_unset() {
        let request = Request::parse(r#"{"type":"close","mood":"grumpy"}"#).unwrap();
        assert_eq!(request.message, Ok(ClientMessage::Close { mailbox: None, mood: None }));
    }

    #[test]
    fn old_clients_send_nulls_for_their_version() {
        let frame = r#"{"type":"bind","appid":"a","side":"s","client_version":[null,null]}"#;
        let Ok(ClientMessage::Bind { client_version, .. }) = Request::parse(frame).unwrap().message
        else {
            panic!("not a bind");
        };
        assert_eq!(client_version, None);
    }
}
