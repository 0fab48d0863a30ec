//! `wormhole ssh`: a public key to a computer that is to let its owner in. On the wire it is a text, as in
//! the Python tool.

use crate::{
    args::{GlobalArgs, MeetingArgs, QrArgs},
    exit::Failure,
    json::KeyOutline,
    settings::Settings,
    ssh::key::PublicKey,
};

pub(crate) mod accept;
#[cfg(unix)]
pub(crate) mod invite;

/// The application id, the Python tool's.
const APP_ID: &str = "lothar.com/wormhole/ssh-add";

/// How to meet. Without a code anybody could be the one who is let in.
fn settings(global: &GlobalArgs, meeting: &MeetingArgs) -> Result<Settings, Failure> {
    if meeting.zero {
        return Err(Failure::usage(
            "without a code whoever comes first would be let in; leave -0 out, and use a code",
        ));
    }
    // The code's URI means a transfer of files to those who read pictures of codes.
    Settings::resolve(global, meeting, &QrArgs::NONE, APP_ID, false)
}

/// What is shown of a key.
fn outline(key: &PublicKey) -> KeyOutline<'_> {
    KeyOutline { kind: key.kind(), fingerprint: key.fingerprint(), comment: key.comment() }
}
