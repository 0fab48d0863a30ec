//! `wormhole receive`: a text, a file or a directory from any tool of the family.

#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(windows)]
use std::os::windows::io::AsHandle;
use std::{
    fs::File,
    io::{IsTerminal, Write, stdout},
    path::{Path, PathBuf},
    sync::Arc,
};

use wormhole_sync::{
    Fault, Role, TRANSFER_APP_ID, Wormhole,
    files::{Destination, Exists, FilesError, FilesOffer, Planned},
    transfer::{self, Offered, OfferedFiles, OfferedText, Routes},
};
use zeroize::Zeroizing;

use super::{
    blob,
    moving::{self, Outline},
};
use crate::{
    args::{GlobalArgs, ReceiveArgs},
    exit::{Exit, Failure, failure},
    json::Event,
    meet::{Meeting, Part, blocking},
    settings::{Plan, Settings, Sources, routes, switch},
    term::{ask, narrate::Console},
};

/// What family tools say when their user declines.
const REJECTED: &str = "transfer rejected";

/// A transfer that is known to be wanted.
pub(crate) struct Receive {
    settings: Settings,
    plan: Plan,
    part: Part,
    taking: Taking,
    routes: Routes,
    shows_progress: bool,
}

/// What is done with an offer.
struct Taking {
    output: Option<PathBuf>,
    exists: Exists,
    without_asking: bool,
    only_text: bool,
}

/// Works out what is to be done.
pub(crate) fn prepare(global: &GlobalArgs, args: &ReceiveArgs) -> Result<Receive, Failure> {
    let settings = Settings::resolve(global, &args.meeting, &args.qr, TRANSFER_APP_ID, false)?;
    let (plan, part) = plan(args)?;
    let taking = Taking {
        output: args.output_file.clone(),
        exists: match (args.overwrite, args.rename) {
            (true, _) => Exists::Overwrite,
            (_, true) => Exists::Rename,
            _ => Exists::Refuse,
        },
        without_asking: args.accept_file || switch("WORMHOLE_ACCEPT_FILE")?.unwrap_or(false),
        only_text: args.only_text,
    };
    taking.refuse_a_terminal()?;
    let routes = routes(global, &args.routes.listening, args.meeting.nearby.local)?;
    let shows_progress = !args.routes.hide_progress;
    Ok(Receive { settings, plan, part, taking, routes, shows_progress })
}

/// Receives it.
pub(crate) async fn run(receive: Receive, console: &Arc<Console>) -> Result<(), Failure> {
    let Receive { settings, plan, part, taking, routes, shows_progress } = receive;
    if !taking.only_text {
        settings.can_listen(&routes).await?;
    }
    let meeting = Meeting::new(&settings, console, part);
    let talk = async |wormhole: Wormhole| {
        let wormhole = moving::verified(wormhole, &meeting, "receiver", "taken").await?;
        match transfer::receive(wormhole).await.map_err(failure)? {
            Offered::Text(text) => take_text(text, console).await,
            Offered::Files(files) => {
                let Some((files, planned)) = taking.consider(files, console).await? else {
                    return Err(Failure::declined("the offer was declined; nothing was received"));
                };
                take_files(files, planned, &routes, console, shows_progress).await
            }
        }
    };
    meeting.hold(plan, talk).await
}

async fn take_text(offered: OfferedText, console: &Console) -> Result<(), Failure> {
    let message = Zeroizing::new(offered.text().to_owned());
    if let Err(failure) = blob::deliver(shown(&message)).await {
        // The sender must not believe that its text has arrived.
        drop(offered.reject("the receiver could not write the text").await);
        return Err(failure);
    }
    console.tell(&Event::Received { bytes: message.len(), text: Some(&message) });
    offered.acknowledge().await.map_err(failure)
}

async fn take_files(
    files: OfferedFiles,
    planned: Planned,
    routes: &Routes,
    console: &Console,
    shows_progress: bool,
) -> Result<(), Failure> {
    let total = files.size();
    let receiving = match planned.begin() {
        Ok(receiving) => receiving,
        Err(error) => {
            drop(files.reject(&format!("{REJECTED}: {}", error.told())).await);
            return Err(unusable(&error));
        }
    };
    let transfer = files.accept(Box::new(receiving), routes).await.map_err(failure)?;
    moving::watch(transfer, total, None, console, shows_progress).await
}

