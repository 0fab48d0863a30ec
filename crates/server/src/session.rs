//! One connection: what it has bound, claimed and opened so far, and what it is answered.
//!
//! ```text
//!            permission        bind                    claim            open
//!  connected ─────────▶ Unbound ────▶ Bound { nameplate: None ───▶ Some, mailbox: Never ──▶ Open ──▶ Closed }
//! ```
//!
//! A session is a function of its inputs. It turns one frame into verbs of an [`Exchange`], and
//! their results into frames: an `ack` first, then the direct answer. Nothing that a client says
//! ends its connection.

mod orig;
mod reply;

mod bound;
mod permission;

use std::sync::Arc;

use serde::Deserialize;
use wormhole_sync_wire::{
    ClientMessage, Refusal, Request, Side, Welcome,
    server_message::{HashcashRequired, Nothing, PermissionRequired, Reply, YourAddress},
};

use crate::{
    address::Address,
    config::{Limit, Mailbox, Notices, Permission, TransitRelay},
    exchange::{Addition, Client, ConnectionId, Exchange},
};

use bound::{Bound, Turn};
pub(crate) use reply::message as encode_message;
pub use reply::{Outgoing, Outlet};

/// What a server asks of and tells every client alike.
///
/// ```
/// # use wormhole_sync_server::exchange::{ConnectionId, embedded::Embedded};
/// # use wormhole_sync_server::{Limits, session::{Policy, Release, Session}};
/// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// # let mut out = Vec::new();
/// # let (connection, app, side) = (ConnectionId(2), "chat".into(), "b".into());
/// # exchange.allocate(&Client { connection, app, side, address: None }, 0.0).unwrap();
/// # use wormhole_sync_server::exchange::{Client, Exchange};
/// let policy = Policy { allow_list: true, ..Policy::default() };
/// let mut session = Session::new(ConnectionId(1), None, policy.into());
/// session.handle(r#"{"type":"bind","appid":"chat","side":"a"}"#, 0.0, &mut exchange, &mut out);
/// session.handle(r#"{"type":"list"}"#, 0.0, &mut exchange, &mut out);
/// assert!(out.last().unwrap().text.contains(r#""nameplates":[{"id":"#));
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    /// What the welcome says.
    pub notices: Notices,
    /// What comes before `bind`.
    pub permission: Permission,
    /// Whether `list` tells the nameplates.
    pub allow_list: bool,
    /// Bytes of one message.
    pub message_bytes: usize,
    /// Bytes of one message before `bind`, at most as many.
    pub unbound_message_bytes: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self::from(&Mailbox::default())
    }
}

impl From<&Mailbox> for Policy {
    fn from(config: &Mailbox) -> Self {
        Self {
            notices: config.notices.clone(),
            permission: config.permission.clone(),
            allow_list: config.allow_list,
            message_bytes: config.limits.message_bytes,
            unbound_message_bytes: config.limits.unbound_message_bytes,
        }
    }
}

/// Whether the answers to a frame depend on what the exchange has not stored yet.
///
/// ```
/// # use wormhole_sync_server::exchange::{ConnectionId, embedded::Embedded};
/// # use wormhole_sync_server::{Limits, session::{Policy, Release, Session}};
/// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// # let mut out = Vec::new();
/// # let mut session = Session::new(ConnectionId(1), None, Policy::default().into());
/// let ping = session.handle(r#"{"type":"ping","ping":1}"#, 0.0, &mut exchange, &mut out);
/// assert_eq!(ping, Release::AtOnce);
/// session.handle(r#"{"type":"bind","appid":"chat","side":"a"}"#, 0.0, &mut exchange, &mut out);
/// let allocate = session.handle(r#"{"type":"allocate"}"#, 0.0, &mut exchange, &mut out);
/// assert_eq!(allocate, Release::AfterCommit);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// They may be sent at once.
    AtOnce,
    /// They must wait until the changes so far are stored.
    AfterCommit,
}

/// One connection's state.
///
/// Call [`welcome`](Self::welcome) first, then [`handle`](Self::handle) with each frame in order,
/// and [`leave`](Self::leave) last. What they push is to be sent in that order.
///
/// ```
/// # use wormhole_sync_server::exchange::{ConnectionId, embedded::Embedded};
/// # use wormhole_sync_server::{Limits, session::{Policy, Release, Session}};
/// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// # let mut out = Vec::new();
/// let mut session = Session::new(ConnectionId(1), None, Policy::default().into());
/// out.push(session.welcome(None, 0.0));
/// session.handle(r#"{"type":"bind","appid":"chat","side":"a"}"#, 0.0, &mut exchange, &mut out);
/// session.leave(1.0, &mut exchange);
/// assert!(out[0].text.starts_with(r#"{"type":"welcome""#));
/// assert!(out[1].text.starts_with(r#"{"type":"ack""#));
/// ```
pub struct Session {
    connection: ConnectionId,
    address: Option<Address>,
    policy: Arc<Policy>,
    state: State,
}

