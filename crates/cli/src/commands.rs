//! The commands: settings in, an exit code out.

pub(crate) mod blob;
mod moving;

pub(crate) mod doctor;
pub(crate) mod exchange;
pub(crate) mod paper;
pub(crate) mod receive;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod ssh;
