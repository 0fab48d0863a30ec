//! Codes that a person types: asked for, and questioned before the one guess is spent.

use std::{
    sync::mpsc::{SyncSender, sync_channel},
    time::Duration,
};

use tokio::{sync::mpsc, time::timeout};
use wormhole_sync::{Connected, Role};

use super::{Meeting, blocking};
use crate::{
    code::{LOCAL_PREFIX, Place, TypedCode},
    exit::{Failure, failure},
    json::Event,
    term::{ask, prompt::Prompt},
};

/// How long Tab waits for the numbers in use.
const PATIENCE: Duration = Duration::from_secs(2);

/// A question of the prompt's: which numbers are in use?
type NumbersWanted = SyncSender<Vec<String>>;

impl Meeting<'_> {
    /// A code that came as an argument, after its person has been asked about words that are not in
    /// the list. Without a terminal nobody is asked: a code of one's own may have such words.
    pub(super) async fn questioned(&self, code: TypedCode) -> Result<TypedCode, Failure> {
        let stdin_is_taken = self.settings.stdin_is_taken;
        let unknown = code.code.unknown_words();
        if unknown.is_empty() || code.is_zero() || self.console.is_json() {
            return Ok(code);
        }
        if !ask::somebody_is_there(stdin_is_taken) {
            return Ok(code);
        }
        let as_it_is =
            blocking(move || ask::yes_or_no(&ask::about(&unknown), stdin_is_taken)).await?;
        if as_it_is {
            return Ok(code);
        }
        Err(Failure::declined(
            "nothing was claimed, so the code is still good; start again with it",
        ))
    }

    /// Asks for a code, with completion, while the connection is kept. Nothing is claimed. A server
    /// that does not tell its numbers, or fails, does not keep the code from being entered.
    pub(super) async fn typed(
        &self,
        mut connected: Connected,
    ) -> Result<(TypedCode, Connected), Failure> {
        let (prompt, mut wanted) = self.prompt(Place::Server);
        let typing = blocking(move || prompt.run());
        tokio::pin!(typing);
        let mut failed = None;
        let code = loop {
            let answer = tokio::select! {
                code = &mut typing => break code?,
                Some(answer) = wanted.recv() => answer,
            };
            tokio::select! {
                code = &mut typing => break code?,
                numbers = timeout(PATIENCE, connected.nameplates()), if failed.is_none() => match numbers {
                    Ok(Ok(numbers)) => _ = answer.send(numbers), // the prompt may have stopped waiting
                    Ok(Err(error)) => failed = Some(error), // told once the terminal is free again
                    Err(_) => {}
                },
            }
        };
        failed.map_or(Ok((code, connected)), |error| Err(failure(error)))
    }

    /// A prompt for codes of this place, and the way by which its completion asks for numbers.
    pub(super) fn prompt(&self, place: Place) -> (Prompt, mpsc::UnboundedReceiver<NumbersWanted>) {
        let (ask, wanted) = mpsc::unbounded_channel::<NumbersWanted>();
        let silent = self.console.is_json();
        if silent {
            self.console.tell(&Event::AskCode);
        }
        let prompt = Prompt {
            silent,
            prefix: if place == Place::Local { LOCAL_PREFIX } else { "" },
            words: self.settings.words,
            role: Role::Follower,
            numbers: Box::new(move || {
                let (answer, numbers) = sync_channel(1);
                let asked = ask.send(answer).is_ok();
                asked.then(|| numbers.recv_timeout(PATIENCE).ok()).flatten().unwrap_or_default()
            }),
        };
        (prompt, wanted)
    }
}
