//! Somebody who speaks the wire by hand.

use wormhole_sync_core::wire::{
    AppId, ClientMessage, MailboxId, Mood, Nameplate, ServerMessage, Side, hex,
};
use wormhole_sync_server::exchange::ConnectionId;

use crate::world::World;

/// A connection without a machine behind it: says what a test wants to be said.
#[derive(Clone, Copy, Debug)]
pub struct Stranger {
    connection: ConnectionId,
}

impl Stranger {
    /// Connects to a world's server.
    pub fn connect(world: &mut World) -> Self {
        Self { connection: world.accept() }
    }

    /// Says one message, and returns what the server answers at once.
    pub fn say(&self, world: &mut World, message: &ClientMessage<'_>) -> Vec<ServerMessage> {
        let answers = world.say(self.connection, &message.encode("stranger"));
        answers.iter().filter_map(|frame| ServerMessage::parse(frame)).collect()
    }

    /// Binds, claims and opens; returns the mailbox, or the server's refusal.
    pub fn enter(
        &self,
        world: &mut World,
        app_id: &str,
        side: &str,
        nameplate: &str,
    ) -> Result<MailboxId, String> {
        let app_id = AppId::new(app_id).map_err(|error| error.to_string())?;
        let side = Side::new(side).map_err(|error| error.to_string())?;
        self.say(world, &ClientMessage::Bind { app_id, side, client_version: None });
        let nameplate = Nameplate::new(nameplate).map_err(|error| error.to_string())?;
        for answer in self.say(world, &ClientMessage::Claim { nameplate, mailbox: None }) {
            match answer {
                ServerMessage::Claimed { mailbox } => {
                    self.say(world, &ClientMessage::Open(mailbox.clone()));
                    return Ok(mailbox);
                }
                ServerMessage::Error { error, .. } => return Err(error),
                _ => {}
            }
        }
        Err("no answer".to_owned())
    }

    /// Adds a message of any phase and body.
    pub fn add(&self, world: &mut World, phase: &str, body: &[u8]) {
        let body = hex::encode(body);
        self.say(world, &ClientMessage::Add { phase: phase.into(), body: body.into() });
    }

    /// Leaves with a mood.
    pub fn close(&self, world: &mut World, mood: Mood) {
        self.say(world, &ClientMessage::Close { mailbox: None, mood: Some(mood) });
    }
}
