//! A server on loopback, and clients that speak to it frame by frame.

#![allow(dead_code, reason = "each test program is compiled with all of it, and uses its own part")]

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};
use wormhole_sync_server::{Clients, Config, Control, Doors, ServeError, listen, prepare, serve};

/// Beyond this a test has failed; nothing in it depends on how long things take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Clients who all come by way of a proxy on this computer.
pub(crate) fn behind_a_proxy() -> Clients {
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    Clients { limit_loopback: true, trusted_proxies, ..Clients::default() }
}

/// A link at a relay's own door that asks for the partner of all the others of these tests.
pub(crate) async fn half_a_pair(relay: SocketAddr, side: &str) -> TcpStream {
    let mut link = TcpStream::connect(relay).await.unwrap();
    let line = format!("please relay {} for side {}\n", "0".repeat(64), side.repeat(16));
    link.write_all(line.as_bytes()).await.unwrap();
    link
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    pub(crate) fn start(config: impl Into<Config>) -> Self {
        Self::at(listen("127.0.0.1:0".parse().unwrap()).unwrap(), config)
    }

    /// At these doors, of which one is a web door.
    pub(crate) fn at(doors: impl Into<Doors>, config: impl Into<Config>) -> Self {
        let doors = doors.into();
        let address = doors.web[0].local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move { _ = stopped.await };
        let task = tokio::spawn(serve(doors, config.into(), shutdown));
        Self { address, stop: Some(stop), task }
    }

    /// One behind these doors, one of which is at this address.
    pub(crate) async fn behind(
        doors: Doors,
        address: SocketAddr,
        config: Config,
    ) -> Result<(Self, Control), ServeError> {
        let server = prepare(doors, config).await?;
        let control = server.control();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.serve(async move { _ = stopped.await }));
        Ok((Self { address, stop: Some(stop), task }, control))
    }

    /// Tells the server to stop.
    pub(crate) fn begin_to_stop(mut self) -> Self {
        self.stop = None;
        self
    }

    /// Stops the server and waits until it has.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }

    /// Waits for a server that cannot start.
    pub(crate) async fn fails(self) -> ServeError {
        timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap_err()
    }

    /// A client that has read its welcome.
    pub(crate) async fn connect(&self) -> Client {
        let mut client = self.connect_with(&[]).await;
        client.expect("welcome").await;
        client
    }

    /// A client that sends these headers, and has read nothing yet.
    pub(crate) async fn connect_with(&self, headers: &[(&'static str, &str)]) -> Client {
        let uri = format!("ws://{}/v1", self.address).parse().unwrap();
        let mut builder = ClientBuilder::from_uri(uri);
        for (name, value) in headers {
            builder = builder.add_header(name.parse().unwrap(), value.parse().unwrap()).unwrap();
        }
        let limits = tokio_websockets::Limits::default().max_payload_len(Some(64 << 20));
        let (socket, _) =
            timeout(PATIENCE, builder.limits(limits).connect()).await.unwrap().unwrap();
        Client { socket }
    }

    /// Sends these bytes on a connection of their own; all that comes back until its end.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A client that has bound itself.
    pub(crate) async fn bound(&self, app: &str, side: &str) -> Client {
        let mut client = self.connect().await;
        client.say(json!({"type": "bind", "appid": app, "side": side})).await;
        client.expect("ack").await;
        client
    }
}

/// A client's end of a connection.
pub(crate) struct Client<S = MaybeTlsStream<TcpStream>> {
    pub(crate) socket: WebSocketStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) async fn say(&mut self, message: Value) {
        self.say_raw(message.to_string()).await;
    }

    pub(crate) async fn say_raw(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn say_bytes(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::binary(bytes)).await.unwrap();
    }

    /// The next message, or `None` at the end of the connection.
    pub(crate) async fn hear(&mut self) -> Option<Value> {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.unwrap()?.ok()?;
            if message.is_close() {
                return None;
            }
            if let Some(text) = message.as_text() {
                return Some(serde_json::from_str(text).unwrap());
            }
        }
    }

    /// The next message, which must be of this type.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        let message = self.hear().await.expect("the server closed the connection");
        assert_eq!(message["type"], kind, "{message}");
        assert!(message["server_tx"].is_f64(), "{message}");
        message
    }

    /// Sends a message and returns the answer after its `ack`.
    pub(crate) async fn ask(&mut self, message: Value, kind: &str) -> Value {
        self.say(message).await;
        self.expect("ack").await;
        self.expect(kind).await
    }

    /// Sends a message that gets an `error` after its `ack`; returns the text.
    pub(crate) async fn refused(&mut self, message: Value) -> String {
        let error = self.ask(message.clone(), "error").await;
        assert_eq!(error["orig"], message);
        error["error"].as_str().unwrap().to_owned()
    }
}
