//! `wss://`: a server behind TLS, under a certificate authority that the test made itself.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::{net::SocketAddr, path::PathBuf, sync::Arc, thread};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use support::Scene;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Builder,
};
use tokio_rustls::TlsAcceptor;
use wormhole_sync_testkit::proxy::{Manner, Proxy};

mod support;

/// A TLS terminator for `localhost` in front of a scene's server; its URL, and its authority's file.
fn behind_tls(scene: &Scene) -> (String, PathBuf) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".into(), "relay.invalid".into()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let file = scene.file("authority.pem", authority.pem());

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

#[test]
fn an_exchange_over_tls_under_an_authority_of_ones_own() {
    let scene = Scene::new();
    let (url, authority) = behind_tls(&scene);
    let start = |arguments: &[&str], stdin: &[u8]| {
        let mut command = scene.wormhole(arguments);
        command.env("WORMHOLE_RELAY_URL", &url).env("SSL_CERT_FILE", &authority);
        support::Running::start(&mut command, stdin)
    };
    let one = start(&["exchange"], b"over");
    let other = start(&["exchange", &one.code()], b"tls").end().with_code(0);
    assert_eq!(other.stdout, b"over");
    assert_eq!(one.end().with_code(0).stdout, b"tls");
}

#[test]
fn an_exchange_over_tls_behind_a_proxy_of_either_kind() {
    let scene = Scene::new();
    let (url, authority) = behind_tls(&scene);
    let port = url.trim_start_matches("wss://localhost:").trim_end_matches("/v1").parse().unwrap();
    for (manner, scheme) in [(Manner::Socks, "socks5"), (Manner::Http, "http")] {
        let names = [("relay.invalid:443", SocketAddr::from(([127, 0, 0, 1], port)))];
        let toy = Proxy::start(manner, &names).unwrap();
        let proxy = format!("{scheme}://{}", toy.address());
        let start = |arguments: &[&str]| {
            let mut command = scene.wormhole(arguments);
            command
                .env("SSL_CERT_FILE", &authority)
                .args(["--relay-url", "wss://relay.invalid/v1"]);
            support::Running::start(command.args(["--proxy", &proxy]), b"over")
        };
        let one = start(&["exchange"]);
        let other = start(&["exchange", &one.code()]).end().with_code(0);
        assert_eq!(other.stdout, b"over");
        one.end().with_code(0);
        assert_eq!(toy.asked().len(), 2);
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let scene = Scene::new();
    let (url, _) = behind_tls(&scene);
    let ended = scene.run(&["exchange", "4-purple-sausages", "--relay-url", &url]).with_code(4);
    assert!(ended.stderr.contains("certificate"), "{}", ended.stderr);
    assert!(ended.stderr.contains(&url), "{}", ended.stderr);
}
