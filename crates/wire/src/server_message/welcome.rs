//! What a server says first, and what it asks for.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::read;
use crate::{
    hint::{Door, Hint, Relay, understood},
    limits::{MAX_ADVERTISED_RELAYS, MAX_RELAY_URL},
};

/// What a server says first.
///
/// ```
/// use wormhole_sync_wire::{ServerMessage, Welcome};
///
/// let frame = r#"{"type":"welcome","welcome":{"motd":"hello","later":1}}"#;
/// let welcome = Welcome { motd: Some("hello".into()), ..Welcome::default() };
/// assert_eq!(ServerMessage::parse(frame), Some(ServerMessage::Welcome { welcome }));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// A message of the day for whoever uses the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motd: Option<String>,
    /// Why the client is to leave at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The newest version of the Python tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_cli_version: Option<String>,
    /// What must be shown before `bind`, when anything must.
    #[serde(default, rename = "permission-required", skip_serializing_if = "Option::is_none")]
    pub permission_required: Option<PermissionRequired>,
    /// The address from which the server sees the client.
    #[serde(
        default,
        rename = "your-address",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "readable"
    )]
    pub your_address: Option<YourAddress>,
    /// Transit relays for whoever names none, each in the form of a transit message's hint: an addition of
    /// ours, which other clients pass over. Of a list that is read, the first [`MAX_ADVERTISED_RELAYS`] with a
    /// way to reach them are kept.
    #[serde(
        default,
        rename = "transit-relays-v1",
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "as_hints",
        deserialize_with = "advertised"
    )]
    pub transit_relays: Vec<Relay>,
}

/// What only informs is ignored when it cannot be read, such as an address with a zone.
fn readable<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let field = Box::<RawValue>::deserialize(deserializer)?;
    Ok(read(Some(&field)))
}

fn as_hints<S: Serializer>(relays: &[Relay], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(relays.iter().cloned().map(Hint::Relay))
}

fn advertised<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Relay>, D::Error> {
    #[derive(Deserialize)]
    struct Hints(#[serde(deserialize_with = "understood")] Vec<Hint>);
    let hints = readable::<D, Hints>(deserializer)?.map_or_else(Vec::new, |hints| hints.0);
    Ok(hints.into_iter().filter_map(usable).take(MAX_ADVERTISED_RELAYS).collect())
}

/// A relay that can be dialed and passed on. What people call it is of no use, and may be of any length.
fn usable(hint: Hint) -> Option<Relay> {
    let Hint::Relay(Relay { doors, .. }) = hint else { return None };
    let possible = |door: &Door| match door {
        Door::Tcp(_) => true,
        Door::WebSocket { url } => url.len() <= MAX_RELAY_URL,
    };
    let doors: Vec<Door> = doors.into_iter().filter(possible).take(MAX_ADVERTISED_RELAYS).collect();
    (!doors.is_empty()).then_some(Relay { name: None, doors })
}

/// The permissions of which one is enough.
///
/// ```
/// use wormhole_sync_wire::Welcome;
///
/// let json = r#"{"permission-required":{"none":{}}}"#;
/// let welcome: Welcome = serde_json::from_str(json)?;
/// let required = welcome.permission_required.unwrap();
/// assert!(required.none.is_some() && required.hashcash.is_none()); // go ahead
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionRequired {
    /// No permission is needed after all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub none: Option<Nothing>,
    /// A hashcash stamp will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashcash: Option<HashcashRequired>,
}

/// An empty JSON object.
///
/// ```
/// use wormhole_sync_wire::server_message::{Nothing, PermissionRequired};
///
/// let none = PermissionRequired { none: Some(Nothing {}), hashcash: None };
/// assert_eq!(serde_json::to_string(&none)?, r#"{"none":{}}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// The stamp that a server asks for.
///
/// ```
/// use wormhole_sync_wire::{Welcome, server_message::HashcashRequired};
///
/// let json = r#"{"permission-required":{"hashcash":{"bits":20,"resource":"relay"}}}"#;
/// let welcome: Welcome = serde_json::from_str(json)?;
/// let asked = HashcashRequired { bits: 20, resource: "relay".into() };
/// assert_eq!(welcome.permission_required.unwrap().hashcash, Some(asked));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashcashRequired {
    /// Leading zero bits of the stamp's SHA-1: the expected work is 2^bits hashes.
    pub bits: u32,
    /// What the stamp must be made for.
    pub resource: String,
}

