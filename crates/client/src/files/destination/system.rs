//! What the standard library has no words for, per operating system.

use std::{ffi::OsStr, fs::File, io, ops::Range};

use cap_std::fs::{Dir, Metadata, OpenOptions};

/// Free bytes for this user; none if the file system does not tell.
#[cfg(unix)]
pub(super) fn free(dir: &Dir) -> Option<u64> {
    let stat = rustix::fs::fstatvfs(dir).ok().filter(|stat| stat.f_blocks != 0)?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
pub(super) fn free(_: &Dir) -> Option<u64> {
    None
}

/// A file without a name. Where there is no such thing it has one for a moment.
pub(super) fn unnamed(dir: &Dir, name: &str) -> io::Result<File> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::fs::{Mode, OFlags, openat};
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        if let Ok(file) = openat(dir, ".", flags, Mode::RUSR | Mode::WUSR) {
            return Ok(file.into());
        }
    }
    let file = dir.open_with(name, owners(OpenOptions::new().read(true)))?.into_std();
    dir.remove_file(name)?;
    Ok(file)
}

/// To write a new file that only its owner can read.
pub(super) fn owners(options: &mut OpenOptions) -> &OpenOptions {
    options.write(true).create_new(true);
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Gives a file or directory another name, unless that is taken: [`io::ErrorKind::AlreadyExists`].
pub(super) fn rename_new(dir: &Dir, from: &OsStr, to: &OsStr, directory: bool) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::{fs::RenameFlags, io::Errno};
        match rustix::fs::renameat_with(dir, from, dir, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            done => return done.map_err(io::Error::from),
        }
    }
    rename_new_in_steps(dir, from, to, directory)
}

/// The same for file systems that cannot do it at once: a link is never made over what is there, and a
/// directory takes the place of an empty one alone, which is made for it.
fn rename_new_in_steps(dir: &Dir, from: &OsStr, to: &OsStr, directory: bool) -> io::Result<()> {
    if directory {
        dir.create_dir(to)?;
        return dir.rename(from, dir, to).inspect_err(|_| {
            let _ = dir.remove_dir(to); // only if it is empty still
        });
    }
    dir.hard_link(from, dir, to)?;
    dir.remove_file(from)
}

/// Has a part of a file written to the disk, and waits for nothing. Where that cannot be asked for, the sync at the end
/// does it all.
pub(super) fn begin_writing_back(file: &File, part: Range<u64>) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use std::num::NonZeroU64;

        use rustix::fs::{Advice, fadvise};
        // What is not needed is written first; what is still being written stays in memory.
        let length = NonZeroU64::new(part.end.saturating_sub(part.start));
        let _ = fadvise(file, part.start, length, Advice::DontNeed);
    }
    let _ = (file, part);
}

/// Brings the names in a directory to the disk.
pub(super) fn sync_names(dir: &Dir) -> io::Result<()> {
    if cfg!(unix) { handle(dir, ".")?.sync_all() } else { Ok(()) }
}

/// Brings everything that was written to the directory's file system to the disk, in one call.
pub(super) fn sync_everything(dir: &Dir) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::fs::syncfs(handle(dir, ".")?)?;
    #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
    rustix::fs::sync();
    let _ = dir;
    Ok(())
}

/// The directory that was made under this name just now: itself, and not what a link leads to.
pub(super) fn open_own(dir: &Dir, name: &OsStr) -> io::Result<Dir> {
    #[cfg(unix)]
    {
        use rustix::fs::{Mode, OFlags, openat};
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Dir::from_std_file(openat(dir, name, flags, Mode::empty())?.into()))
    }
    #[cfg(not(unix))]
    dir.open_dir(name)
}

/// A directory beneath, to change it itself: a capability may be good for walking through only.
pub(super) fn handle(dir: &Dir, path: &str) -> io::Result<File> {
    #[cfg(unix)]
    return Ok(dir.open(path)?.into_std());
    #[cfg(not(unix))]
    return Ok(dir.open_dir(path)?.into_std_file());
}

/// Lets this user into a directory beneath whose mode keeps everybody out.
pub(super) fn let_in(dir: &Dir, path: &str) -> io::Result<()> {
    #[cfg(unix)]
    {
        use cap_std::fs::{Permissions, PermissionsExt};
        dir.set_permissions(path, Permissions::from_mode(0o700))?;
    }
    let _ = (dir, path);
    Ok(())
}

/// Whether both are one file; where that cannot be told, whether it is a file at all.
pub(super) fn is_same(one: &Metadata, other: &File) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let other = other.metadata()?;
        let identity = (other.dev(), other.ino());
        Ok((cap_std::fs::MetadataExt::dev(one), cap_std::fs::MetadataExt::ino(one)) == identity)
    }
    #[cfg(not(unix))]
    return other.metadata().map(|_| one.is_file());
}

/// Permission bits, with those of setuid and its like.
pub(super) fn mode(file: &File) -> io::Result<u32> {
    #[cfg(unix)]
    return Ok(std::os::unix::fs::MetadataExt::mode(&file.metadata()?) & 0o7777);
    #[cfg(not(unix))]
    return file.metadata().map(|_| 0o777);
}

/// Sets the permission bits, where there are such.
pub(super) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    let _ = (file, mode);
    Ok(())
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn in_steps_too_nothing_that_stands_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        dir.write("new", "new").unwrap();
        dir.write("old", "old").unwrap();
        dir.create_dir("tree").unwrap();
        dir.write("tree/leaf", "leaf").unwrap();
        dir.create_dir("empty").unwrap();
        let rename = |from: &str, to: &str, directory| {
            rename_new_in_steps(&dir, from.as_ref(), to.as_ref(), directory)
        };
        assert_eq!(rename("new", "old", false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(rename("tree", "empty", true).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(dir.read("old").unwrap(), b"old");
        rename("new", "free", false).unwrap();
        rename("tree", "wood", true).unwrap();
        assert_eq!(dir.read("free").unwrap(), b"new");
        assert_eq!(dir.read("wood/leaf").unwrap(), b"leaf");
        assert_eq!(dir.entries().unwrap().count(), 4);
    }
}