/// What makes a connection worth keeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Nothing,
    /// A nameplate, and no mailbox yet: nobody listens there, so that both end after a while.
    Nameplate,
    /// An open mailbox.
    Mailbox,
}

enum State {
    /// With the work that is asked of it before `bind`, in bits.
    Unbound {
        bits: Option<u32>,
        permitted: bool,
    },
    Bound(Box<Bound>),
}

impl State {
    const fn new(bits: Option<u32>) -> Self {
        Self::Unbound { bits, permitted: bits.is_none() }
    }
}

impl Session {
    /// The state of a new connection. Its mailboxes count against `address`, if any.
    ///
    /// ```
    /// use wormhole_sync_server::{exchange::ConnectionId, session::{Policy, Session}};
    ///
    /// let session = Session::new(ConnectionId(1), None, Policy::default().into());
    /// assert!(!session.is_bound());
    /// ```
    pub fn new(connection: ConnectionId, address: Option<Address>, policy: Arc<Policy>) -> Self {
        let state = State::new(policy.permission.bits(0.0));
        Self { connection, address, policy, state }
    }

    /// The same for a client that comes while so many do so a second. What is asked of it then holds
    /// for as long as it stays.
    ///
    /// ```
    /// # use wormhole_sync_server::exchange::ConnectionId;
    /// use wormhole_sync_server::{Permission, session::{Policy, Session}};
    ///
    /// let (max_bits, resource) = (Permission::MAX_BITS, "example.com".to_owned());
    /// let permission = Permission::UnderLoad { level: 100, bits: 18, max_bits, resource };
    /// let policy = Policy { permission, ..Policy::default() };
    /// let session = Session::new(ConnectionId(1), None, policy.into()).under_load(250.0);
    /// assert!(session.welcome(None, 0.0).text.contains(r#""bits":19"#));
    /// ```
    #[must_use]
    pub fn under_load(mut self, load: f64) -> Self {
        self.state = State::new(self.policy.permission.bits(load));
        self
    }

    /// What the server says first, before the client has bound.
    ///
    /// ```
    /// use wormhole_sync_server::{exchange::ConnectionId, session::{Policy, Session}};
    ///
    /// # let session = Session::new(ConnectionId(1), None, Policy::default().into());
    /// let welcome = session.welcome(None, 1.5);
    /// assert_eq!(welcome.to, ConnectionId(1));
    /// assert_eq!(welcome.text, r#"{"type":"welcome","welcome":{},"server_tx":1.5}"#);
    /// ```
    pub fn welcome(&self, your_address: Option<YourAddress>, now: f64) -> Outgoing {
        let Notices { motd, error, current_cli_version, transit_relays } =
            self.policy.notices.clone();
        let permission_required = self.policy.permission.resource().map(|resource| {
            let hashcash =
                self.bits().map(|bits| HashcashRequired { bits, resource: resource.to_owned() });
            PermissionRequired { none: hashcash.is_none().then_some(Nothing {}), hashcash }
        });
        let welcome = Welcome {
            motd,
            error,
            current_cli_version,
            permission_required,
            your_address,
            transit_relays: transit_relays.iter().filter_map(TransitRelay::hint).collect(),
        };
        reply::to(self.connection, &Reply::Welcome { welcome: &welcome }, now)
    }

    /// Answers one frame, `now` in Unix seconds. The answers, and what other connections get to
    /// hear, go to `out`.
    ///
    /// ```
    /// # use wormhole_sync_server::exchange::{ConnectionId, embedded::Embedded};
    /// # use wormhole_sync_server::{Limits, session::{Policy, Release, Session}};
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let mut out = Vec::new();
    /// # let mut session = Session::new(ConnectionId(1), None, Policy::default().into());
    /// session.handle(r#"{"type":"ping","id":"x","ping":7}"#, 1.5, &mut exchange, &mut out);
    /// assert_eq!(out[0].text, r#"{"type":"ack","id":"x","server_tx":1.5}"#);
    /// assert_eq!(out[1].text, r#"{"type":"pong","pong":7,"server_tx":1.5}"#);
    /// ```
    pub fn handle(
        &mut self,
        frame: &str,
        now: f64,
        exchange: &mut dyn Exchange,
        out: &mut dyn Outlet,
    ) -> Release {
        if frame.len() > self.message_limit() {
            self.refuse_too_large(frame, now, out);
            return Release::AtOnce;
        }
        let request = match Request::parse(frame) {
            Ok(request) => request,
            Err(refusal) => {
                self.refuse(&refusal, Some(frame), now, out);
                return Release::AtOnce;
            }
        };
        reply::ack(self.connection, request.id, now, out);
        let mut turn = Turn { connection: self.connection, id: request.id, now, exchange, out };
        let message = request.message.map_err(|refusal| self.before_bind(frame, refusal));
        match message.and_then(|message| self.obey(message, &mut turn)) {
            Ok(release) => release,
            Err(refusal) => {
                self.refuse(&refusal, Some(frame), now, out);
                // The refusal may rest on a change that is not stored yet.
                if self.is_bound() { Release::AfterCommit } else { Release::AtOnce }
            }
        }
    }

