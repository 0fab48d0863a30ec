//! A public key on one line, as OpenSSH writes it: kind, base64, comment.
//!
//! Whoever may add a line to `authorized_keys` may log in, and may say more there than a key: options
//! run commands. So a line is never passed on as it came. It is taken apart, each part is checked, and
//! what is left is put together again.

use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD};
use sha2::{Digest, Sha256};

use crate::term::sanitize;

mod kind;

use kind::known;

/// Most bytes of a line with a key; the longest that OpenSSH makes, RSA of 16,384 bits, takes 2,800. A
/// stranger fills no more of a file than this.
pub(crate) const MAX_LINE: usize = 8192;

/// Most letters of a comment that are kept: it is no place for a text.
const MAX_COMMENT: usize = 200;

/// A public key that OpenSSH takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    kind: &'static str,
    base64: String,
    fingerprint: String,
    comment: String,
}

impl PublicKey {
    /// Reads the one line that `text` may hold.
    pub(crate) fn parse(text: &str) -> Result<Self, NoKey> {
        let line = text.trim_ascii();
        if is_private(line) {
            return Err(NoKey::Private);
        }
        if line.len() > MAX_LINE {
            return Err(NoKey::TooLong);
        }
        if line.contains(['\n', '\r']) {
            return Err(NoKey::SeveralLines);
        }
        if line.contains(|letter: char| letter.is_control() && letter != '\t') {
            return Err(NoKey::Control);
        }
        let mut words = line.split_ascii_whitespace();
        let kind = known(words.next().unwrap_or_default(), words.clone())?;
        let blob = BASE64
            .decode(words.next().unwrap_or_default().as_bytes())
            .map_err(|_| NoKey::NotBase64)?;
        kind.check(&blob)?;
        let comment = sanitize::compact(&words.collect::<Vec<_>>().join(" "), MAX_COMMENT);
        Ok(Self {
            kind: kind.name,
            base64: BASE64.encode(&blob),
            fingerprint: format!("SHA256:{}", BASE64_NOPAD.encode(&Sha256::digest(&blob))),
            comment: comment.chars().take(MAX_COMMENT).collect(), // escapes are longer than what they stand for
        })
    }

    /// What OpenSSH calls its kind.
    pub(crate) const fn kind(&self) -> &str {
        self.kind
    }

    /// The key itself, in base64.
    pub(crate) fn base64(&self) -> &str {
        &self.base64
    }

    /// What `ssh-keygen -l` shows of it.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What its owner calls it; nothing in it is obeyed by a terminal.
    pub(crate) fn comment(&self) -> &str {
        &self.comment
    }

    /// The line, made anew, without a line break.
    pub(crate) fn line(&self) -> String {
        format!("{} {} {}", self.kind, self.base64, self.comment).trim_end().to_owned()
    }
}

/// Why a text is no key that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoKey {
    Private,
    TooLong,
    SeveralLines,
    Control,
    Options,
    UnknownKind,
    NotBase64,
    Disagrees,
    Malformed,
}

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Private => f.write_str("it is a private key, which never leaves its computer"),
            Self::TooLong => write!(f, "it is longer than {MAX_LINE} bytes"),
            Self::SeveralLines => f.write_str("it has several lines, and a key has one"),
            Self::Control => f.write_str("it has control characters"),
            Self::Options => f.write_str("it has options before the key, such as command=\"…\""),
            Self::UnknownKind => f.write_str(
                "it does not begin with a kind of key that OpenSSH takes, such as ssh-ed25519",
            ),
            Self::NotBase64 => f.write_str("what follows its kind is not base64"),
            Self::Disagrees => f.write_str("it is of another kind than it says"),
            Self::Malformed => f.write_str("the key in it is damaged"),
        }
    }
}

fn is_private(text: &str) -> bool {
    let marks = ["PRIVATE KEY-----", "PuTTY-User-Key-File", "SSH PRIVATE KEY FILE FORMAT"];
    text.lines().take(3).any(|line| marks.iter().any(|mark| line.contains(mark)))
}

#[cfg(test)]
mod tests {
    use super::{kind::KINDS, *};
    use proptest::prelude::*;