impl Taking {
    /// Shows the offer and decides on it; `None` when the person declines.
    async fn consider(
        &self,
        files: OfferedFiles,
        console: &Arc<Console>,
    ) -> Result<Option<(OfferedFiles, Planned)>, Failure> {
        if self.only_text {
            files.reject(REJECTED).await.map_err(failure)?;
            return Err(Failure::declined(
                "the other side offers a file or directory, and --only-text refuses those; leave it out to \
                 take them",
            ));
        }
        let planned = match self.plan(files.offer()) {
            Ok(planned) => planned,
            Err(error) => {
                if let FilesError::Exists { path, .. } = &error {
                    tell_offer(files.offer(), Some(path), None, console); // the code is spent: this is what for
                }
                drop(files.reject(&format!("{REJECTED}: {}", error.told())).await);
                return Err(unusable(&error));
            }
        };
        tell_offer(files.offer(), planned.path().as_deref(), planned.warning(), console);
        if self.without_asking || wanted(console).await? {
            return Ok(Some((files, planned)));
        }
        files.reject(REJECTED).await.map_err(failure)?;
        Ok(None)
    }

    /// A terminal would obey a stranger's bytes.
    fn refuse_a_terminal(&self) -> Result<(), Failure> {
        let to_stdout = self.output.as_deref().is_some_and(|path| path == Path::new("-"));
        if to_stdout && stdout().is_terminal() {
            return Err(Failure::usage(
                "standard output is a terminal, which is no place for a file; add '| cat' or '> FILE', or name \
                 a file with -o",
            ));
        }
        Ok(())
    }

    fn plan(&self, offer: &FilesOffer) -> Result<Planned, FilesError> {
        let destination = match self.output.as_deref() {
            None => Destination::current(),
            Some(path) if path == Path::new("-") => Destination::writer(unbuffered_stdout()),
            Some(path) => Destination::output(path),
        };
        let destination = destination.exists(self.exists);
        destination.plan(offer)
    }
}

/// Standard output without the buffer that looks for ends of lines in every byte.
fn unbuffered_stdout() -> Box<dyn Write + Send> {
    #[cfg(unix)]
    let descriptor = stdout().as_fd().try_clone_to_owned();
    #[cfg(windows)]
    let descriptor = stdout().as_handle().try_clone_to_owned();
    match descriptor {
        Ok(descriptor) => Box::new(File::from(descriptor)),
        Err(_) => Box::new(stdout()), // closed, perhaps: writing says so
    }
}

/// Why what is offered cannot be taken.
fn unusable(error: &FilesError) -> Failure {
    let message = moving::with_flags(&error.to_string());
    match error.fault() {
        Fault::Peer => Failure::new(Exit::Peer, "peer", message),
        _ => Failure::here(message),
    }
}

fn tell_offer(offer: &FilesOffer, path: Option<&Path>, warning: Option<&str>, console: &Console) {
    let Outline { kind, name, bytes, files } = Outline::from(offer);
    let path = path.map(|path| path.to_string_lossy().into_owned());
    let path = path.as_deref();
    console.tell(&Event::Offered { kind, name, bytes, files, path, warning });
}

async fn wanted(console: &Arc<Console>) -> Result<bool, Failure> {
    let question = if console.is_json() {
        console.tell(&Event::AskAccept);
        String::new()
    } else {
        "ok? (Y/n): ".to_owned()
    };
    blocking(move || ask::yes_or_else(&question, false)).await
}

fn plan(args: &ReceiveArgs) -> Result<(Plan, Part), Failure> {
    if args.allocate {
        return Ok((Plan::Make, Part::ReceiveAllocating));
    }
    args.meeting.refuse_length_for(args.code.as_deref())?;
    let sources = Sources::new(&args.code_source, &args.meeting, Some(Role::Follower));
    Ok((sources.join_or_ask(args.code.as_deref())?, Part::Receive))
}

/// What is written of the text, with the end of its line.
fn shown(message: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = blob::shown(Zeroizing::new(message.as_bytes().to_vec()));
    bytes.push(b'\n');
    bytes
}
