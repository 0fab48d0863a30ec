//! Hints: where a side can be reached for bulk bytes.
//!
//! A list of hints is a stranger's. What is not understood in it is passed over, as in every peer:
//! other kinds, addresses without a port, names that cannot be one. At most
//! [`MAX_HINTS`] are kept, so that nobody makes this computer knock at
//! a thousand doors.

use std::{fmt, num::NonZeroU16};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::limits::{MAX_HINTS, MAX_HOSTNAME};

/// One way to reach a side.
///
/// ```
/// use wormhole_sync_wire::hint::Hint;
///
/// let hint = r#"{"type":"direct-tcp-v1","hostname":"192.0.2.7","port":4001}"#;
/// let hint: Hint = serde_json::from_str(hint).unwrap();
/// assert!(matches!(hint, Hint::Direct(endpoint) if endpoint.to_string() == "192.0.2.7:4001"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Hint {
    /// A TCP port of the side's own.
    #[serde(rename = "direct-tcp-v1")]
    Direct(Endpoint),
    /// An address that Tor alone can reach.
    #[serde(rename = "tor-tcp-v1")]
    Tor(Endpoint),
    /// A relay where both meet.
    #[serde(rename = "relay-v1")]
    Relay(Relay),
}

/// A relay, and the equally good ways to reach it.
///
/// ```
/// use wormhole_sync_wire::hint::Relay;
///
/// let relay = Relay::parse("tcp:relay.example.com:4001").unwrap();
/// assert_eq!(relay, Relay::parse("tcp://relay.example.com:4001").unwrap());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Relay {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is reached; any one is enough.
    #[serde(default, rename = "hints", deserialize_with = "understood")]
    pub doors: Vec<Door>,
}

/// One way to reach a relay.
///
/// ```
/// use wormhole_sync_wire::hint::{Door, Relay};
///
/// let relay = Relay::parse("wss://relay.example.com/transit").unwrap();
/// assert!(matches!(&relay.doors[..], [Door::WebSocket { url }] if url.starts_with("wss:")));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Door {
    /// A TCP port.
    #[serde(rename = "direct-tcp-v1")]
    Tcp(Endpoint),
    /// A WebSocket. The Rust peer says `websocket`, the written protocol `websocket-v1`.
    #[serde(rename = "websocket", alias = "websocket-v1")]
    WebSocket {
        /// `ws://` or `wss://`.
        url: String,
    },
}

/// A name or address, and a TCP port.
///
/// ```
/// use wormhole_sync_wire::hint::Endpoint;
///
/// let endpoint = Endpoint::new("2001:db8::1", 4001).unwrap();
/// assert_eq!(endpoint.to_string(), "[2001:db8::1]:4001");
/// assert!(Endpoint::new("two words", 4001).is_none());
/// assert!(Endpoint::new("example.com", 0).is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "AnyEndpoint")]
pub struct Endpoint {
    hostname: String,
    port: NonZeroU16,
    priority: f64,
}

#[derive(Deserialize)]
struct AnyEndpoint {
    hostname: String,
    port: u16,
    #[serde(default)]
    priority: f64,
}

impl Endpoint {
    /// An endpoint of priority 0; `None` where the name cannot be one, or the port is 0.
    ///
    /// ```
    /// use wormhole_sync_wire::hint::Endpoint;
    ///
    /// assert_eq!(Endpoint::new("192.0.2.7", 4001).unwrap().hostname(), "192.0.2.7");
    /// ```
    pub fn new(hostname: &str, port: u16) -> Option<Self> {
        let printable = |byte: u8| byte.is_ascii_graphic() && !b"/@[]\"\\".contains(&byte);
        // Names beyond ASCII are resolved in their xn-- form.
        let possible = (1..=MAX_HOSTNAME).contains(&hostname.len())
            && hostname.bytes().all(|byte| !byte.is_ascii() || printable(byte))
            && !hostname.chars().any(char::is_control);
        let port = NonZeroU16::new(port)?;
        possible.then(|| Self { hostname: hostname.to_owned(), port, priority: 0.0 })
    }

    /// The name or address, without brackets.
    ///
    /// ```
    /// # let endpoint = wormhole_sync_wire::hint::Endpoint::new("::1", 1).unwrap();
    /// assert_eq!(endpoint.hostname(), "::1");
    /// ```
    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    /// The port.
    ///
    /// ```
    /// # let endpoint = wormhole_sync_wire::hint::Endpoint::new("::1", 4001).unwrap();
    /// assert_eq!(endpoint.port(), 4001);
    /// ```
    pub const fn port(&self) -> u16 {
        self.port.get()
    }

    /// How much its side would rather be reached here than elsewhere. More is sooner; 0 is usual.
    ///
    /// ```
    /// # let endpoint = wormhole_sync_wire::hint::Endpoint::new("::1", 4001).unwrap();
    /// assert_eq!(endpoint.priority(), 0.0);
    /// ```
    pub const fn priority(&self) -> f64 {
        self.priority
    }
}

impl TryFrom<AnyEndpoint> for Endpoint {
    type Error = &'static str;

    fn try_from(any: AnyEndpoint) -> Result<Self, Self::Error> {
        let endpoint = Self::new(&any.hostname, any.port).ok_or("no name and port")?;
        Ok(Self { priority: any.priority, ..endpoint })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hostname, port) = (&self.hostname, self.port);
        if hostname.contains(':') {
            write!(f, "[{hostname}]:{port}")
        } else {
            write!(f, "{hostname}:{port}")
        }
    }
}

/// As [`Relay::parse`] reads it.
impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(endpoint) => write!(f, "tcp:{endpoint}"),
            Self::WebSocket { url } => f.write_str(url),
        }
    }
}