    /// Of each kind, with the fingerprint that `ssh-keygen -l` shows.
    const KEYS: [(&str, &str, &str); 8] = [
        (
            "ssh-ed25519",
            "AAAAC3NzaC1lZDI1NTE5AAAAILTQ4Unsr0szGUw+9bZO2soF7Le9Jap9ty+kTOGSirSU",
            "SHA256:csil6ZG4wi/IuLNOC00bdo6JGztpPdZTD6N7SAecJYY",
        ),
        (
            "ecdsa-sha2-nistp256",
            "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBFNrJ+ShOngQMH0tUc20w3COtncUEOY7\
             8S27zcLV3kyCsJK/KdGIr1xICbtBKz3YTSmSnEoX6RCcQIiJ5CjRV68=",
            "SHA256:RiZDlXX4KjRg/bHYkIRaAfUTpshymm2ea3P59KfZDSI",
        ),
        (
            "ecdsa-sha2-nistp384",
            "AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBP/Wd6Wsj0ah194UI1uLmdVGkxaEZKVE\
             Z89mKjyqiMon6UWh01ektJ+wf9A9zOiV/3NX4ikuHOVcBK2eDXlomvRoS8cnP0uSIkpXqzCG8cbb3SVkjeFq\
             qKaGwq9yZVbI0g==",
            "SHA256:Iu+X32XEiArOLFyq4blda3qSqiLy5pVy8quDFvvYHsA",
        ),
        (
            "ecdsa-sha2-nistp521",
            "AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAG5v5DesxKcRSE5JMf89Nogo3VyIBcd\
             UQn97mV78KSEu13UgMXJf6wqG9lu/VtwCYjwjEe7p5X9/s3kuvJvTZyPngAqgBu90Ln1qBz0S7AuHriDGopi\
             ud3vdJhjxukdmXEdtXouI/97A0JCOaEcWBEUdD4VdKF/Jr5Dv+GAJPCQlDdHFQ==",
            "SHA256:ohlroInorfETKA2ZaBnf/X7J/gdlrdFB03HDXRKNmKk",
        ),
        (
            "ssh-rsa",
            "AAAAB3NzaC1yc2EAAAADAQABAAABAQCqz6nVW5hOaJkyT+Gg/s7+d31eG+tp5eaOU5ajl0t6VR9S5lddwoid\
             jFW7BgHt2NtJ5Wh8eb3hRh2/wUqJ2Y7Ywl6gC4zFFS/gKTVFGbRtitVrZH8datFc1IeW5Dve27+nKKcqlkoy\
             Nmlk83ApLXKCdmZ7FIF1osoGqURLIwV5M+BfZJqoVP2tm7UeYJ2Qy8zmox16eqIXrdpNzgmrfk1HnX+zjwY8\
             bFpKlumhIVGtOGDH4P9w8gNYLuBI0DpJKQ+xhul4vU0ZtQU9qnjSloNnrt4tQpNBKfEvnrAon6DT0T4Ng4Rx\
             Gkkmd+zcKZ+hM7ezTILWLP5rs2pkW8PQRLH1",
            "SHA256:pSLqo16D2snxo8ZSdmPJ3h3GITXIxcgNJqy5SEYYpYk",
        ),
        (
            "ssh-rsa",
            "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDAgv35aQhejw28FtzZkvnbhUZvbfQvPi8Nky5Np9Kgc/ZzWWmCOp/2\
             Jp/dhjvP40O9uZHxQHHVI4/V+X9Z7aGHODUMfdLnf6HfWBsIHcjHoyTmBnBaHYKXPXDqIm3RmOQeIDdjIdTN\
             datgnfdBTH8+YMBTXSWstblzjDkWEc75TQ==",
            "SHA256:qcrGerjLCFVlD5XPXOGMUfOGlFDbSTMbUA/xtUHc0+0",
        ),
        (
            "sk-ssh-ed25519@openssh.com",
            "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAILTQ4Unsr0szGUw+9bZO2soF7Le9Jap9ty+kTOGS\
             irSUAAAABHNzaDo=",
            "SHA256:yQV5CS504RcIY3nJHPr6EAsVfRcBdN8Tv82KE+5tAmY",
        ),
        (
            "sk-ecdsa-sha2-nistp256@openssh.com",
            "AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20AAAAIbmlzdHAyNTYAAABBBFNrJ+ShOngQ\
             MH0tUc20w3COtncUEOY78S27zcLV3kyCsJK/KdGIr1xICbtBKz3YTSmSnEoX6RCcQIiJ5CjRV68AAAAIc3No\
             Om1pbmU=",
            "SHA256:tLRp2GlObS2z8It0wiszUUGVH0LAxvLg6FcmIryPo4I",
        ),
    ];

