//! The general form: any number of messages each way.

use serde_json::{Map, Value};
use wormhole_sync_core::{Code, Verifier, key::DeriveError, wormhole::Confirmed};
use zeroize::Zeroizing;

use crate::{
    driver::{Handle, News},
    error::{Cause, Error},
    options::Options,
};

/// A connection to a mailbox server that has no code yet.
pub struct Connected {
    handle: Handle,
    motd: Option<String>,
}

/// A wormhole whose code is known, and whose other side may or may not be there.
pub struct Coded {
    handle: Handle,
    motd: Option<String>,
    code: Code,
}

/// An open wormhole: both sides know the code, and everything between them is sealed.
///
/// ```no_run
/// use wormhole_sync::{Code, Options, Wormhole};
///
/// # async fn run(typed: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let connected = Wormhole::connect("example.com/chat", Options::new()).await?;
/// let coded = connected.set_code(Code::parse(typed)?).await?;
/// let mut wormhole = coded.confirmed().await?;
/// println!("compare with the other side: {}", wormhole.verifier());
/// wormhole.send(b"hello").await?;
/// let reply = wormhole.receive().await?;
/// wormhole.close().await?;
/// # Ok(()) }
/// ```
pub struct Wormhole {
    handle: Handle,
    motd: Option<String>,
    confirmed: Confirmed,
}

impl Wormhole {
    /// Connects to the mailbox server. A server that cannot be reached now is an error that names it;
    /// a connection that is lost later is resumed without a word.
    ///
    /// Must be called inside a tokio runtime, like all async functions here.
    pub async fn connect(app_id: &str, options: Options) -> Result<Connected, Error> {
        let mut handle = Handle::open(app_id, &options)?;
        loop {
            if let News::Welcome { motd } = next(&mut handle).await? {
                return Ok(Connected { handle, motd });
            }
        }
    }

    /// The value that both sides can compare aloud: equal exactly when nobody sits between them.
    pub const fn verifier(&self) -> Verifier {
        self.confirmed.verifier()
    }

    /// What the other side's application said of itself with [`Options::app_versions`].
    pub const fn peer_versions(&self) -> &Map<String, Value> {
        self.confirmed.peer_versions()
    }

    /// The server's message of the day: a stranger's text.
    pub fn welcome(&self) -> Option<&str> {
        self.motd.as_deref()
    }

    /// Sends a message of at most [`MAX_BLOB`](crate::MAX_BLOB) bytes. It is on its way when this
    /// returns, and stored at the server when [`close`](Self::close) does.
    #[expect(clippy::unused_async, reason = "room for waiting, should the wire ever push back")]
    pub async fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        self.handle.send(message)
    }

    /// The other side's next message, in order. Cancelling loses nothing.
    pub async fn receive(&mut self) -> Result<Vec<u8>, Error> {
        loop {
            if let News::Received(message) = next(&mut self.handle).await? {
                return Ok(message);
            }
        }
    }

    /// A key of `length` bytes that both sides can derive for `purpose`, and nobody else.
    ///
    /// The purpose must not begin with `wormhole:`; the length is 1 to 8160.
    pub async fn derive_key(
        &self,
        purpose: &str,
        length: usize,
    ) -> Result<Result<Zeroizing<Vec<u8>>, DeriveError>, Error> {
        self.handle.derive(purpose, length).await
    }

    /// Waits until everything sent is stored at the server, lets everything go, and disconnects.
    /// Bounded by [`CLOSE_LIMIT`](crate::CLOSE_LIMIT).
    pub async fn close(self) -> Result<(), Error> {
        self.handle.close().await
    }

    /// Leaves because something is wrong, in the background. The other side, if it is made with this
    /// library and still waits for something, ends with [`ErrorKind::Rejected`](crate::ErrorKind).
    pub fn abort(self) {
        self.handle.abort();
    }
}

impl Connected {
    /// The server's message of the day: a stranger's text.
    pub fn welcome(&self) -> Option<&str> {
        self.motd.as_deref()
    }

    /// The nameplates in use, for completing a code that is being typed. Many servers do not list
    /// them: then there are none.
    pub async fn nameplates(&mut self) -> Result<Vec<String>, Error> {
        self.handle.list();
        loop {
            if let News::Nameplates(nameplates) = next(&mut self.handle).await? {
                return Ok(nameplates);
            }
        }
    }

    /// Asks for a nameplate and makes a code of [`Options::words`] words.
    pub async fn allocate(self) -> Result<Coded, Error> {
        self.handle.allocate();
        Coded::new(self.handle, self.motd).await
    }

    /// Uses a code that is known. Only now is its nameplate claimed, and the one guess that a wrong
    /// code is worth spent as soon as the other side is there.
    pub async fn set_code(self, code: Code) -> Result<Coded, Error> {
        self.handle.set_code(code);
        Coded::new(self.handle, self.motd).await
    }

    /// Disconnects. Bounded by [`CLOSE_LIMIT`](crate::CLOSE_LIMIT).
    pub async fn close(self) -> Result<(), Error> {
        self.handle.close().await
    }
}

impl Coded {
    pub(crate) async fn new(mut handle: Handle, mut motd: Option<String>) -> Result<Self, Error> {
        loop {
            match next(&mut handle).await? {
                News::Code(code) => return Ok(Self { handle, motd, code }),
                News::Welcome { motd: told } => motd = told,
                _ => {}
            }
        }
    }

    /// The code, to be shown to the person who carries it.
    pub const fn code(&self) -> &Code {
        &self.code
    }

    /// The server's message of the day: a stranger's text.
    pub fn welcome(&self) -> Option<&str> {
        self.motd.as_deref()
    }

    /// Waits for the other side, and until it has shown that it knows the code.
    pub async fn confirmed(mut self) -> Result<Wormhole, Error> {
        loop {
            if let News::Confirmed(confirmed) = next(&mut self.handle).await? {
                return Ok(Wormhole { handle: self.handle, motd: self.motd, confirmed });
            }
        }
    }

    /// Lets go of the code and disconnects. Bounded by [`CLOSE_LIMIT`](crate::CLOSE_LIMIT).
    pub async fn close(self) -> Result<(), Error> {
        self.handle.close().await
    }
}

/// The next news of a wormhole that nobody has asked to close.
async fn next(handle: &mut Handle) -> Result<News, Error> {
    match handle.next().await? {
        News::Closed(_) => Err(Cause::Stopped.into()),
        news => Ok(news),
    }
}
