//! The server that is killed.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use wormhole_sync_server::{Config, Database, listen, serve};

/// Serves until it is killed.
pub(crate) async fn run(address: &str, database: PathBuf) -> Result<(), String> {
    let address = address.parse().map_err(|error| format!("{address}: {error}"))?;
    let listener = listen(address).map_err(|error| error.to_string())?;
    let config = Config { database: Database::Path(database), ..Config::default() };
    serve(listener, config, std::future::pending()).await.map_err(|error| error.to_string())
}

/// A server in a process of its own.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(address: SocketAddr, database: &Path) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        Command::new(program)
            .args(["serve", &address.to_string()])
            .arg(database)
            .stdin(Stdio::null())
            .spawn()
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// Kills it, as `kill -9` does. It must have been running until now.
    pub(crate) fn kill(&mut self) -> Result<(), String> {
        if let Ok(Some(status)) = self.0.try_wait() {
            return Err(format!("the server ended by itself: {status}"));
        }
        self.0.kill().and_then(|()| self.0.wait()).map_err(|error| error.to_string())?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
