//! The file that says whose keys let somebody in: `~/.ssh/authorized_keys`.
//!
//! Everything is opened relative to the home directory, and no symbolic link is followed in it: what is
//! added is added to the file of that name, or to none.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{AtFlags, OFlag, open, openat},
    libc::mode_t,
    sys::stat::{FileStat, Mode, SFlag, fstat, mkdirat},
    unistd::{AccessFlags, faccessat, fsync, geteuid},
};

use super::key::PublicKey;
use crate::exit::Failure;

const DIRECTORY: &str = ".ssh";
const FILE: &str = "authorized_keys";

/// Most bytes of such a file: what is longer is something else, and is not read into memory.
const MAX_FILE: u64 = 16 << 20;

/// A user's file, which may not be there yet.
pub(crate) struct AuthorizedKeys {
    home: OwnedFd,
    path: PathBuf,
}

/// The file can be added to, and this is to be known about it.
pub(crate) struct Checked {
    pub(crate) keys: AuthorizedKeys,
    pub(crate) notes: Vec<String>,
}

impl AuthorizedKeys {
    /// Those of whoever has this home directory, after a look at whether a key can be added at all.
    /// Nothing is made yet.
    pub(crate) fn check(home: &Path) -> Result<Checked, Failure> {
        let directory = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let opened = open(home, directory, Mode::empty()).map_err(|error| unusable(home, error))?;
        let keys = Self { home: opened, path: home.join(DIRECTORY).join(FILE) };
        let mut notes = Vec::new();
        notes.extend(doubt(&keys.home, home)?);
        let ssh = keys.directory()?;
        let mut file = None;
        if let Some(ssh) = &ssh {
            notes.extend(doubt(ssh, &home.join(DIRECTORY))?);
            file = keys.file(ssh)?;
        }
        if let Some(file) = file {
            notes.extend(doubt(&file, &keys.path)?);
        } else {
            keys.may_create(ssh.as_ref().unwrap_or(&keys.home))?;
            notes.push(format!("{} is not there yet; it will be made", keys.path.display()));
        }
        Ok(Checked { keys, notes })
    }

    /// Where it stands.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a key as one line, on the disk when this returns; `false` when it is there already.
    pub(crate) fn add(&self, key: &PublicKey) -> Result<bool, Failure> {
        let ssh = self.made_directory()?;
        let mut file = match self.file(&ssh)? {
            Some(file) => file,
            None => self.made_file(&ssh)?,
        };
        let there = self.read(&mut file)?;
        if holds(&there, key) {
            return Ok(false);
        }
        let ends = there.is_empty() || there.ends_with(b"\n");
        let line = format!("{}{}\n", if ends { "" } else { "\n" }, key.line());
        append(&mut file, line.as_bytes(), there.len())
            .and_then(|()| fsync(&ssh).map_err(Into::into))
            .and_then(|()| fsync(&self.home).map_err(Into::into))
            .map_err(|error| self.unwritable(&error))?;
        Ok(true)
    }

    fn directory(&self) -> Result<Option<OwnedFd>, Failure> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        existing(openat(&self.home, DIRECTORY, flags, Mode::empty()))
            .map_err(|error| unusable(self.path.parent().unwrap_or(&self.path), error))
    }

    fn made_directory(&self) -> Result<OwnedFd, Failure> {
        match mkdirat(&self.home, DIRECTORY, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(self.unwritable(&error.into())),
        }
        self.directory()?.ok_or_else(|| self.unwritable(&Errno::ENOENT.into()))
    }

    fn file(&self, ssh: &OwnedFd) -> Result<Option<File>, Failure> {
        let opened = existing(openat(ssh, FILE, ADDING, Mode::empty()));
        let Some(file) = opened.map_err(|error| unusable(&self.path, error))? else {
            return Ok(None);
        };
        let status = fstat(&file).map_err(|error| unusable(&self.path, error))?;
        if !is(&status, SFlag::S_IFREG) || status.st_nlink != 1 {
            return Err(Failure::here(format!(
                "{} is no ordinary file of that one name; put one in its place",
                self.path.display()
            )));
        }
        Ok(Some(file.into()))
    }

    fn made_file(&self, ssh: &OwnedFd) -> Result<File, Failure> {
        let flags = ADDING | OFlag::O_CREAT | OFlag::O_EXCL;
        let made = openat(ssh, FILE, flags, Mode::S_IRUSR | Mode::S_IWUSR);
        made.map(File::from).map_err(|error| self.unwritable(&error.into()))
    }

    fn read(&self, file: &mut File) -> Result<Vec<u8>, Failure> {
        let mut there = Vec::new();
        let read = file.take(MAX_FILE).read_to_end(&mut there);
        let read = read.map_err(|error| self.unwritable(&error))?;
        if u64::try_from(read).is_ok_and(|read| read < MAX_FILE) {
            return Ok(there);
        }
        Err(Failure::here(format!(
            "{} is longer than {MAX_FILE} bytes, which no list of keys is; look at it",
            self.path.display()
        )))
    }

    fn may_create(&self, directory: &OwnedFd) -> Result<(), Failure> {
        let access = AccessFlags::W_OK | AccessFlags::X_OK;
        faccessat(directory, ".", access, AtFlags::AT_EACCESS).map_err(|error| {
            Failure::here(format!(
                "{} cannot be made: {error}; let its user write to the directory above it, and start again",
                self.path.display(),
            ))
        })
    }

    fn unwritable(&self, error: &io::Error) -> Failure {
        Failure::here(format!(
            "{} could not be added to: {error}; make room or change its permissions, and start again",
            self.path.display()
        ))
    }
}

