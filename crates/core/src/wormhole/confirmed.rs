//! A confirmed key, as a value.

use serde_json::{Map, Value};
use wormhole_sync_wire::version_message::VersionMessage;

use crate::{
    error::Error,
    key::{SharedKey, Verifier},
    phase::Sealed,
};

/// What is known once the key is confirmed. Only the opening of the peer's `version` makes one.
///
/// ```
/// use wormhole_sync_core::Event;
///
/// # let mut meeting = wormhole_sync_testkit::doc::Meeting::new();
/// # for wormhole in [&mut meeting.one, &mut meeting.other] {
/// #     wormhole.set_code(wormhole_sync_core::Code::parse("4-a").ok().unwrap()).unwrap();
/// # }
/// # let confirmed = meeting.run().map(|events| events.into_iter().find_map(|event| match event {
/// #     Event::Confirmed(confirmed) => Some(confirmed),
/// #     _ => None,
/// # }));
/// let [Some(ours), Some(theirs)] = confirmed else { panic!("both confirm the key") };
/// assert_eq!(ours.verifier(), theirs.verifier());
/// assert_eq!(ours.peer_versions().len(), 0);
/// ```
pub struct Confirmed {
    verifier: Verifier,
    peer_versions: VersionMessage,
}

impl Confirmed {
    /// Opens the peer's `version`: it can only be sealed by who knows the same code.
    pub(super) fn open(key: &SharedKey, version: &Sealed) -> Result<Self, Error> {
        let plaintext = version.open(key).map_err(|_| Error::WrongCode)?.into_plaintext();
        let peer_versions = VersionMessage::decode(&plaintext).ok_or(Error::PeerVersions)?;
        Ok(Self { verifier: key.verifier(), peer_versions })
    }

    /// The value to compare aloud.
    ///
    /// ```
    /// use wormhole_sync_core::Event;
    ///
    /// # let mut meeting = wormhole_sync_testkit::doc::Meeting::new();
    /// # for wormhole in [&mut meeting.one, &mut meeting.other] {
    /// #     wormhole.set_code(wormhole_sync_core::Code::parse("4-a").ok().unwrap()).unwrap();
    /// # }
    /// # let confirmed = meeting.run().map(|events| events.into_iter().find_map(|event| match event {
    /// #     Event::Confirmed(confirmed) => Some(confirmed),
    /// #     _ => None,
    /// # }));
    /// # let [Some(confirmed), _] = confirmed else { panic!("both confirm the key") };
    /// assert_eq!(Some(confirmed.verifier()), meeting.one.key().map(|key| key.verifier()));
    /// ```
    pub const fn verifier(&self) -> Verifier {
        self.verifier
    }

    /// What the peer's application said of itself.
    ///
    /// ```
    /// use wormhole_sync_core::{Event, Settings, Wormhole};
    ///
    /// # let mut meeting = wormhole_sync_testkit::doc::Meeting::new();
    /// # let mut settings = wormhole_sync_testkit::doc::settings();
    /// settings.app_versions.insert("emoji".into(), true.into()); // on the other side
    /// # meeting.other = Wormhole::new(settings, [2; 32], wormhole_sync_core::Moment::ZERO);
    /// # for wormhole in [&mut meeting.one, &mut meeting.other] {
    /// #     wormhole.set_code(wormhole_sync_core::Code::parse("4-a").ok().unwrap()).unwrap();
    /// # }
    /// # let [events, _] = meeting.run();
    /// let confirmed = events.iter().find_map(|event| match event {
    ///     Event::Confirmed(confirmed) => Some(confirmed),
    ///     _ => None,
    /// });
    /// assert_eq!(confirmed.unwrap().peer_versions()["emoji"], true);
    /// ```
    pub const fn peer_versions(&self) -> &Map<String, Value> {
        &self.peer_versions.app_versions
    }
}