    /// Bytes of the longest message that is taken now.
    ///
    /// ```
    /// use wormhole_sync_server::{exchange::ConnectionId, session::{Policy, Session}};
    ///
    /// let policy = Policy::default();
    /// let most = policy.unbound_message_bytes;
    /// let session = Session::new(ConnectionId(1), None, policy.into());
    /// assert_eq!(session.message_limit(), most); // more after `bind`
    /// ```
    pub fn message_limit(&self) -> usize {
        self.size_limit().1
    }

    /// The limit that a message is held to now, and how many bytes it is.
    pub(crate) fn size_limit(&self) -> (Limit, usize) {
        let Policy { message_bytes, unbound_message_bytes, .. } = *self.policy;
        if self.is_bound() || message_bytes <= unbound_message_bytes {
            (Limit::MessageBytes, message_bytes)
        } else {
            (Limit::UnboundMessageBytes, unbound_message_bytes)
        }
    }

    /// Answers a message beyond the [limit](Self::message_limit), of which the beginning is enough.
    ///
    /// ```
    /// # use wormhole_sync_server::exchange::ConnectionId;
    /// # use wormhole_sync_server::session::{Policy, Session};
    /// # let mut out = Vec::new();
    /// # let session = Session::new(ConnectionId(1), None, Policy::default().into());
    /// session.refuse_too_large(r#"{"type":"add","id":"7","phase":"0","bo"#, 1.5, &mut out);
    /// assert!(out[0].text.contains(r#""orig":{"type":"add","id":"7"}"#));
    /// ```
    pub fn refuse_too_large(&self, beginning: &str, now: f64, out: &mut dyn Outlet) {
        let (limit, most) = self.size_limit();
        self.refuse(&limit.refusal(most), Some(beginning), now, out);
    }

    /// Answers something that is no message at all, such as bytes that are no text.
    ///
    /// ```
    /// # use wormhole_sync_server::exchange::{ConnectionId, embedded::Embedded};
    /// # use wormhole_sync_server::{Limits, session::{Policy, Release, Session}};
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let mut out = Vec::new();
    /// # let mut session = Session::new(ConnectionId(1), None, Policy::default().into());
    /// session.refuse(&"not UTF-8".into(), None, 1.5, &mut out);
    /// assert_eq!(out[0].text, r#"{"type":"error","error":"not UTF-8","server_tx":1.5}"#);
    /// ```
    pub fn refuse(&self, refusal: &Refusal, frame: Option<&str>, now: f64, out: &mut dyn Outlet) {
        out.say(reply::error(self.connection, &refusal.0, frame, now));
    }

    /// The connection is gone: it listens no more. Its side stays in the exchange.
    ///
    /// ```
    /// # use wormhole_sync_server::exchange::{ConnectionId, embedded::Embedded};
    /// # use wormhole_sync_server::{Limits, session::{Policy, Release, Session}};
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let mut out = Vec::new();
    /// # let mut session = Session::new(ConnectionId(1), None, Policy::default().into());
    /// session.handle(r#"{"type":"bind","appid":"chat","side":"a"}"#, 0.0, &mut exchange, &mut out);
    /// session.leave(1.0, &mut exchange);
    /// assert!(!session.is_bound());
    /// ```
    pub fn leave(&mut self, now: f64, exchange: &mut dyn Exchange) {
        if let State::Bound(bound) = &self.state {
            bound.leave(now, exchange);
        }
        self.state = State::Unbound { bits: None, permitted: false };
    }

