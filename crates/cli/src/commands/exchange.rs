//! `wormhole exchange`: a blob each way.

use std::sync::Arc;

use wormhole_sync::Wormhole;
use zeroize::Zeroizing;

use super::blob;
use crate::{
    args::{ExchangeArgs, GlobalArgs},
    exit::{Failure, failure},
    json::Event,
    meet::{Meeting, Part},
    settings::{Plan, Settings, Sources},
    term::narrate::Console,
};

/// The application id of blob exchanges that name no other.
const APP_ID: &str = "wormhole-sync/exchange";

/// An exchange whose own blob has been read.
pub(crate) struct Exchange {
    settings: Settings,
    plan: Plan,
    part: Part,
    ours: Zeroizing<Vec<u8>>,
}

/// Works out what is to be done, and reads this side's blob.
pub(crate) fn prepare(
    global: &GlobalArgs,
    args: &ExchangeArgs,
    console: &Console,
) -> Result<Exchange, Failure> {
    let stdin_is_taken = args.file.is_none() && args.text.is_none();
    let settings = Settings::resolve(global, &args.meeting, &args.qr, APP_ID, stdin_is_taken)?;
    let (plan, part) = plan(args)?;
    Ok(Exchange { settings, plan, part, ours: ours(args, console)? })
}

/// Exchanges blobs.
pub(crate) async fn run(exchange: Exchange, console: &Arc<Console>) -> Result<(), Failure> {
    let Exchange { settings, plan, part, ours } = exchange;
    let meeting = Meeting::new(&settings, console, part);
    let talk = async |mut wormhole: Wormhole| {
        if !meeting.is_verified(&wormhole).await? {
            wormhole.abort();
            return Err(Failure::declined(
                "the verifiers were not confirmed, so nothing was given; start again with a new code",
            ));
        }
        wormhole.send(&ours).await.map_err(failure)?;
        let theirs = Zeroizing::new(wormhole.receive().await.map_err(failure)?);
        let bytes = theirs.len();
        blob::deliver(blob::shown(theirs)).await?;
        console.tell(&Event::Received { bytes, text: None });
        wormhole.close().await.map_err(failure)
    };
    meeting.hold(plan, talk).await
}

fn plan(args: &ExchangeArgs) -> Result<(Plan, Part), Failure> {
    let sources = Sources::new(&args.code_source, &args.meeting, None);
    if let Some(code) = &args.code {
        return Ok((sources.join(code)?, Part::ExchangeJoining));
    }
    Ok((sources.choose_or_make(args.chosen.as_deref())?, Part::Exchange))
}

fn ours(args: &ExchangeArgs, console: &Console) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if let Some(path) = &args.file {
        return blob::from_file(path);
    }
    if let Some(text) = &args.text {
        blob::refuse_too_long(text.len(), "the text")?;
        return Ok(Zeroizing::new(text.as_bytes().to_vec()));
    }
    blob::from_stdin(console)
}
