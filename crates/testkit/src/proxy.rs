//! A proxy on loopback, which reaches names that no resolver knows and remembers what it was asked.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// How a [`Proxy`] speaks, or fails to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// SOCKS5. It takes a login where one is offered.
    Socks,
    /// HTTP CONNECT.
    Http,
    /// HTTP CONNECT that refuses everyone without this `Proxy-Authorization`.
    HttpFor(&'static str),
    /// SOCKS5 that refuses every request by its rules.
    Refuses,
    /// It answers anything with these bytes, and leaves.
    Says(&'static [u8]),
    /// It takes connections and says nothing.
    Silent,
}

/// A proxy that serves until the process ends.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    manner: Manner,
    names: Vec<(String, SocketAddr)>,
    asked: Mutex<Vec<Asked>>,
}

/// What a proxy was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `HOST:PORT`.
    pub target: String,
    /// `USER:PASSWORD`, or what stood in `Proxy-Authorization`; empty without.
    pub login: String,
}

impl Proxy {
    /// Starts one that knows these names, as `HOST:PORT`, beside plain addresses.
    pub fn start(manner: Manner, names: &[(&str, SocketAddr)]) -> io::Result<Self> {
        Self::start_at(0, manner, names)
    }

    /// The same at a port of its own.
    pub fn start_at(port: u16, manner: Manner, names: &[(&str, SocketAddr)]) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let names = names.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect();
        let shared = Arc::new(Shared { manner, names, asked: Mutex::default() });
        let proxy = Self { address: listener.local_addr()?, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // Who leaves half-way is of no interest here.
                thread::spawn(move || shared.serve(stream).is_ok());
            }
        });
        Ok(proxy)
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        match self.manner {
            Manner::Socks | Manner::Refuses => self.socks(stream),
            Manner::Http | Manner::HttpFor(_) => self.http(stream),
            Manner::Says(bytes) => {
                _ = stream.read(&mut [0; 512])?;
                stream.write_all(bytes)
            }
            Manner::Silent => io::copy(&mut stream, &mut io::sink()).map(drop),
        }
    }

    fn socks(&self, mut stream: TcpStream) -> io::Result<()> {
        let [_, methods] = read(&mut stream)?;
        let methods = read_some(&mut stream, methods)?;
        let mut login = String::new();
        if methods.contains(&2) {
            stream.write_all(&[5, 2])?;
            let [_, length] = read(&mut stream)?;
            let user = read_some(&mut stream, length)?;
            let [length] = read(&mut stream)?;
            let password = read_some(&mut stream, length)?;
            login = format!("{}:{}", text(&user), text(&password));
            stream.write_all(&[1, 0])?;
        } else {
            stream.write_all(&[5, 0])?;
        }
        let [_, _, _, kind] = read(&mut stream)?;
        let host = match kind {
            1 => IpAddr::from(read::<4>(&mut stream)?).to_string(),
            4 => IpAddr::from(read::<16>(&mut stream)?).to_string(),
            _ => {
                let [length] = read(&mut stream)?;
                text(&read_some(&mut stream, length)?)
            }
        };
        let port = u16::from_be_bytes(read(&mut stream)?);
        let there = self.connect(&host, port, login);
        let answer = match (&there, self.manner) {
            (_, Manner::Refuses) => 2,
            (Ok(_), _) => 0,
            (Err(_), _) => 4,
        };
        stream.write_all(&[5, answer, 0, 1, 0, 0, 0, 0, 0, 0])?;
        if answer == 0 { join(stream, there?) } else { Ok(()) }
    }

    fn http(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(read::<1>(&mut stream)?);
        }
        let head = text(&head);
        let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split_once(' '));
        let (host, port) = target
            .and_then(|(target, _)| target.rsplit_once(':'))
            .ok_or(io::ErrorKind::InvalidData)?;
        let login = head.lines().find_map(|line| line.strip_prefix("Proxy-Authorization: "));
        let login = login.unwrap_or_default().to_owned();
        let port = port.parse().map_err(|_| io::ErrorKind::InvalidData)?;
        if matches!(self.manner, Manner::HttpFor(wanted) if wanted != login) {
            return stream.write_all(b"HTTP/1.1 407 Who is it?\r\n\r\n");
        }
        match self.connect(host.trim_matches(['[', ']']), port, login) {
            Ok(there) => {
                stream.write_all(b"HTTP/1.1 200 Here it is\r\nVia: a toy\r\n\r\n")?;
                join(stream, there)
            }
            Err(_) => stream.write_all(b"HTTP/1.1 502 Nobody there\r\n\r\n"),
        }
    }

    fn connect(&self, host: &str, port: u16, login: String) -> io::Result<TcpStream> {
        let target = format!("{host}:{port}");
        let known = self.names.iter().find(|(name, _)| *name == target).map(|(_, at)| *at);
        let asked = Asked { target, login };
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        let address = host.parse::<IpAddr>().ok().map(|address| SocketAddr::from((address, port)));
        // No name is looked up: this proxy stands in for one that is far away, and is not to leave loopback.
        let reachable = address.filter(|address| address.ip().is_loopback());
        TcpStream::connect(known.or(reachable).ok_or(io::ErrorKind::HostUnreachable)?)
    }
}

/// Carries bytes both ways until both have ended.
fn join(here: TcpStream, there: TcpStream) -> io::Result<()> {
    let (mut from_here, mut to_there) = (here.try_clone()?, there.try_clone()?);
    let (mut from_there, mut to_here) = (there, here);
    let forth = thread::spawn(move || {
        io::copy(&mut from_here, &mut to_there)?;
        to_there.shutdown(Shutdown::Write)
    });
    io::copy(&mut from_there, &mut to_here)?;
    to_here.shutdown(Shutdown::Write)?;
    forth.join().unwrap_or(Ok(()))
}

fn read<const LENGTH: usize>(stream: &mut TcpStream) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    stream.read_exact(&mut bytes).map(|()| bytes)
}

fn read_some(stream: &mut TcpStream, length: u8) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes).map(|()| bytes)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