    /// Whether the connection has said who it is.
    ///
    /// ```
    /// # use wormhole_sync_server::exchange::{ConnectionId, embedded::Embedded};
    /// # use wormhole_sync_server::{Limits, session::{Policy, Release, Session}};
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let mut out = Vec::new();
    /// # let mut session = Session::new(ConnectionId(1), None, Policy::default().into());
    /// session.handle(r#"{"type":"bind","appid":"chat","side":"a"}"#, 0.0, &mut exchange, &mut out);
    /// assert!(session.is_bound());
    /// ```
    pub const fn is_bound(&self) -> bool {
        matches!(self.state, State::Bound(_))
    }

    /// Whether the client is asked for hashcash before it binds.
    pub(crate) const fn must_work(&self) -> bool {
        self.bits().is_some()
    }

    const fn bits(&self) -> Option<u32> {
        match self.state {
            State::Unbound { bits, .. } => bits,
            State::Bound(_) => None,
        }
    }

    /// Whose session it is.
    pub(crate) const fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// What it has claimed or opened, and not let go.
    pub(crate) fn holds(&self) -> Holds {
        match &self.state {
            State::Bound(bound) => bound.holds(),
            State::Unbound { .. } => Holds::Nothing,
        }
    }

    fn obey(
        &mut self,
        message: ClientMessage<'_>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Release, Refusal> {
        match message {
            ClientMessage::Ping(value) => {
                reply::pong(self.connection, &value, turn.now, turn.out);
                return Ok(Release::AtOnce);
            }
            ClientMessage::SubmitPermissions { stamp } => {
                self.submit_permissions(&stamp, turn)?;
                return Ok(Release::AtOnce);
            }
            ClientMessage::Bind { app_id, side, client_version } => {
                let program = client_version.as_ref();
                self.bind(
                    &app_id,
                    &side,
                    program.map(|(name, version)| (&**name, &**version)),
                    turn,
                )?;
                return Ok(Release::AtOnce);
            }
            _ => {}
        }
        let State::Bound(bound) = &mut self.state else { return Err("must bind first".into()) };
        match message {
            ClientMessage::List => bound.list(self.policy.allow_list, turn)?,
            ClientMessage::Allocate => bound.allocate(turn)?,
            ClientMessage::Claim { nameplate, mailbox } => {
                bound.claim(nameplate, mailbox.as_ref(), turn)?;
            }
            ClientMessage::Release(nameplate) => bound.release(nameplate.as_ref(), turn)?,
            ClientMessage::Open(mailbox) => bound.open(mailbox, turn)?,
            ClientMessage::Add { phase, body } => {
                bound.add(Addition { phase, body, id: turn.id }, turn)?;
            }
            ClientMessage::Close { mailbox, mood } => bound.close(mailbox.as_ref(), mood, turn)?,
            ClientMessage::Ping(_)
            | ClientMessage::SubmitPermissions { .. }
            | ClientMessage::Bind { .. } => {}
        }
        Ok(Release::AfterCommit)
    }

    fn submit_permissions(&mut self, stamp: &str, turn: &mut Turn<'_, '_>) -> Result<(), Refusal> {
        let State::Unbound { bits, permitted } = &mut self.state else {
            return Err("submit-permissions must come before bind".into());
        };
        let (Some(bits), Some(resource)) = (*bits, self.policy.permission.resource()) else {
            return Ok(());
        };
        let (digest, day) = permission::check(stamp, bits, resource, turn.now)?;
        if !turn.exchange.spend(digest, day) {
            return Err("the stamp was used before: make a new one".into());
        }
        *permitted = true;
        Ok(())
    }

    fn bind(
        &mut self,
        app: &str,
        side: &Side,
        program: Option<(&str, &str)>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), Refusal> {
        match self.state {
            State::Bound(_) => Err("already bound".into()),
            State::Unbound { permitted: false, .. } => {
                Err("permission required: submit a hashcash stamp before bind".into())
            }
            State::Unbound { permitted: true, .. } => {
                let client = Client {
                    connection: self.connection,
                    app: turn.exchange.share(app),
                    side: side.as_str().into(),
                    address: self.address,
                };
                turn.exchange.greet(&client, program, turn.now);
                self.state = State::Bound(Box::new(Bound::new(client)));
                Ok(())
            }
        }
    }

    /// Before `bind`, a message that needs it is refused for that, whatever else is wrong with it.
    fn before_bind(&self, frame: &str, refusal: Refusal) -> Refusal {
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(borrow, rename = "type")]
            kind: std::borrow::Cow<'a, str>,
        }
        let allowed = |kind: &str| matches!(kind, "ping" | "bind" | "submit-permissions");
        let needs_bind =
            || serde_json::from_str::<Kind<'_>>(frame).is_ok_and(|kind| !allowed(&kind.kind));
        if !self.is_bound() && needs_bind() { "must bind first".into() } else { refusal }
    }
}
