//! OpenSSH's public keys: read, found on this computer, and added where they let somebody in.

#[cfg(unix)]
pub(crate) mod authorized;
pub(crate) mod key;
pub(crate) mod own;
#[cfg(unix)]
pub(crate) mod user;
