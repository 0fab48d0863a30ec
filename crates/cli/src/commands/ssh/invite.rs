//! `wormhole ssh invite`: adds somebody's public key to `authorized_keys`.

use std::sync::Arc;

use wormhole_sync::{
    Wormhole,
    transfer::{self, Offered, OfferedText},
};

use super::{outline, settings};
use crate::{
    args::{GlobalArgs, InviteArgs},
    commands::moving,
    exit::{Exit, Failure, failure},
    json::Event,
    meet::{Meeting, Part, blocking},
    settings::{Plan, Settings, Sources},
    ssh::{
        authorized::{AuthorizedKeys, Checked},
        key::{NoKey, PublicKey},
        user::Owner,
    },
    term::narrate::Console,
};

/// A place for a key.
pub(crate) struct Invite {
    settings: Settings,
    plan: Plan,
    keys: AuthorizedKeys,
    user: String,
}

/// Works out what is to be done, and whether a key can be added at all.
pub(crate) fn prepare(
    global: &GlobalArgs,
    args: &InviteArgs,
    console: &Console,
) -> Result<Invite, Failure> {
    let settings = settings(global, &args.meeting)?;
    let sources = Sources::new(&args.code_source, &args.meeting, None);
    let plan = sources.choose_or_make(args.code.as_deref())?;
    let owner = args.user.as_deref().map_or_else(Owner::current, Owner::become_user)?;
    let Checked { keys, notes } = AuthorizedKeys::check(&owner.home)?;
    for message in &notes {
        console.tell(&Event::Note { message });
    }
    let path = keys.path().to_string_lossy();
    console.tell(&Event::Inviting { user: &owner.name, path: &path });
    Ok(Invite { settings, plan, keys, user: owner.name })
}

/// Gets a key, and adds it.
pub(crate) async fn run(invite: Invite, console: &Arc<Console>) -> Result<(), Failure> {
    let Invite { settings, plan, keys, user } = invite;
    let meeting = Meeting::new(&settings, console, Part::SshInvite);
    let talk = async |wormhole: Wormhole| {
        let wormhole = moving::verified(wormhole, &meeting, "inviting side", "added").await?;
        match transfer::receive(wormhole).await.map_err(failure)? {
            Offered::Text(text) => take(text, keys, &user, console).await,
            Offered::Files(files) => {
                drop(files.reject("only a public key is wanted here").await);
                Err(unwanted("it is a file or directory"))
            }
        }
    };
    meeting.hold(plan, talk).await
}

async fn take(
    offered: OfferedText,
    keys: AuthorizedKeys,
    user: &str,
    console: &Console,
) -> Result<(), Failure> {
    let key = match PublicKey::parse(offered.text()) {
        Ok(key) => key,
        Err(reason) => {
            drop(offered.reject(&told(reason)).await);
            return Err(unwanted(&reason.to_string()));
        }
    };
    let path = keys.path().to_string_lossy().into_owned();
    let (key, added) = match add(keys, key).await {
        Ok(added) => added,
        Err(failure) => {
            // The key's owner must not believe that it lets them in.
            drop(offered.reject("the key could not be added there").await);
            return Err(failure);
        }
    };
    console.tell(&Event::KeyAdded { key: outline(&key), user, path: &path, added });
    offered.acknowledge().await.map_err(failure)
}

async fn add(keys: AuthorizedKeys, key: PublicKey) -> Result<(PublicKey, bool), Failure> {
    blocking(move || keys.add(&key).map(|added| (key, added))).await
}

fn told(reason: NoKey) -> String {
    format!("the key was refused: {reason}")
}

fn unwanted(reason: &str) -> Failure {
    Failure::new(
        Exit::Peer,
        "peer",
        format!("what the other side sent is no key to be added: {reason}; nothing was changed"),
    )
}
