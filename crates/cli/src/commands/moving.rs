//! A transfer under way, as the person sees it: the same for both sides.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use wormhole_sync::{
    Wormhole,
    files::{DirectoryOffer, FilesOffer},
    transfer::{self, Event as TransferEvent, FarEnd, Route, Transfer},
};

use crate::{
    exit::{Failure, failure},
    json::{Event, Kind, RouteKind},
    meet::Meeting,
    term::{narrate::Console, progress::Progress},
};

/// How long the reason of a link that broke is awaited in silence: as a rule it is there already, or never comes.
const SOON: Duration = Duration::from_millis(500);

/// What is told then.
const BROKEN: &str = "The connection to the other computer broke; waiting for it to say why ...";

/// The wormhole, once its verifier has been compared where that was asked for. Otherwise the other side
/// is told that `who` said no, and the person here what was not `done`.
pub(crate) async fn verified(
    wormhole: Wormhole,
    meeting: &Meeting<'_>,
    who: &str,
    done: &str,
) -> Result<Wormhole, Failure> {
    if meeting.is_verified(&wormhole).await? {
        return Ok(wormhole);
    }
    let reason = format!("the {who} did not confirm the verifier");
    transfer::refuse(wormhole, &reason).await.map_err(failure)?;
    Err(Failure::declined(format!(
        "the verifiers were not confirmed, so nothing was {done}; start again with a new code"
    )))
}

/// Tells what happens until the transfer has ended. `delivered` is told when the other side has it.
pub(crate) async fn watch(
    mut transfer: Transfer,
    total: u64,
    delivered: Option<Event<'_>>,
    console: &Console,
    shows_progress: bool,
) -> Result<(), Failure> {
    let drawn = shows_progress && !console.is_json();
    let progress = Progress::new(console.progress(), total, drawn);
    let mut broken = None;
    while let Some(event) = next(&mut transfer, &mut broken, &progress, console).await {
        match event {
            TransferEvent::Moved { bytes } if console.is_json() && shows_progress => {
                console.tell(&Event::Progress { bytes, total });
            }
            TransferEvent::Moved { bytes } => progress.at(bytes),
            TransferEvent::Broken => broken = Some(Instant::now() + SOON),
            TransferEvent::Stored { path } => {
                let path = path.map(|path| path.to_string_lossy().into_owned());
                console.tell(&Event::Written { path: path.as_deref(), bytes: total });
            }
            TransferEvent::Delivered => delivered.iter().for_each(|event| console.tell(event)),
            event => {
                tell(&event, console);
                if matches!(event, TransferEvent::Connected { .. }) {
                    progress.begins();
                }
            }
        }
    }
    drop(progress);
    transfer.finish().await.map_err(failure)
}

/// The next event; while one is awaited, a link that broke is told of, unless its reason comes soon.
async fn next(
    transfer: &mut Transfer,
    broken: &mut Option<Instant>,
    progress: &Progress<'_>,
    console: &Console,
) -> Option<TransferEvent> {
    if let Some(moment) = *broken {
        match timeout_at(moment, transfer.next()).await {
            Ok(event) => return event,
            Err(_) => *broken = None,
        }
        progress.ends();
        console.tell(&Event::Note { message: BROKEN });
    }
    transfer.next().await
}

fn tell(event: &TransferEvent, console: &Console) {
    match event {
        TransferEvent::Accepted => console.tell(&Event::Accepted),
        TransferEvent::Connected { route } => {
            let (kind, far_end) = match route {
                Route::Direct(far_end) => (RouteKind::Direct, far_end),
                Route::Relay(far_end) => (RouteKind::Relay, far_end),
                _ => return,
            };
            let (address, proxy) = match far_end {
                FarEnd::Address(address) => (address.ip().to_canonical().to_string(), None),
                FarEnd::Beyond { proxy, host } => (host.clone(), Some(proxy.as_str())),
                _ => return,
            };
            console.tell(&Event::Route { kind, address: &address, proxy });
        }
        TransferEvent::Confirming => console.tell(&Event::Confirming),
        _ => {}
    }
}

/// What the library says of files, with the flags by which this command is told what its advice is about.
pub(crate) fn with_flags(text: &str) -> String {
    let Some((what, advice)) = text.rsplit_once("; ") else { return text.to_owned() };
    let advice = FLAGS.iter().fold(advice.to_owned(), |advice, (words, flag)| {
        advice.replace(words, &format!("{words} {flag}"))
    });
    format!("{what}; {advice}")
}

/// What the library advises, and its flag.
const FLAGS: [(&str, &str); 6] = [
    ("another name", "(-o)"),
    ("one of your own", "(-o)"),
    ("give it another", "(--name)"),
    ("allow overwriting", "(--overwrite)"),
    ("renaming", "(--rename)"),
    ("be left out", "(--ignore-unsendable-files)"),
];

/// What an offer comes to, for either side to tell of.
pub(crate) struct Outline<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
    pub(crate) bytes: u64,
    pub(crate) files: Option<u64>,
}

impl<'a> From<&'a FilesOffer> for Outline<'a> {
    fn from(offer: &'a FilesOffer) -> Self {
        match offer {
            FilesOffer::File(file) => {
                Self { kind: Kind::File, name: &file.name, bytes: file.size, files: None }
            }
            FilesOffer::Directory(directory) => {
                let DirectoryOffer { name, bytes, files, .. } = directory;
                Self { kind: Kind::Directory, name, bytes: *bytes, files: Some(*files) }
            }
        }
    }
}
