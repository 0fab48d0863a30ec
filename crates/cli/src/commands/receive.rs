//! `wormhole receive`: a text from any tool of the family.

use std::sync::Arc;

use wormhole_sync::{Role, TRANSFER_APP_ID, Wormhole, text};
use zeroize::Zeroizing;

use super::blob;
use crate::{
    args::{GlobalArgs, ReceiveArgs},
    exit::Failure,
    json::Event,
    meet::{Meeting, Part, failure},
    settings::{Plan, Settings, Sources},
    term::narrate::Console,
};

/// A transfer that is known to be wanted.
pub(crate) struct Receive {
    settings: Settings,
    plan: Plan,
    part: Part,
}

/// Works out what is to be done.
pub(crate) fn prepare(global: &GlobalArgs, args: &ReceiveArgs) -> Result<Receive, Failure> {
    let settings = Settings::resolve(global, &args.meeting, &args.qr, TRANSFER_APP_ID, false)?;
    let (plan, part) = plan(args)?;
    Ok(Receive { settings, plan, part })
}

/// Receives a text.
pub(crate) async fn run(receive: Receive, console: &Arc<Console>) -> Result<(), Failure> {
    let Receive { settings, plan, part } = receive;
    let meeting = Meeting::new(&settings, console, part);
    let talk = async |mut wormhole: Wormhole| {
        if !meeting.is_verified(&wormhole).await? {
            let reason = "the receiver did not confirm the verifier";
            text::reject(&mut wormhole, reason).await.map_err(failure)?;
            wormhole.close().await.map_err(failure)?;
            return Err(Failure::declined(
                "the verifiers were not confirmed, so nothing was taken; start again with a new code",
            ));
        }
        let message = Zeroizing::new(text::receive(&mut wormhole).await.map_err(failure)?);
        if let Err(failure) = blob::deliver(shown(&message)).await {
            // The sender must not believe that its text has arrived.
            let told = text::reject(&mut wormhole, "the receiver could not write the text").await;
            drop(told.and(wormhole.close().await));
            return Err(failure);
        }
        text::acknowledge(&mut wormhole).await.map_err(self::failure)?;
        console.tell(&Event::Received { bytes: message.len(), text: Some(&message) });
        wormhole.close().await.map_err(failure)
    };
    meeting.hold(plan, talk).await
}

fn plan(args: &ReceiveArgs) -> Result<(Plan, Part), Failure> {
    if args.allocate {
        return Ok((Plan::Make, Part::ReceiveAllocating));
    }
    if args.meeting.code_length.is_some() && args.code.is_some() {
        return Err(Failure::usage(
            "--code-length is for codes that are made here; add --allocate, or leave it out",
        ));
    }
    let sources = Sources {
        args: &args.code_source,
        zero: args.meeting.zero,
        local: args.meeting.local,
        role: Some(Role::Follower),
    };
    Ok((sources.join_or_ask(args.code.as_deref())?, Part::Receive))
}

/// What is written of the text, with the end of its line.
fn shown(message: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = blob::shown(Zeroizing::new(message.as_bytes().to_vec()));
    bytes.push(b'\n');
    bytes
}
