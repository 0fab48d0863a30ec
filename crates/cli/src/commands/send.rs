//! `wormhole send`: a text to any tool of the family.

use std::sync::Arc;

use wormhole_sync::{Role, TRANSFER_APP_ID, Wormhole, text};
use zeroize::Zeroizing;

use super::blob;
use crate::{
    args::{GlobalArgs, SendArgs},
    exit::Failure,
    json::Event,
    meet::{Meeting, Part, failure},
    settings::{Plan, Settings, Sources},
    term::{ask, narrate::Console},
};

/// A transfer whose text is known.
pub(crate) struct Send {
    settings: Settings,
    plan: Plan,
    message: Zeroizing<String>,
}

/// Works out what is to be done, and reads the text.
pub(crate) fn prepare(
    global: &GlobalArgs,
    args: &SendArgs,
    console: &Console,
) -> Result<Send, Failure> {
    if let Some(path) = &args.path {
        return Err(Failure::usage(format!(
            "'{}' is a file or directory, and sending those comes with a later version; send a text with \
             --text, or exchange small files with 'wormhole exchange --file'",
            path.display()
        )));
    }
    let stdin_is_taken = args.text.as_deref() == Some("-");
    let settings =
        Settings::resolve(global, &args.meeting, &args.qr, TRANSFER_APP_ID, stdin_is_taken)?;
    let sources = Sources {
        args: &args.code_source,
        zero: args.meeting.zero,
        local: args.meeting.local,
        role: Some(Role::Leader),
    };
    let plan = sources.choose_or_make(args.code.as_deref())?;
    let message = message(args, console)?;
    blob::refuse_too_long(message.len(), "the text")?;
    console.tell(&Event::Sending { bytes: message.len() });
    Ok(Send { settings, plan, message })
}

/// Sends the text.
pub(crate) async fn run(send: Send, console: &Arc<Console>) -> Result<(), Failure> {
    let Send { settings, plan, message } = send;
    let meeting = Meeting::new(&settings, console, Part::Send);
    let talk = async |mut wormhole: Wormhole| {
        if !meeting.is_verified(&wormhole).await? {
            let reason = "the sender did not confirm the verifier";
            text::reject(&mut wormhole, reason).await.map_err(failure)?;
            wormhole.close().await.map_err(failure)?;
            return Err(Failure::declined(
                "the verifiers were not confirmed, so nothing was sent; start again with a new code",
            ));
        }
        text::send(&mut wormhole, &message).await.map_err(failure)?;
        console.tell(&Event::Sent { bytes: message.len() });
        wormhole.close().await.map_err(failure)
    };
    meeting.hold(plan, talk).await
}

fn message(args: &SendArgs, console: &Console) -> Result<Zeroizing<String>, Failure> {
    match args.text.as_deref() {
        Some("-") => blob::text_from_stdin(console),
        Some(text) => Ok(Zeroizing::new(text.to_owned())),
        None if console.is_json() => {
            console.tell(&Event::AskText);
            ask::one_line("").map(Zeroizing::new)
        }
        None => ask::one_line("Text to send: ").map(Zeroizing::new),
    }
}
