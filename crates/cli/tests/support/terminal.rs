//! A real pseudo-terminal.

use std::process::Command;

use rexpect::session::{PtySession, spawn_command};

use super::PATIENCE;

/// A command at a terminal, with standard error there, too.
pub(crate) struct Terminal(PtySession);

impl Terminal {
    pub(crate) fn start(command: Command) -> Self {
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
        Self(spawn_command(command, Some(patience)).unwrap())
    }

    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) -> String {
        decoded(&self.0.exp_string(text).unwrap_or_else(|error| panic!("{error}")))
    }

    pub(crate) fn types(&mut self, text: &str) {
        self.0.send(text).unwrap();
        self.0.flush().unwrap();
    }

    /// Everything until its end, and the exit code.
    #[track_caller]
    pub(crate) fn ends(self) -> (String, i32) {
        let (said, status) = self.ends_somehow();
        let code = status
            .strip_prefix("Exited(")
            .and_then(|rest| rest.trim_end_matches(')').rsplit_once(' '));
        (said, code.unwrap_or_else(|| panic!("{status}")).1.parse().unwrap())
    }

    /// The same, with how it ended in words.
    pub(crate) fn ends_somehow(mut self) -> (String, String) {
        let said = decoded(&self.0.exp_eof().unwrap());
        (said, format!("{:?}", self.0.process().wait().unwrap())) // its type is not exported
    }
}

/// The text of what is read from a terminal as one letter for each byte.
fn decoded(bytes: &str) -> String {
    String::from_utf8(bytes.chars().map(|byte| u8::try_from(byte).unwrap()).collect()).unwrap()
}
