//! Where the client of a fresh connection is.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpStream;

use super::Front;
use crate::{
    address::Address,
    forwarded::{self, Contradiction, Forwarded},
    gate::{Admission, Full},
    http,
    proxy_protocol::{self, NoHeader, Source},
};

/// Who is at the other end of a connection, as far as is known before its first byte.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    address: SocketAddr,
    /// A proxy that is trusted, so that it is believed when it tells of another.
    is_proxy: bool,
}

impl Origin {
    /// Its address.
    pub(super) const fn ip(&self) -> IpAddr {
        self.address.ip()
    }
}

/// Why nobody is told who it is.
pub(super) enum Unknown {
    /// The connection is gone.
    Gone,
    /// A trusted proxy sent no header, for this reason.
    Proxy(&'static str),
    /// The client is one too many.
    Full(Full),
}

impl Front {
    /// What a connection from `peer` counts for before it is known whose it is: nobody, if it is a
    /// proxy's, for all of its clients have not one place together.
    pub(super) fn counted(&self, peer: SocketAddr) -> Option<Address> {
        let counted = Address::counted(peer.ip(), self.clients.limit_loopback);
        counted.filter(|_| !self.is_trusted(peer.ip()))
    }

    /// Reads the header of the PROXY protocol where there must be one, and counts the connection for
    /// whom it tells. A proxy is not yet counted, for it may still tell of somebody else.
    pub(super) async fn reveal(
        &self,
        stream: &mut TcpStream,
        peer: SocketAddr,
        admission: &mut Admission,
    ) -> Result<Origin, Unknown> {
        let mut origin = Origin { address: peer, is_proxy: self.is_trusted(peer.ip()) };
        if origin.is_proxy && self.clients.proxy_protocol {
            match proxy_protocol::take(stream).await.map_err(|why| self.without_header(why))? {
                Source::Proxy => {}
                // The request is written by somebody unknown, and says what it likes.
                Source::Unknown => origin.is_proxy = false,
                Source::Client(address) => {
                    origin = Origin { address, is_proxy: self.is_trusted(address.ip()) };
                }
            }
        }
        if origin.is_proxy { Ok(origin) } else { self.settle(origin, admission) }
    }

    /// Where the client is who sent this head of a request, or how it is refused.
    pub(super) fn locate(
        &self,
        origin: Origin,
        head: &[u8],
        admission: &mut Admission,
    ) -> Result<Forwarded, String> {
        let Origin { address, is_proxy } = origin;
        if !is_proxy {
            return Ok(address.into());
        }
        let told = forwarded::client(head, &self.clients.trusted_proxies);
        let told = told.map_err(|Contradiction| contradiction())?;
        let client = told.unwrap_or(address.into());
        self.count(admission, client.ip).map_err(Full::answer)?;
        Ok(client)
    }

    /// Counts a connection for where it comes from, for nothing more will be told.
    pub(super) fn settle(
        &self,
        origin: Origin,
        admission: &mut Admission,
    ) -> Result<Origin, Unknown> {
        self.count(admission, origin.address.ip()).map_err(Unknown::Full)?;
        Ok(origin)
    }

    /// Counts a connection for this address.
    fn count(&self, admission: &mut Admission, ip: IpAddr) -> Result<(), Full> {
        let address = Address::counted(ip, self.clients.limit_loopback);
        if address == admission.address() { Ok(()) } else { admission.move_to(address) }
    }

    /// Tells of a header of the PROXY protocol where none is read: most likely the operator's proxy has been told to send it,
    /// and the server has not been told to believe it.
    pub(super) fn notice_header(&self, bytes: &[u8]) {
        if proxy_protocol::begins(bytes)
            && let Some(left_out) = self.unasked.turn()
        {
            tracing::info!(
                left_out,
                "somebody sends a header of the PROXY protocol and is not believed: if it is a proxy of \
                 yours, name it in clients.trusted-proxies, and turn clients.proxy-protocol on"
            );
        }
    }

    fn without_header(&self, why: NoHeader) -> Unknown {
        match why {
            NoHeader::Gone => Unknown::Gone,
            NoHeader::Malformed(why) => {
                if let Some(left_out) = self.headless.turn() {
                    let text = "a trusted proxy sends no header of the PROXY protocol";
                    tracing::warn!(why, left_out, "{text}");
                }
                Unknown::Proxy(why)
            }
        }
    }

    fn is_trusted(&self, peer: IpAddr) -> bool {
        self.clients.trusted_proxies.iter().any(|network| network.contains(peer))
    }
}

fn contradiction() -> String {
    // A client can bring it about as often as it likes, and is not to fill the log.
    tracing::debug!(
        "a trusted proxy passes on X-Forwarded-For and X-Real-IP that contradict each other"
    );
    let text =
        "X-Forwarded-For and X-Real-IP contradict each other: the proxy must set or remove both\n";
    http::answer("400 Bad Request", text)
}
