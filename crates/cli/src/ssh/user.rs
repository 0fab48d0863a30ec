//! For whom a key is added.

use std::path::PathBuf;

use nix::unistd::{User, geteuid};

use super::own;
use crate::exit::Failure;

/// Somebody who can log in here.
pub(crate) struct Owner {
    /// The login name, or a number that has none.
    pub(crate) name: String,
    /// The home directory.
    pub(crate) home: PathBuf,
}

impl Owner {
    /// Whoever runs this.
    pub(crate) fn current() -> Result<Self, Failure> {
        let uid = geteuid();
        let user = User::from_uid(uid).ok().flatten();
        Ok(Self {
            name: user.map_or_else(|| uid.to_string(), |user| user.name),
            home: own::home()?,
        })
    }

    /// The user of this name. From here on this process is theirs: it can do what they can, and no more,
    /// so that nothing that they have put into their home directory is followed with root's rights.
    pub(crate) fn become_user(name: &str) -> Result<Self, Failure> {
        let found = User::from_name(name).map_err(|error| {
            Failure::here(format!(
                "the users of this computer cannot be read: {error}; start again"
            ))
        })?;
        let user = found.ok_or_else(|| {
            Failure::usage(format!("there is no user '{name}' on this computer; check the name"))
        })?;
        if user.uid != geteuid() {
            if !geteuid().is_root() {
                return Err(run_as(name));
            }
            take_over(&user)?;
        }
        Ok(Self { name: user.name, home: user.dir })
    }
}

fn run_as(name: &str) -> Failure {
    Failure::usage(format!(
        "only root can add a key for another user; run this as root, or as {name}"
    ))
}

#[cfg(not(any(target_vendor = "apple", target_os = "redox", target_os = "haiku")))]
fn take_over(user: &User) -> Result<(), Failure> {
    use nix::unistd::{initgroups, setgid, setuid};
    let name = std::ffi::CString::new(&*user.name).map_err(|_| run_as(&user.name))?;
    initgroups(&name, user.gid)
        .and_then(|()| setgid(user.gid))
        .and_then(|()| setuid(user.uid))
        .map_err(|error| {
            run_as(&user.name).but(&format!("root's rights cannot be given up here: {error}"))
        })
}

/// Where groups are not the process's own, what root may do as a member of them cannot be given up.
#[cfg(any(target_vendor = "apple", target_os = "redox", target_os = "haiku"))]
fn take_over(user: &User) -> Result<(), Failure> {
    Err(run_as(&user.name).but("on this system root cannot do it"))
}
