//! This person's public keys. A private key is never opened.

use std::{
    env,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::key::{MAX_LINE, NoKey, PublicKey};
use crate::exit::Failure;

/// Most bytes that are read of a file that should hold a key: enough to see that it holds another thing.
const MAX_FILE: u64 = 2 * MAX_LINE as u64;

/// A public key and where it stands.
pub(crate) struct OwnKey {
    pub(crate) path: PathBuf,
    pub(crate) key: PublicKey,
}

/// The keys of which one is meant, and what looked like one and is none, with the reason.
pub(crate) struct OwnKeys {
    pub(crate) keys: Vec<OwnKey>,
    pub(crate) left_out: Vec<(PathBuf, String)>,
}

/// Finds them: at `named`, which is a public key's file, its private key's, or a directory; otherwise in
/// `~/.ssh`.
pub(crate) fn find(named: Option<&Path>) -> Result<OwnKeys, Failure> {
    let Some(path) = named else {
        return in_directory(&home()?.join(".ssh"));
    };
    if path.is_dir() {
        return in_directory(path);
    }
    let path = beside(path);
    let key = read(&path).map_err(|problem| problem.into_failure(&path))?;
    Ok(OwnKeys { keys: vec![OwnKey { path, key }], left_out: Vec::new() })
}

/// The home directory of whoever runs this.
pub(crate) fn home() -> Result<PathBuf, Failure> {
    env::home_dir().filter(|home| !home.as_os_str().is_empty()).ok_or_else(|| {
        Failure::usage("this user has no home directory; set the environment variable HOME")
    })
}

/// The public key beside a private one.
fn beside(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|extension| extension == "pub") {
        return path.to_owned();
    }
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    let public = PathBuf::from(public);
    if public.is_file() { public } else { path.to_owned() }
}

fn in_directory(directory: &Path) -> Result<OwnKeys, Failure> {
    let mut found = OwnKeys { keys: Vec::new(), left_out: Vec::new() };
    for path in public_keys(directory).map_err(|error| unlisted(directory, &error))? {
        match read(&path) {
            Ok(key) => found.keys.push(OwnKey { path, key }),
            Err(problem) => found.left_out.push((path, problem.reason())),
        }
    }
    if found.keys.is_empty() {
        let why = found
            .left_out
            .first()
            .map_or_else(String::new, |(path, reason)| format!(" ({}: {reason})", path.display()));
        return Err(Failure::usage(format!(
            "there is no public key in {} that can be sent{why}; make one with ssh-keygen, or name one with \
             --key-file",
            directory.display()
        )));
    }
    Ok(found)
}

/// The files in a directory that are named like public keys, in order.
fn public_keys(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "pub") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn unlisted(directory: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!(
        "{} cannot be searched for public keys: {error}; make a key with ssh-keygen, or name one with --key-file",
        directory.display()
    ))
}

/// Why a file gives no key.
enum Problem {
    Unreadable(io::Error),
    NoKey(NoKey),
}

impl Problem {
    fn reason(&self) -> String {
        match self {
            Self::Unreadable(error) => format!("it cannot be read: {error}"),
            Self::NoKey(reason) => reason.to_string(),
        }
    }

    fn into_failure(self, path: &Path) -> Failure {
        let advice = match &self {
            Self::Unreadable(_) => "check its name",
            Self::NoKey(NoKey::Private) => {
                "name its .pub file, which 'ssh-keygen -y' makes where it is gone"
            }
            Self::NoKey(_) => "name a .pub file as ssh-keygen makes them",
        };
        Failure::usage(format!("{} was not sent: {}; {advice}", path.display(), self.reason()))
    }
}

fn read(path: &Path) -> Result<PublicKey, Problem> {
    if !path.metadata().map_err(Problem::Unreadable)?.is_file() {
        return Err(Problem::Unreadable(io::Error::other("it is no file"))); // opening a pipe would wait
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Problem::Unreadable)?;
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(Problem::Unreadable)?;
    PublicKey::parse(&String::from_utf8_lossy(&bytes)).map_err(Problem::NoKey)
}
