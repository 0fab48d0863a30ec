//! The kinds of keys, and what each is made of inside.

use super::NoKey;

/// A kind of key, and what its blob holds after the kind's own name.
pub(super) struct Kind {
    /// Its name, on the line as in the blob.
    pub(super) name: &'static str,
    fields: &'static [Field],
}

/// One field of a blob.
#[derive(Clone, Copy)]
enum Field {
    /// Exactly so many bytes.
    Bytes(usize),
    /// The name of a curve.
    Curve(&'static str),
    /// An uncompressed point, of so many bytes.
    Point(usize),
    /// A positive number of at least and at most so many bytes, sign included.
    Number(usize, usize),
    /// What a security key knows the server's side by.
    Application,
}

/// All kinds that OpenSSH takes by default. DSA is none of them any more; certificates are not put into
/// `authorized_keys`.
pub(super) const KINDS: [Kind; 7] = [
    Kind { name: "ssh-ed25519", fields: &[Field::Bytes(32)] },
    Kind { name: "ecdsa-sha2-nistp256", fields: &[Field::Curve("nistp256"), Field::Point(65)] },
    Kind { name: "ecdsa-sha2-nistp384", fields: &[Field::Curve("nistp384"), Field::Point(97)] },
    Kind { name: "ecdsa-sha2-nistp521", fields: &[Field::Curve("nistp521"), Field::Point(133)] },
    // The exponent, and a modulus of OpenSSH's own limits: 1,024 to 16,384 bits.
    Kind { name: "ssh-rsa", fields: &[Field::Number(1, 33), Field::Number(129, 2049)] },
    Kind { name: "sk-ssh-ed25519@openssh.com", fields: &[Field::Bytes(32), Field::Application] },
    Kind {
        name: "sk-ecdsa-sha2-nistp256@openssh.com",
        fields: &[Field::Curve("nistp256"), Field::Point(65), Field::Application],
    },
];

/// The kind of this name. `rest` is what follows it on the line.
pub(super) fn known<'a>(
    name: &str,
    mut rest: impl Iterator<Item = &'a str>,
) -> Result<&'static Kind, NoKey> {
    let find = |name: &str| KINDS.iter().find(|kind| kind.name == name);
    find(name).ok_or_else(|| {
        if rest.any(|word| find(word).is_some()) { NoKey::Options } else { NoKey::UnknownKind }
    })
}

impl Kind {
    /// Checks that a blob is of this kind, whole, and nothing more.
    pub(super) fn check(&self, blob: &[u8]) -> Result<(), NoKey> {
        let mut rest = blob;
        if next(&mut rest) != Some(self.name.as_bytes()) {
            return Err(NoKey::Disagrees);
        }
        let holds = |field: &Field| next(&mut rest).is_some_and(|bytes| field.holds(bytes));
        if self.fields.iter().all(holds) && rest.is_empty() {
            return Ok(());
        }
        Err(NoKey::Malformed)
    }
}

impl Field {
    fn holds(self, bytes: &[u8]) -> bool {
        match self {
            Self::Bytes(length) => bytes.len() == length,
            Self::Curve(name) => bytes == name.as_bytes(),
            Self::Point(length) => bytes.len() == length && bytes.first() == Some(&4),
            Self::Number(least, most) => {
                let is_short = match bytes {
                    [0, second, ..] => *second >= 0x80, // a zero stands only before what would be a sign
                    [first, ..] => (1..0x80).contains(first),
                    [] => false,
                };
                is_short && (least..=most).contains(&bytes.len())
            }
            Self::Application => {
                let is_plain = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
                bytes.len() <= 256 && bytes.starts_with(b"ssh:") && bytes.iter().all(is_plain)
            }
        }
    }
}

/// The next field: its length in four bytes, then itself.
fn next<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let (field, after) = after.split_at_checked(u32::from_be_bytes(*length).try_into().ok()?)?;
    *rest = after;
    Some(field)
}
