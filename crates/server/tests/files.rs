//! A server that may have few files open.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env,
    io::Read,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use wormhole_sync_server::{Clients, Config, Doors, listen, serve};

/// Beyond this a test has failed; nothing in it depends on how long things take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the server says what its addresses are.
const REPORT_TO: &str = "WORMHOLE_TEST_REPORT_TO";

const FILES: usize = 200;

/// The server, until its standard input ends. It is a program of its own, for a limit is the whole
/// program's.
async fn serve_with_few_files(report_to: &str) {
    let [web, admin] = [(); 2].map(|()| listen("127.0.0.1:0".parse().unwrap()).unwrap());
    let told = [&web, &admin].map(|door| door.local_addr().unwrap().to_string());
    let mut doors = Doors::from(web);
    doors.admin.push(admin);
    let mut report = TcpStream::connect(report_to).await.unwrap();
    report.write_all(told.join(" ").as_bytes()).await.unwrap();
    drop(report);
    let clients = Clients { handshake: 10 * PATIENCE, ..Clients::default() };
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let shutdown = async { _ = ended.await };
    serve(doors, Config { clients, ..Config::default() }, shutdown).await.unwrap();
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// All that comes until the end of a connection.
async fn heard(stream: &mut TcpStream) -> String {
    let mut heard = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut heard)).await.unwrap().unwrap();
    heard
}

#[tokio::test]
async fn a_server_is_full_before_it_is_out_of_files_and_its_operator_still_sees_in() {
    if let Ok(report_to) = env::var(REPORT_TO) {
        return serve_with_few_files(&report_to).await;
    }
    let reports = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -n {FILES}; exec \"$0\" \"$@\""));
    command.arg(env::current_exe().unwrap());
    command.env(REPORT_TO, reports.local_addr().unwrap().to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let _server = Server(command.spawn().unwrap());
    let mut report = timeout(PATIENCE, reports.accept()).await.unwrap().unwrap().0;
    let told = heard(&mut report).await;
    let (web, admin) = told.split_once(' ').unwrap();
    let [web, admin] = [web, admin].map(|told| told.parse::<SocketAddr>().unwrap());

    let mut clients = Vec::new();
    for _ in 0..FILES {
        clients.push(TcpStream::connect(web).await.unwrap());
    }
    let answer = heard(clients.last_mut().unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.contains("the server is full: this server's limit is 136 conn"), "{answer}");
    let mut operator = TcpStream::connect(admin).await.unwrap();
    operator.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").await.unwrap();
    let answer = heard(&mut operator).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}
