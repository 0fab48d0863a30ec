//! Sending a text to the family's file-transfer tools, and receiving one from them.
//!
//! File transfer v1 carries a text as an offer that needs no further channel. Both sides speak
//! under [`TRANSFER_APP_ID`](crate::TRANSFER_APP_ID). Files and directories come with a later
//! version: an offer of one is refused in a way that the sender's tool understands.
//!
//! ```
//! use wormhole_sync::{Options, TRANSFER_APP_ID, Wormhole, text};
//!
//! # wormhole_sync_testkit::doc::run(async |url| {
//! let options = Options::new().rendezvous(url);
//! # let receiver = Wormhole::connect(TRANSFER_APP_ID, options.clone()).await?;
//! let coded = Wormhole::connect(TRANSFER_APP_ID, options).await?.allocate().await?;
//! println!("On the other computer: wormhole receive {}", coded.code().as_str());
//! # let receiver = receiver.set_code(coded.code().clone()).await?;
//! # let received = tokio::spawn(async {
//! #     let mut receiver = receiver.confirmed().await?;
//! #     let text = text::receive(&mut receiver).await?;
//! #     text::acknowledge(&mut receiver).await?;
//! #     receiver.close().await?;
//! #     Ok::<_, wormhole_sync::Error>(text)
//! # });
//! let mut wormhole = coded.confirmed().await?;
//! text::send(&mut wormhole, "hello").await?;
//! wormhole.close().await?;
//! # assert_eq!(received.await??, "hello");
//! # Ok(()) });
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
///
/// ```
/// use wormhole_sync::text;
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let (mut one, mut other) = wormhole_sync_testkit::doc::pair(url).await?;
/// let other_side = async {
///     let text = text::receive(&mut other).await?;
///     text::acknowledge(&mut other).await?;
///     Ok(text)
/// };
/// let ((), text) = tokio::try_join!(text::send(&mut one, "hello"), other_side)?;
/// assert_eq!(text, "hello");
/// # Ok(()) });
/// ```
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
///
/// ```
/// use wormhole_sync::text;
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let (mut one, mut other) = wormhole_sync_testkit::doc::pair(url).await?;
/// # let sender = tokio::spawn(async move { text::send(&mut one, "hello").await });
/// let text = text::receive(&mut other).await?;
/// # let file = std::env::temp_dir().join(format!("wormhole-doc-{}", std::process::id()));
/// std::fs::write(&file, &text)?; // only then does the sender learn of success
/// # assert_eq!(std::fs::read_to_string(&file)?, "hello");
/// # std::fs::remove_file(&file)?;
/// text::acknowledge(&mut other).await?;
/// # sender.await??;
/// # Ok(()) });
/// ```
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
///
/// ```
/// use wormhole_sync::text;
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let (mut one, mut other) = wormhole_sync_testkit::doc::pair(url).await?;
/// # let sender = tokio::spawn(async move { text::send(&mut one, "hello").await });
/// assert_eq!(text::receive(&mut other).await?, "hello");
/// assert!(!sender.is_finished());
/// text::acknowledge(&mut other).await?;
/// sender.await??; // on the other side: it arrived
/// # Ok(()) });
/// ```
pub async fn acknowledge(wormhole: &mut Wormhole) -> Result<(), Error> {
    let answer = Answer { message_ack: Some("ok".to_owned()), file_ack: None };
    let answer = TransferMessage { answer: Some(answer), ..Default::default() };
    wormhole.send(&answer.encode()).await
}

/// Tells the other side that the transfer will not happen, and why. Close the wormhole afterwards.
///
/// ```
/// use wormhole_sync::text;
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let (mut one, mut other) = wormhole_sync_testkit::doc::pair(url).await?;
/// # let sender = tokio::spawn(async move { text::send(&mut one, "hello").await });
/// text::receive(&mut other).await?;
/// text::reject(&mut other, "the disk is full").await?;
/// other.close().await?;
/// let error = sender.await?.err().unwrap(); // on the other side
/// assert!(error.to_string().contains("refused: the disk is full"));
/// # Ok(()) });
/// ```
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
