//! A transfer under way, as the person sees it: the same for both sides.

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
    let progress = Progress::new(total, shows_progress && !console.is_json());
    while let Some(event) = transfer.next().await {
        match event {
            TransferEvent::Moved { bytes } if console.is_json() && shows_progress => {
                console.tell(&Event::Progress { bytes, total });
            }
            TransferEvent::Moved { bytes } => progress.at(bytes),
            TransferEvent::Stored { path } => {
                let path = path.map(|path| path.to_string_lossy().into_owned());
                let written = Event::Written { path: path.as_deref(), bytes: total };
                progress.beside(|| console.tell(&written));
            }
            TransferEvent::Delivered => {
                progress.beside(|| delivered.iter().for_each(|event| console.tell(event)));
            }
            event => {
                progress.beside(|| tell(&event, console));
                if matches!(event, TransferEvent::Connected { .. }) {
                    progress.begins();
                }
            }
        }
    }
    drop(progress);
    transfer.finish().await.map_err(failure)
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
