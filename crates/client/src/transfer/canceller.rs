//! Cancelling from elsewhere.

use tokio::sync::mpsc::WeakSender;

/// Cancels a [`Transfer`](super::Transfer) from elsewhere, such as a button's thread while another waits for
/// what happens. It does not keep the transfer from being dropped, and does nothing once that has ended.
///
/// ```
/// use wormhole_sync::transfer::{self, Canceller, Outgoing};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let (wormhole, taken) = wormhole_sync_testkit::doc::taker(url).await?;
/// let transfer = transfer::send(wormhole, Outgoing::text("hello"), &Default::default()).await?;
/// let late: Canceller = transfer.canceller();
/// transfer.finish().await?;
/// late.cancel("the train leaves"); // without us
/// assert_eq!(taken.await??, b"hello");
/// # Ok(()) });
/// ```
#[derive(Clone, Debug)]
pub struct Canceller(pub(super) WeakSender<String>);

impl Canceller {
    /// Gives up, and tells the other side why. See [`Transfer::cancel`](super::Transfer::cancel).
    ///
    /// ```
    /// use wormhole_sync::{ErrorKind, transfer::{self, Outgoing}};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (wormhole, taken) = wormhole_sync_testkit::doc::taker(url).await?;
    /// # let routes = wormhole_sync_testkit::doc::routes();
    /// let endless = Outgoing::bytes("zeros", 1 << 40, std::io::repeat(0));
    /// let transfer = transfer::send(wormhole, endless, &routes).await?;
    /// transfer.canceller().cancel("the train leaves");
    /// assert_eq!(transfer.finish().await.err().unwrap().kind(), ErrorKind::Cancelled);
    /// assert_eq!(taken.await?.err().unwrap().kind(), ErrorKind::Rejected); // on the other side
    /// # Ok(()) });
    /// ```
    pub fn cancel(&self, reason: &str) {
        if let Some(cancel) = self.0.upgrade() {
            // A transfer that has ended, or is being cancelled, needs no second reason.
            let _ = cancel.try_send(reason.to_owned());
        }
    }
}
