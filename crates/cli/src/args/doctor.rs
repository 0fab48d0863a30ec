//! `wormhole doctor`.

use clap::Args;

use super::{ListenArgs, LocalArgs, WorkArgs};

/// What it is told: what the exchange in question would be told.
#[derive(Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) listening: ListenArgs,
    #[command(flatten)]
    pub(crate) nearby: LocalArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}
