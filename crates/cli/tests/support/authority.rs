//! TLS in front of a server, under a certificate authority that the test made itself.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, thread};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Builder,
};
use tokio_rustls::TlsAcceptor;

use crate::support::{
    Scene,
    certificate::{Issued, issue},
};

/// A TLS terminator for `localhost` in front of a scene's server; its URL, and its authority's file.
pub(crate) fn behind_tls(scene: &Scene) -> (String, PathBuf) {
    behind(scene, issue())
}

/// The same with this certificate.
pub(crate) fn behind(scene: &Scene, issued: Issued) -> (String, PathBuf) {
    let Issued { authority, certificate, key } = issued;
    let file = scene.file("authority.pem", authority);

    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let server: SocketAddr =
        scene.url.trim_start_matches("ws://").trim_end_matches("/v1").parse().unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    thread::spawn(move || {
        runtime.block_on(terminate(listener, acceptor, server));
    });
    (format!("wss://localhost:{port}/v1"), file)
}

async fn terminate(listener: TcpListener, acceptor: TlsAcceptor, server: SocketAddr) {
    while let Ok((socket, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let mut outside = acceptor.accept(socket).await?;
            let mut inside = TcpStream::connect(server).await?;
            copy_bidirectional(&mut outside, &mut inside).await
        });
    }
}