/// An address from which a server sees a client.
///
/// ```
/// use wormhole_sync_wire::Welcome;
///
/// let json = r#"{"your-address":{"port":50123,"ipv4":"192.0.2.7"}}"#;
/// let welcome: Welcome = serde_json::from_str(json)?;
/// let address = welcome.your_address.unwrap();
/// assert_eq!(address.ipv4, Some([192, 0, 2, 7].into()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct YourAddress {
    /// The port.
    pub port: u16,
    /// The address, when it is of IPv4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<std::net::Ipv4Addr>,
    /// The address, when it is of IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<std::net::Ipv6Addr>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ServerMessage;

    #[test]
    fn what_the_python_server_says_is_understood() {
        let frame = r#"{"welcome": {"current_cli_version": null, "motd": "hi", "later": {"x": 1},
            "permission-required": {"none": {}, "hashcash": {"bits": 6, "resource": "r"}, "other": 7},
            "your-address": {"port": 4000, "ipv6": "::1"}}, "type": "welcome", "server_tx": 1.0}"#;
        let Some(ServerMessage::Welcome { welcome }) = ServerMessage::parse(frame) else {
            panic!("not a welcome");
        };
        let required = welcome.permission_required.unwrap();
        assert!(required.none.is_some());
        assert_eq!(required.hashcash.unwrap().bits, 6);
        assert_eq!(welcome.your_address.unwrap().ipv6, "::1".parse().ok());
    }

    #[test]
    fn an_address_that_cannot_be_read_does_not_spoil_the_welcome() {
        let frame = r#"{"type":"welcome","welcome":{"motd":"x","your-address":{"port":1,"ipv6":"fe80::1%eth0"}}}"#;
        let Some(ServerMessage::Welcome { welcome }) = ServerMessage::parse(frame) else {
            panic!("not a welcome");
        };
        assert_eq!((welcome.motd.as_deref(), welcome.your_address), (Some("x"), None));
    }

    fn relays(list: &str) -> Vec<Relay> {
        let frame =
            format!(r#"{{"type":"welcome","welcome":{{"motd":"x","transit-relays-v1":{list}}}}}"#);
        let Some(ServerMessage::Welcome { welcome }) = ServerMessage::parse(&frame) else {
            panic!("not a welcome: {frame}");
        };
        assert_eq!(welcome.motd.as_deref(), Some("x"));
        welcome.transit_relays
    }

    #[test]
    fn advertised_relays_are_read_as_they_are_written() {
        let welcome = Welcome {
            transit_relays: vec![
                Relay::parse("tcp:relay.example.com:4001").unwrap(),
                Relay::parse("wss://relay.example.com/relay").unwrap(),
            ],
            ..Welcome::default()
        };
        let json = serde_json::to_string(&welcome).unwrap();
        assert!(
            json.starts_with(r#"{"transit-relays-v1":[{"type":"relay-v1","hints":[{"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Welcome>(&json).unwrap(), welcome);
        assert_eq!(serde_json::to_string(&Welcome::default()).unwrap(), "{}");
    }

    #[test]
    fn of_what_is_advertised_the_unreadable_is_ignored() {
        let usable =
            r#"{"type":"relay-v1","name":"a","hints":[{"type":"websocket","url":"ws://r"}]}"#;
        for list in ["null", "7", "{}", "[]", "[null]", r#"[{"type":"relay-v1","hints":[]}]"#] {
            assert_eq!(relays(list), [], "{list}");
        }
        let long = format!("wss://{}", "r".repeat(MAX_RELAY_URL));
        for unusable in [
            r#"{"type":"direct-tcp-v1","hostname":"192.0.2.7","port":1}"#,
            r#"{"type":"relay-v1","hints":[{"type":"direct-tcp-v1","hostname":"a","port":0}]}"#,
            &format!(r#"{{"type":"relay-v1","hints":[{{"type":"websocket","url":"{long}"}}]}}"#),
            r#"{"type":"pigeon"}"#,
        ] {
            let read = relays(&format!("[{unusable},{usable}]"));
            assert_eq!(read, [Relay::parse("ws://r").unwrap()], "{unusable}");
        }
    }

    #[test]
    fn a_thousand_relays_are_no_thousand_connections() {
        let door = r#"{"type":"direct-tcp-v1","hostname":"192.0.2.7","port":1}"#;
        let relay = format!(r#"{{"type":"relay-v1","hints":[{}]}}"#, vec![door; 1000].join(","));
        let read = relays(&format!("[{}]", vec![&*relay; 100].join(",")));
        assert_eq!(read.len(), MAX_ADVERTISED_RELAYS);
        assert!(read.iter().all(|relay| relay.doors.len() == MAX_ADVERTISED_RELAYS));
    }

    #[test]
    fn a_welcome_is_not_spoilt_by_what_nobody_needs() {
        for nonsense in ["1e999", r#""\ud800""#] {
            for place in [
                format!(r#""later":{nonsense}"#),
                format!(r#""your-address":{{"port":1,"ipv4":"192.0.2.7","later":{nonsense}}}"#),
                format!(r#""your-address":{nonsense}"#),
                format!(r#""transit-relays-v1":{nonsense}"#),
                format!(r#""transit-relays-v1":[{nonsense}]"#),
                format!(r#""permission-required":{{"none":{{}},"later":{nonsense}}}"#),
            ] {
                let frame = format!(r#"{{"type":"welcome","welcome":{{"motd":"x",{place}}}}}"#);
                let Some(ServerMessage::Welcome { welcome }) = ServerMessage::parse(&frame) else {
                    panic!("not a welcome: {frame}");
                };
                assert_eq!(welcome.motd.as_deref(), Some("x"));
            }
        }
    }
}