    /// What a key is on the wire, from its kind and its fields.
    fn blob(fields: &[&[u8]]) -> String {
        let field = |bytes: &&[u8]| {
            [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
        };
        BASE64.encode(&fields.iter().flat_map(field).collect::<Vec<u8>>())
    }

    fn refused(text: impl AsRef<str>) -> Option<NoKey> {
        PublicKey::parse(text.as_ref()).err()
    }

    /// A key that is one.
    fn usual() -> String {
        format!("{} {} me@home", KEYS[0].0, KEYS[0].1)
    }

    #[test]
    fn every_kind_that_openssh_takes_is_read_and_has_its_fingerprint() {
        for (kind, base64, fingerprint) in KEYS {
            let line = format!("{kind} {base64} two words");
            let key = PublicKey::parse(&line).unwrap();
            assert_eq!((key.kind(), key.fingerprint()), (kind, fingerprint));
            assert_eq!((key.comment(), key.line()), ("two words", line));
        }
        assert!(KINDS.iter().all(|kind| KEYS.iter().any(|key| key.0 == kind.name)));
    }

    #[test]
    fn blanks_around_and_between_are_nothing() {
        for text in [format!("\r\n {}\r\n\n", usual()), usual().replace(' ', "  \t")] {
            assert_eq!(PublicKey::parse(&text).unwrap().line(), usual());
        }
        let (kind, base64, _) = KEYS[0];
        let bare = format!("{kind} {base64}");
        assert_eq!(PublicKey::parse(&bare).unwrap().line(), bare, "a comment is not needed");
    }

    #[test]
    fn a_line_that_says_more_than_a_key_is_refused() {
        for options in
            ["command=\"sh\" ", "restrict ", "cert-authority,", "no-pty,command=\"a b\" "]
        {
            let line = format!("{options}{}", usual());
            assert!(matches!(refused(line), Some(NoKey::Options | NoKey::UnknownKind)));
        }
        assert_eq!(refused(format!("command=\"sh\" {}", usual())), Some(NoKey::Options));
        for between in ["\n", "\r", "\r\n", "\n\n"] {
            let two = format!("{}{between}command=\"sh\" {}", usual(), usual());
            assert_eq!(refused(two), Some(NoKey::SeveralLines));
        }
        for letter in ['\0', '\u{1b}', '\u{b}', '\u{c}', '\u{7f}', '\u{85}', '\u{9b}'] {
            assert_eq!(refused(format!("{}{letter}x", usual())), Some(NoKey::Control));
        }
    }

    #[test]
    fn what_is_no_key_of_a_known_kind_is_refused() {
        let (_, base64, _) = KEYS[0];
        for kind in ["ssh-dss", "ssh-ed25519-cert-v01@openssh.com", "SSH-ED25519", "#", ""] {
            assert_eq!(refused(format!("{kind} {base64}")), Some(NoKey::UnknownKind), "{kind}");
        }
        assert_eq!(refused(""), Some(NoKey::UnknownKind));
        for text in ["ssh-ed25519", "ssh-ed25519 ?", "ssh-ed25519 AAAA=", "ssh-ed25519 AAA"] {
            assert!(matches!(refused(text), Some(NoKey::NotBase64 | NoKey::Disagrees)), "{text}");
        }
        for padded in
            [format!("{base64}="), base64.replace('A', "\u{200b}A"), base64.to_lowercase()]
        {
            assert!(refused(format!("ssh-ed25519 {padded}")).is_some());
        }
    }

    #[test]
    fn a_key_that_is_of_another_kind_or_damaged_inside_is_refused() {
        assert_eq!(refused(format!("ssh-rsa {}", KEYS[0].1)), Some(NoKey::Disagrees));
        let number = |length: usize, first: u8| {
            let mut number = vec![1; length];
            number[0] = first;
            number
        };
        let damaged: [(&str, &[&[u8]]); 12] = [
            ("ssh-ed25519", &[]),
            ("ssh-ed25519", &[&[0; 31]]),
            ("ssh-ed25519", &[&[0; 33]]),
            ("ssh-ed25519", &[&[0; 32], b"more"]),
            ("ssh-rsa", &[&[1, 0, 1], &number(128, 1)]),
            ("ssh-rsa", &[&[1, 0, 1], &number(2050, 1)]),
            ("ssh-rsa", &[&[1, 0, 1], &number(256, 0x80)]),
            ("ssh-rsa", &[&[0, 1], &number(256, 1)]),
            ("ssh-rsa", &[&[], &number(256, 1)]),
            ("ecdsa-sha2-nistp256", &[b"nistp384", &number(65, 4)]),
            ("ecdsa-sha2-nistp256", &[b"nistp256", &number(65, 2)]),
            ("sk-ssh-ed25519@openssh.com", &[&[0; 32], b"ssh:\n"]),
        ];
        for (kind, fields) in damaged {
            let line = format!("{kind} {}", blob(&[&[kind.as_bytes()], fields].concat()));
            assert_eq!(refused(line), Some(NoKey::Malformed), "{kind} {fields:?}");
        }
    }

    #[test]
    fn a_private_key_is_known_for_one() {
        for text in [
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
            "PuTTY-User-Key-File-3: ssh-ed25519\n",
        ] {
            assert_eq!(refused(text), Some(NoKey::Private));
        }
    }

    #[test]
    fn a_line_has_a_most_and_a_comment_is_cut_before_it() {
        let at_limit = format!("{} {}", usual(), "x".repeat(MAX_LINE - usual().len() - 1));
        assert!(PublicKey::parse(&at_limit).unwrap().comment().len() <= MAX_COMMENT);
        assert_eq!(refused(format!("{at_limit}x")), Some(NoKey::TooLong));
    }

    #[test]
    fn nothing_in_a_comment_is_obeyed_by_a_terminal() {
        let key = PublicKey::parse(&format!("{} \u{202e}gpj\u{200b}", usual())).unwrap();
        assert_eq!(key.comment(), r"me@home \u{202e}gpj\u{200b}");
    }

    proptest! {
        #[test]
        fn whatever_is_taken_is_one_plain_line_and_is_taken_again(
            (before, at, change, comment) in (0..KEYS.len(), 0_usize..600, "\\PC|[\0-\u{9f}]", "\\PC{0,300}|[\0-\u{ffff}]{0,20}")
        ) {
            let (kind, base64, _) = KEYS[before];
            let mut line: Vec<char> = format!("{kind} {base64} {comment}").chars().collect();
            let at = at % line.len();
            line.splice(at..at, change.chars());
            let Ok(key) = PublicKey::parse(&line.into_iter().collect::<String>()) else { return Ok(()) };
            let line = key.line();
            prop_assert!(!line.contains(char::is_control) && line.len() <= MAX_LINE);
            let unchanged = line.starts_with(&format!("{kind} {base64}"));
            prop_assert!(unchanged);
            prop_assert_eq!(PublicKey::parse(&line).unwrap().line(), line);
        }

        #[test]
        fn no_blob_however_damaged_makes_it_fail(bytes: Vec<u8>, at: usize, byte: u8) {
            for (kind, base64, _) in KEYS {
                let random = refused(format!("{kind} {}", BASE64.encode(&bytes)));
                prop_assert!(random.is_some());
                let mut blob = BASE64.decode(base64.as_bytes()).unwrap();
                let at = at % blob.len();
                blob.splice(at..at, [byte]);
                // It may be another key that is well-formed: an exponent of 4 bytes instead of 3.
                let blob = BASE64.encode(&blob);
                if let Ok(key) = PublicKey::parse(&format!("{kind} {blob}")) {
                    prop_assert_eq!((key.kind(), key.base64()), (kind, blob.as_str()));
                    prop_assert_eq!(kind, "ssh-rsa");
                }
            }
        }
    }
}
