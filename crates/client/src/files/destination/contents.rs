//! What comes: a file, or a directory as its archive.

use crate::files::unpack::Promise;

#[derive(Debug)]
pub(super) enum Contents {
    File,
    Archive(Promise),
}
