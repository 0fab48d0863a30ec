//! The text of a file of settings.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

/// Bytes of the file, 1 MiB: all settings with their comments are some 20 KiB, and what is named by mistake, a database or a
/// device without end, must not fill the memory.
pub(super) const LARGEST: u64 = 1 << 20;

/// How long the file may take to be read: nobody may write to a pipe, and a disk elsewhere may not answer. On time for systemd,
/// which gives a service 90 seconds to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the file. What it is does not matter, so that another program's output can be one.
pub(super) fn read(path: &Path) -> io::Result<String> {
    within(PATIENCE, path.to_owned())
}

/// Reads it on a thread of its own, which is left behind when it takes too long.
fn within(patience: Duration, path: PathBuf) -> io::Result<String> {
    let (done, read) = channel();
    let reader = thread::Builder::new().spawn(move || {
        _ = done.send(whole(&path)); // nobody may wait for it any more
    })?;
    match read.recv_timeout(patience) {
        Ok(text) => {
            _ = reader.join(); // it has nothing left to do, and whoever calls may want to be the only thread
            text
        }
        Err(RecvTimeoutError::Timeout) => Err(io::Error::other(format!(
            "it has no end within {} s, as when it is a pipe that nobody writes to",
            patience.as_secs()
        ))),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("it cannot be read")),
    }
}

fn whole(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other("it is larger than 1 MiB, which no file of settings is"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    #[test]
    fn a_file_as_large_as_may_be_is_read_and_a_larger_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wormhole.toml");
        for (bytes, is_read) in [(LARGEST, true), (LARGEST + 1, false)] {
            fs::write(&path, vec![b'#'; usize::try_from(bytes).unwrap()]).unwrap();
            assert_eq!(read(&path).is_ok(), is_read, "{bytes}");
        }
    }

    #[test]
    fn a_device_without_end_is_refused_as_too_large() {
        let refused = read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(refused.contains("larger than 1 MiB"), "{refused}");
        assert_eq!(read(Path::new("/dev/null")).unwrap(), "");
    }

    #[test]
    fn a_pipe_is_read_to_its_end_and_not_waited_for_when_nobody_writes() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let writer = pipe.clone();
        let writer = thread::spawn(move || fs::write(writer, "drain = 3"));
        assert_eq!(read(&pipe).unwrap(), "drain = 3");
        writer.join().unwrap().unwrap();

        let refused = within(Duration::from_millis(50), pipe).unwrap_err().to_string();
        assert!(refused.contains("no end within"), "{refused}");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wormhole.toml");
        fs::write(&path, [0xff]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("UTF-8"));
        assert!(read(folder.path()).is_err());
    }
}
