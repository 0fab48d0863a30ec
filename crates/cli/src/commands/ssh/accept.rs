//! `wormhole ssh accept`: sends this person's public key.

use std::sync::Arc;

use wormhole_sync::{
    Wormhole,
    transfer::{self, Outgoing, Routes},
};

use super::{outline, settings};
use crate::{
    args::{AcceptArgs, GlobalArgs},
    commands::moving,
    exit::{Failure, failure},
    json::Event,
    meet::{Meeting, Part},
    settings::{Plan, Settings, Sources},
    ssh::{
        key::PublicKey,
        own::{self, OwnKey, OwnKeys},
    },
    term::{
        ask,
        narrate::Console,
        sanitize::{self, MAX_SHORT},
    },
};

/// A key that is to be sent.
pub(crate) struct Accept {
    settings: Settings,
    plan: Plan,
    key: PublicKey,
}

/// Works out what is to be done, finds the key, and asks about it.
pub(crate) fn prepare(
    global: &GlobalArgs,
    args: &AcceptArgs,
    console: &Console,
) -> Result<Accept, Failure> {
    let settings = settings(global, &args.meeting)?;
    args.meeting.refuse_length_for(args.code.as_deref())?;
    let sources = Sources::new(&args.code_source, &args.meeting, None);
    let plan = sources.join_or_ask(args.code.as_deref())?;
    let OwnKey { path, key } = one_of(own::find(args.key_file.as_deref())?, console)?;
    console.tell(&Event::SendingKey { key: outline(&key), path: &path.to_string_lossy() });
    if !args.yes && !wanted(console)? {
        return Err(Failure::declined("nothing was sent, and the code is still good"));
    }
    Ok(Accept { settings, plan, key })
}

/// Sends it.
pub(crate) async fn run(accept: Accept, console: &Arc<Console>) -> Result<(), Failure> {
    let Accept { settings, plan, key } = accept;
    let meeting = Meeting::new(&settings, console, Part::SshAccept);
    let talk = async |wormhole: Wormhole| {
        let wormhole = moving::verified(wormhole, &meeting, "owner of the key", "sent").await?;
        let text = Outgoing::text(key.line());
        let transfer = transfer::send(wormhole, text, &Routes::new()).await.map_err(failure)?;
        let sent = Event::KeySent { key: outline(&key) };
        moving::watch(transfer, 0, Some(sent), console, false).await
    };
    meeting.hold(plan, talk).await
}

/// The only key, or the one that is chosen.
fn one_of(mut found: OwnKeys, console: &Console) -> Result<OwnKey, Failure> {
    for (path, reason) in &found.left_out {
        console.tell(&Event::LeftOut { path: &path.to_string_lossy(), reason });
    }
    let chosen = match found.keys.len() {
        1 => 0,
        _ if console.is_json() || !ask::somebody_is_there(false) => {
            return Err(several(&found.keys));
        }
        count => ask::number(&question(&found.keys), count)?,
    };
    Ok(found.keys.swap_remove(chosen))
}

fn several(keys: &[OwnKey]) -> Failure {
    let names: Vec<_> = keys.iter().map(|own| own.path.to_string_lossy()).collect();
    Failure::usage(format!(
        "there are several public keys, and nobody to ask: {}; name one with --key-file",
        names.join(", ")
    ))
}

fn question(keys: &[OwnKey]) -> String {
    let lines = keys.iter().enumerate().map(|(number, OwnKey { path, key })| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let line = format!("{name}  {} {}", key.fingerprint(), key.comment());
        format!("  {}: {}\n", number + 1, sanitize::line(&line, MAX_SHORT))
    });
    format!("There are several public keys:\n{}Send which one? ", lines.collect::<String>())
}

fn wanted(console: &Console) -> Result<bool, Failure> {
    if console.is_json() {
        console.tell(&Event::AskSendKey);
        return ask::yes_or_no("", false);
    }
    ask::yes_or_no("Send it? (yes/no): ", false)
}
