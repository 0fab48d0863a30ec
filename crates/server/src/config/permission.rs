//! What a client must bring before it is served.

use data_encoding::HEXLOWER;

/// What is asked of a client before `bind`.
///
/// ```
/// use wormhole_sync_server::{Permission, exchange::ConnectionId, session::{Policy, Session}};
///
/// let permission = Permission::Hashcash { bits: 20, resource: "example.com".into() };
/// let policy = Policy { permission, ..Policy::default() };
/// # let session = Session::new(ConnectionId(1), None, policy.into());
/// let welcome = session.welcome(None, 0.0).text;
/// assert!(welcome.contains(r#""hashcash":{"bits":20,"resource":"example.com"}"#));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Permission {
    /// Nothing.
    #[default]
    None,
    /// A hashcash stamp, good once and within two days of its date.
    Hashcash {
        /// Leading zero bits of the stamp's SHA-1: a client's expected work is 2^bits hashes.
        bits: u32,
        /// What the stamp must be made for; usually the server's name. A server that starts adds
        /// a random part, for it knows only the stamps that were spent since.
        resource: String,
    },
    /// A hashcash stamp while many clients come, of more bits the more they are.
    UnderLoad {
        /// Clients a second, smoothed over some ten seconds, from which on stamps are asked for.
        level: u32,
        /// Leading zero bits at that level. Each time that twice as many come it is one more.
        bits: u32,
        /// The most that are asked for; usually [`Permission::MAX_BITS`].
        max_bits: u32,
        /// As above.
        resource: String,
    },
}

impl Permission {
    /// The most bits that our clients work for unless they are told otherwise: a server that asks for
    /// more turns everybody away. It is a few seconds of work.
    ///
    /// ```
    /// use wormhole_sync_server::Permission;
    ///
    /// let (max_bits, resource) = (Permission::MAX_BITS, "example.com".to_owned());
    /// let permission = Permission::UnderLoad { level: 100, bits: 18, max_bits, resource };
    /// assert!(format!("{permission:?}").contains("max_bits: 24"));
    /// ```
    pub const MAX_BITS: u32 = 24;

    /// The bits that are asked of a client who comes at this load; `None` for none.
    pub(crate) fn bits(&self, load: f64) -> Option<u32> {
        match self {
            Self::None => None,
            Self::Hashcash { bits, .. } => Some(*bits),
            Self::UnderLoad { level, bits, max_bits, .. } => {
                let times = load / f64::from((*level).max(1));
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "the logarithm of a number that is not below one, and small"
                )]
                let more = || times.log2() as u32;
                (times >= 1.0).then(|| bits.saturating_add(more()).min(*max_bits))
            }
        }
    }

    /// What stamps are made for.
    pub(crate) fn resource(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Hashcash { resource, .. } | Self::UnderLoad { resource, .. } => Some(resource),
        }
    }

    /// The same, with stamps that are of no use to any other start of the server.
    pub(crate) fn of_this_start(mut self, random: [u8; 8]) -> Self {
        if let Self::Hashcash { resource, .. } | Self::UnderLoad { resource, .. } = &mut self {
            *resource = format!("{resource}/{}", HEXLOWER.encode(&random));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_grow_with_the_load_up_to_the_most() {
        let (resource, max_bits) = ("r".to_owned(), Permission::MAX_BITS);
        let permission = Permission::UnderLoad { level: 100, bits: 18, max_bits, resource };
        for (load, bits) in [
            (0.0, None),
            (99.9, None),
            (100.0, Some(18)),
            (199.0, Some(18)),
            (200.0, Some(19)),
            (1600.0, Some(22)),
            (1e6, Some(24)),
            (f64::INFINITY, Some(24)),
        ] {
            assert_eq!(permission.bits(load), bits, "{load}");
        }
    }
}