impl Relay {
    /// Reads what people write: `tcp:HOST:PORT` as the Python tool does (with an optional
    /// `:priority=N`), `tcp://HOST:PORT`, `ws://…` and `wss://…`. `None` for anything else.
    ///
    /// ```
    /// use wormhole_sync_wire::hint::Relay;
    ///
    /// assert!(Relay::parse("tcp:[::1]:4001").is_some());
    /// assert!(Relay::parse("tcp:relay.example.com:4001:priority=2.5").is_some());
    /// assert!(Relay::parse("relay.example.com").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        if ["ws://", "wss://"].iter().any(|scheme| text.starts_with(scheme)) {
            let door = Door::WebSocket { url: text.to_owned() };
            return Some(Self { name: None, doors: vec![door] });
        }
        let rest = text.strip_prefix("tcp:")?;
        let rest = rest.strip_prefix("//").unwrap_or(rest).trim_end_matches('/');
        let (hostname, rest) = match rest.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once("]:")?,
            None => rest.split_once(':')?,
        };
        let (port, priority) = match rest.split_once(":priority=") {
            Some((port, priority)) => (port, priority.parse().ok()?),
            None => (rest, 0.0),
        };
        let endpoint = Endpoint { priority, ..Endpoint::new(hostname, port.parse().ok()?)? };
        Some(Self { name: None, doors: vec![Door::Tcp(endpoint)] })
    }
}

/// Reads a list; keeps what is understood of its first [`MAX_HINTS`] elements.
pub(crate) fn understood<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    list: D,
) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Element<T> {
        Understood(T),
        Other(de::IgnoredAny),
    }
    struct List<T>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>> de::Visitor<'de> for List<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut kept = Vec::new();
            for _ in 0..MAX_HINTS {
                match list.next_element()? {
                    Some(Element::Understood(element)) => kept.push(element),
                    Some(Element::Other(de::IgnoredAny)) => {}
                    None => return Ok(kept),
                }
            }
            while list.next_element::<de::IgnoredAny>()?.is_some() {}
            Ok(kept)
        }
    }
    list.deserialize_seq(List(std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Hints(#[serde(deserialize_with = "understood")] Vec<Hint>);

    fn read(text: &str) -> Vec<Hint> {
        serde_json::from_str::<Hints>(text).unwrap().0
    }

    #[test]
    fn the_hints_of_the_python_and_the_rust_tool() {
        let direct = Endpoint::new("192.0.2.7", 36_107).unwrap();
        let relay = Endpoint::new("transit.magic-wormhole.io", 4001).unwrap();
        assert_eq!(
            read(
                r#"[{"type":"direct-tcp-v1","priority":0.0,"hostname":"192.0.2.7","port":36107},
                {"type":"relay-v1","hints":[{"type":"direct-tcp-v1","priority":0.0,
                "hostname":"transit.magic-wormhole.io","port":4001}]},
                {"type":"relay-v1","name":null,"hints":[{"type":"websocket","url":"wss://r.example"}]}]"#
            ),
            [
                Hint::Direct(direct),
                Hint::Relay(Relay { name: None, doors: vec![Door::Tcp(relay)] }),
                Hint::Relay(Relay::parse("wss://r.example").unwrap()),
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        let text = r#"[1, null, [], {}, {"type":"direct-udt-v1","hostname":"a","port":1},
            {"type":"direct-tcp-v1","hostname":"a"}, {"type":"direct-tcp-v1","hostname":"a","port":0},
            {"type":"direct-tcp-v1","hostname":"a","port":65536},
            {"type":"direct-tcp-v1","hostname":"","port":1},
            {"type":"direct-tcp-v1","hostname":"a b","port":1},
            {"type":"direct-tcp-v1","hostname":"a\u0007","port":1},
            {"type":"direct-tcp-v1","hostname":7,"port":1},
            {"type":"tor-tcp-v1","hostname":"x.onion","port":80,"later":{}}]"#;
        assert_eq!(read(text), [Hint::Tor(Endpoint::new("x.onion", 80).unwrap())]);
        let relay = r#"[{"type":"relay-v1","hints":[{"type":"pigeon"},{"type":"websocket-v1","url":"ws://r"}]}]"#;
        assert!(
            matches!(&read(relay)[..], [Hint::Relay(relay)] if relay.doors.len() == 1),
            "{relay}"
        );
    }

    #[test]
    fn a_thousand_hints_are_no_thousand_doors() {
        let one = r#"{"type":"direct-tcp-v1","hostname":"192.0.2.7","port":1},"#;
        let text = format!("[{}{{}}]", one.repeat(1000));
        assert_eq!(read(&text).len(), MAX_HINTS);
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["tcp:[2001:db8::1]:4001", "tcp:relay.example.com:1:priority=-1.5", "ws://r/"] {
            let relay = Relay::parse(text).unwrap();
            assert!(text.starts_with(&relay.doors[0].to_string()), "{text}");
            let hint = Hint::Relay(relay);
            let json = serde_json::to_string(&[&hint]).unwrap();
            assert_eq!(read(&json), [hint], "{json}");
        }
    }

    #[test]
    fn what_people_write_wrong_is_no_relay() {
        for text in [
            "",
            "tcp",
            "tcp:",
            "tcp:a",
            "tcp:a:",
            "tcp:a:x",
            "tcp:a:0",
            "tcp:a:70000",
            "tcp:[::1]",
            "tcp:a:1:priority=x",
            "udp:a:1",
            "a:1",
            "http://a",
            "tcp: a:1",
        ] {
            assert_eq!(Relay::parse(text), None, "{text}");
        }
    }
}
