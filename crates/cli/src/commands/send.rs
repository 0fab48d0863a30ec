//! `wormhole send`: a text, a file or a directory to any tool of the family.

use std::{path::Path, sync::Arc};

use wormhole_sync::{
    Role, TRANSFER_APP_ID, Wormhole,
    files::{Gathering, Source, SourceError},
    transfer::{self, Outgoing, Routes},
};
use zeroize::Zeroizing;

use super::{
    blob,
    moving::{self, Outline},
};
use crate::{
    args::{GlobalArgs, SendArgs},
    exit::{Failure, failure},
    json::Event,
    meet::{Meeting, Part},
    settings::{Plan, Settings, Sources, routes},
    term::{ask, narrate::Console},
};

/// A transfer whose content is known.
pub(crate) struct Send {
    settings: Settings,
    plan: Plan,
    what: What,
    routes: Routes,
    shows_progress: bool,
}

enum What {
    Text(Zeroizing<String>),
    Files(Source),
}

/// Works out what is to be done, and looks at what is to be sent.
pub(crate) fn prepare(
    global: &GlobalArgs,
    args: &SendArgs,
    console: &Console,
) -> Result<Send, Failure> {
    let stdin_is_taken =
        args.text.as_deref() == Some("-") || args.paths.iter().any(|path| is_stdin(path));
    let settings =
        Settings::resolve(global, &args.meeting, &args.qr, TRANSFER_APP_ID, stdin_is_taken)?;
    let routes = routes(global, &args.routes.listening, args.meeting.nearby.local)?;
    let sources = Sources::new(&args.code_source, &args.meeting, Some(Role::Leader));
    let plan = sources.choose_or_make(args.code.as_deref())?;
    let what = if args.paths.is_empty() {
        What::Text(text(args, console)?)
    } else {
        What::Files(files(args, console)?)
    };
    let shows_progress = !args.routes.hide_progress;
    Ok(Send { settings, plan, what, routes, shows_progress })
}

/// Sends it.
pub(crate) async fn run(send: Send, console: &Arc<Console>) -> Result<(), Failure> {
    let Send { settings, plan, what, routes, shows_progress } = send;
    if matches!(what, What::Files(_)) {
        settings.can_listen(&routes).await?;
    }
    let meeting = Meeting::new(&settings, console, Part::Send);
    let talk = async |wormhole: Wormhole| {
        let wormhole = moving::verified(wormhole, &meeting, "sender", "sent").await?;
        let (outgoing, total, delivered) = match what {
            What::Text(text) => (Outgoing::text(&**text), 0, Event::Sent { bytes: text.len() }),
            What::Files(source) => {
                let bytes = source.size();
                (Outgoing::files(source), bytes, Event::Delivered { bytes })
            }
        };
        let transfer = transfer::send(wormhole, outgoing, &routes).await.map_err(failure)?;
        moving::watch(transfer, total, Some(delivered), console, shows_progress).await
    };
    meeting.hold(plan, talk).await
}

fn text(args: &SendArgs, console: &Console) -> Result<Zeroizing<String>, Failure> {
    let text = match args.text.as_deref() {
        Some("-") => blob::text_from_stdin(console)?,
        Some(text) => Zeroizing::new(text.to_owned()),
        None if console.is_json() => {
            console.tell(&Event::AskText);
            ask::one_line("").map(Zeroizing::new)?
        }
        None => ask::one_line("Text to send: ").map(Zeroizing::new)?,
    };
    blob::refuse_too_long(text.len(), "the text")?;
    console.tell(&Event::Sending { bytes: text.len() });
    Ok(text)
}

fn files(args: &SendArgs, console: &Console) -> Result<Source, Failure> {
    let unsendable = |error: SourceError| Failure::here(moving::with_flags(&error.to_string()));
    let source = match &*args.paths {
        [only] if is_stdin(only) => {
            let name = args.name.clone().unwrap_or_else(|| "stdin".to_owned());
            Source::spooled(name, std::io::stdin().lock()).map_err(unsendable)?
        }
        paths if paths.iter().any(|path| is_stdin(path)) => {
            return Err(Failure::usage(
                "standard input cannot be sent together with files; send it by itself",
            ));
        }
        paths => {
            let mut gathering = Gathering::new();
            if let Some(name) = &args.name {
                gathering = gathering.named(name);
            }
            if args.ignore_unsendable_files {
                gathering = gathering.ignoring_unsendable();
            }
            gathering.paths(paths).map_err(unsendable)?
        }
    };
    for left_out in source.left_out() {
        let (path, reason) = (left_out.path.to_string_lossy(), left_out.reason.to_string());
        console.tell(&Event::LeftOut { path: &path, reason: &reason });
    }
    let offer = source.offer();
    let Outline { kind, name, bytes, files } = Outline::from(&offer);
    console.tell(&Event::Offering { kind, name, bytes, files });
    Ok(source)
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}