/// For reading what is there and adding to it; a pipe is not waited for.
const ADDING: OFlag = OFlag::O_RDWR
    .union(OFlag::O_APPEND)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_CLOEXEC);

fn existing(opened: nix::Result<OwnedFd>) -> nix::Result<Option<OwnedFd>> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(Errno::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

fn unusable(path: &Path, error: Errno) -> Failure {
    let advice = match error {
        // As the systems say it where a symbolic link stands.
        Errno::ELOOP | Errno::EMLINK | Errno::ENOTDIR => {
            "symbolic links are not followed there; put what it leads to in its place"
        }
        _ => "change its permissions, or run this as the user to whom it belongs",
    };
    Failure::here(format!("{} cannot be added to: {error}; {advice}", path.display()))
}

/// One write, and what it wrote of a line that found no room is taken back.
fn append(file: &mut File, line: &[u8], length: usize) -> io::Result<()> {
    if file.write(line)? == line.len() {
        return file.sync_all();
    }
    file.set_len(u64::try_from(length).map_err(io::Error::other)?)?;
    Err(Errno::ENOSPC.into())
}

/// Why the SSH server would look past this file or directory, as it does by default.
fn doubt(opened: impl AsFd, path: &Path) -> Result<Option<String>, Failure> {
    let status = fstat(opened).map_err(|error| unusable(path, error))?;
    let path = path.display();
    if status.st_uid != geteuid().as_raw() && status.st_uid != 0 {
        return Ok(Some(format!(
            "{path} belongs to another user, so that the SSH server may ignore the keys there; change its owner"
        )));
    }
    let others = Mode::S_IWGRP | Mode::S_IWOTH;
    Ok((mode(&status).intersects(others)).then(|| {
        format!(
            "others may write to {path}, so that the SSH server may ignore the keys there; run: chmod go-w {path}"
        )
    }))
}

fn mode(status: &FileStat) -> Mode {
    Mode::from_bits_truncate(status.st_mode as mode_t)
}

fn is(status: &FileStat, kind: SFlag) -> bool {
    SFlag::from_bits_truncate(status.st_mode as mode_t) & SFlag::S_IFMT == kind
}

/// Whether a line of the file lets this key in, whatever else it says of it.
fn holds(there: &[u8], key: &PublicKey) -> bool {
    let there = String::from_utf8_lossy(there);
    there.lines().map(str::trim_ascii_start).filter(|line| !line.starts_with('#')).any(|line| {
        let (options, rest) = line.split_at_checked(options_end(line)).unwrap_or((line, ""));
        // A certificate authority's key lets in what it has signed, and not itself.
        begins_with(line, key) || begins_with(rest, key) && !options.contains("cert-authority")
    })
}

/// Only what stands where a key does is one: a comment is whatever somebody wrote.
fn begins_with(line: &str, key: &PublicKey) -> bool {
    let mut words = line.split_ascii_whitespace();
    words.next() == Some(key.kind()) && words.next() == Some(key.base64())
}

/// Where the options before a key end, as sshd reads them: at the first blank that is in no quotes.
fn options_end(line: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    line.bytes()
        .position(|byte| {
            quoted ^= byte == b'"' && !escaped;
            escaped = byte == b'\\';
            !quoted && matches!(byte, b' ' | b'\t')
        })
        .unwrap_or(line.len())
}
