//! How settings are written that are neither times nor sizes.

use std::net::SocketAddr;

use serde::Deserialize;

/// A text, unless nothing is said in it.
pub(super) fn said(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// A text, and nothing that is to be taken for one.
pub(super) fn text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match toml::Value::deserialize(from)? {
        toml::Value::String(text) => Ok(text),
        _ => Err(serde::de::Error::custom("write a text, between quotes")),
    }
}

pub(super) fn addresses<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Vec<SocketAddr>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let address = |text: &String| {
        text.parse().map_err(|_| {
            serde::de::Error::custom("write ADDRESS:PORT, such as 127.0.0.1:4000 or [::1]:4000")
        })
    };
    texts.iter().map(address).collect()
}

/// Networks as texts.
pub(super) mod networks {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use wormhole_sync_server::config::Network;

    pub(in super::super) fn serialize<S: Serializer>(
        networks: &[Network],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(networks.iter().map(ToString::to_string))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Network>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}
