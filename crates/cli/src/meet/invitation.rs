//! What the person is told to do on the other computer.

use wormhole_sync::{CodeUri, DEFAULT_RENDEZVOUS, Role};

use super::Meeting;
use crate::{
    code::{Place, TypedCode},
    json::Event,
    settings::Shown,
};

/// What a side does once it has met the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// It gives a blob and gets one; this side was given a code, or chose one.
    Exchange,
    /// The same; this side was told the code.
    ExchangeJoining,
    /// It sends.
    Send,
    /// It receives; this side was told the code.
    Receive,
    /// It receives, and made the code.
    ReceiveAllocating,
    /// It takes a public key; this side was given a code, or chose one.
    SshInvite,
    /// It sends its public key; this side was told the code.
    SshAccept,
}

impl Part {
    /// Whether this side was told the code, so that the other side should be there already.
    pub(crate) const fn joins(self) -> bool {
        matches!(self, Self::ExchangeJoining | Self::Receive | Self::SshAccept)
    }
}

impl Meeting<'_> {
    /// Shows the code, and what to run on the other computer.
    pub(super) fn invite(&self, code: &TypedCode, shown: Shown) {
        match shown {
            Shown::Hidden => {}
            Shown::Zero => {
                self.console.tell(&Event::NoCode { command: &self.command("-0", code.place) });
            }
            Shown::Code => {
                let text = code.shown();
                let uri = CodeUri {
                    code: (*text).clone(),
                    rendezvous: self.elsewhere(code.place).map(ToOwned::to_owned),
                    role: if self.part == Part::ReceiveAllocating {
                        Role::Leader
                    } else {
                        Role::Follower
                    },
                };
                self.console.tell(&Event::Code {
                    code: &text,
                    uri: &uri.to_string(),
                    command: &self.command(&text, code.place),
                    picture: self.settings.qr,
                    allocated: self.part == Part::ReceiveAllocating,
                });
            }
        }
    }

    /// The command for the other computer, with whatever both sides must say alike.
    fn command(&self, code: &str, place: Place) -> String {
        let mut words = vec!["wormhole".to_owned()];
        if let Some(url) = self.elsewhere(place) {
            words.push(format!("--relay-url {}", quoted(url)));
        }
        if self.settings.app_id.named {
            words.push(format!("--appid {}", quoted(&self.settings.app_id.text)));
        }
        words.push(
            match self.part {
                Part::Exchange | Part::ExchangeJoining => "exchange",
                Part::Send => "receive",
                Part::Receive | Part::ReceiveAllocating => "send",
                Part::SshInvite => "ssh accept",
                Part::SshAccept => "ssh invite",
            }
            .to_owned(),
        );
        if self.settings.verify {
            words.push("--verify".to_owned());
        }
        if self.part == Part::ReceiveAllocating {
            words.push("--code".to_owned());
        }
        words.push(quoted(code));
        if self.part == Part::ReceiveAllocating {
            words.push("FILE".to_owned());
        }
        words.join(" ")
    }

    /// The server that the other side must be told of.
    fn elsewhere(&self, place: Place) -> Option<&str> {
        let url = Some(&*self.settings.server.text);
        url.filter(|url| place == Place::Server && *url != DEFAULT_RENDEZVOUS)
    }
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./:@%+=,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_written() {
        for (word, written) in [
            ("7-guitarist-revenge", "7-guitarist-revenge"),
            ("7-été", "7-été"),
            ("7-$(reboot)", "'7-$(reboot)'"),
            ("7-it's", r"'7-it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), written);
        }
    }
}
