//! Sending a text to the family's file-transfer tools, and receiving one from them.
//!
//! File transfer v1 carries a text as an offer that needs no further channel. Both sides speak
//! under [`TRANSFER_APP_ID`](crate::TRANSFER_APP_ID). Files and directories come with a later
//! version: an offer of one is refused in a way that the sender's tool understands.
//!
//! ```no_run
//! use wormhole_sync::{Options, TRANSFER_APP_ID, Wormhole, text};
//!
//! # async fn run() -> Result<(), wormhole_sync::Error> {
//! let coded = Wormhole::connect(TRANSFER_APP_ID, Options::new()).await?.allocate().await?;
//! println!("On the other computer: wormhole receive {}", coded.code().as_str());
//! let mut wormhole = coded.confirmed().await?;
//! text::send(&mut wormhole, "hello").await?;
//! wormhole.close().await?;
//! # Ok(()) }
//! ```

use wormhole_sync_core::wire::transfer_message::{Answer, Offer, TransferMessage};

use crate::{
    error::{Cause, Error},
    wormhole::Wormhole,
};

/// What the family's tools say when their user declines.
const REJECTED: &str = "transfer rejected";

/// Offers `text`, and waits until the other side has it.
///
/// The offer must fit into one message of [`MAX_BLOB`](crate::MAX_BLOB) bytes with its envelope.
pub async fn send(wormhole: &mut Wormhole, text: &str) -> Result<(), Error> {
    let offer =
        TransferMessage { offer: Some(Offer::Message(text.to_owned())), ..Default::default() };
    wormhole.send(&offer.encode()).await?;
    loop {
        let answer = next(wormhole).await?.answer;
        match answer.map(|answer| answer.message_ack) {
            Some(Some(ack)) if ack == "ok" => return Ok(()),
            Some(_) => return Err(Cause::PeerNonsense("an answer that is no consent").into()),
            None => {} // hints for a transit that a text does not need
        }
    }
}

/// Waits for the other side's text. Do with it what is to be done, and then [`acknowledge`] it: its
/// sender waits for that, and takes silence or a [`reject`] for a failure.
pub async fn receive(wormhole: &mut Wormhole) -> Result<String, Error> {
    loop {
        match next(wormhole).await?.offer {
            Some(Offer::Message(text)) => return Ok(text),
            Some(Offer::File(_) | Offer::Directory(_)) => {
                reject(wormhole, REJECTED).await?;
                return Err(Cause::FilesLater.into());
            }
            None => {} // the sender's transit comes before its offer
        }
    }
}

/// Tells the other side that its text has arrived.
pub async fn acknowledge(wormhole: &mut Wormhole) -> Result<(), Error> {
    let answer = Answer { message_ack: Some("ok".to_owned()), file_ack: None };
    let answer = TransferMessage { answer: Some(answer), ..Default::default() };
    wormhole.send(&answer.encode()).await
}

/// Tells the other side that the transfer will not happen, and why. Close the wormhole afterwards.
pub async fn reject(wormhole: &mut Wormhole, reason: &str) -> Result<(), Error> {
    let error = TransferMessage { error: Some(reason.to_owned()), ..Default::default() };
    wormhole.send(&error.encode()).await
}

async fn next(wormhole: &mut Wormhole) -> Result<TransferMessage, Error> {
    let message = TransferMessage::decode(&wormhole.receive().await?)
        .ok_or(Cause::PeerNonsense("what is no message of file transfer"))?;
    match message.error {
        Some(reason) => Err(Cause::Rejected(reason).into()),
        None => Ok(message),
    }
}
