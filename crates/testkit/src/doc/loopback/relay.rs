//! A transit relay of which examples need no more than that it joins two.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, mpsc},
    thread,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

use super::runtime;

type Waiting = Arc<Mutex<HashMap<String, BufReader<TcpStream>>>>;

/// Starts a relay on a thread of its own, and tells how it is named.
pub fn relay() -> String {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        runtime().block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            _ = tell.send(format!("tcp:{}", listener.local_addr()?));
            let waiting = Waiting::default();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(join(stream, Arc::clone(&waiting)));
            }
            Ok::<(), io::Error>(())
        })
    });
    told.recv().unwrap_or_else(|_| panic!("no relay could be started"))
}

async fn join(stream: TcpStream, waiting: Waiting) -> io::Result<()> {
    let mut one = BufReader::new(stream);
    let mut line = String::new();
    one.read_line(&mut line).await?;
    let token = line.split(" for side ").next().unwrap_or_default().to_owned();
    let mut all = waiting.lock().await;
    let Some(mut other) = all.remove(&token) else {
        all.insert(token, one);
        return Ok(());
    };
    drop(all);
    one.write_all(b"ok\n").await?;
    other.write_all(b"ok\n").await?;
    copy_bidirectional(&mut one, &mut other).await?;
    Ok(())
}
