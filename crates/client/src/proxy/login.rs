//! Who may use a proxy.

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

/// A user's name and password.
#[derive(Clone)]
pub(super) struct Login {
    user: String,
    password: Zeroizing<String>,
}

impl Login {
    pub(super) fn new(user: String, password: String) -> Self {
        Self { user, password: Zeroizing::new(password) }
    }

    /// Reads `user:password`, each percent-encoded, as it stands in a URL. `None` where that is no text.
    pub(super) fn parse(written: &str) -> Option<Self> {
        let (user, password) = written.split_once(':').unwrap_or((written, ""));
        let decoded = |part| percent_decode_str(part).decode_utf8().ok().map(String::from);
        Some(Self::new(decoded(user)?, decoded(password)?))
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_cannot_hold_is_encoded() {
        let login = Login::parse("ann%20lee:a%3Ab%40c").unwrap();
        assert_eq!((login.user(), login.password()), ("ann lee", "a:b@c"));
        assert!(Login::parse("%ff").is_none());
    }
}
