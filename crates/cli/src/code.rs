//! A code as it is typed: which network it belongs to is written in its form.

use wormhole_sync::{Code, CodeUri, Role, without_login};
use zeroize::Zeroizing;

use crate::exit::Failure;

/// What a code begins with that was made without a server.
///
/// It tells where to look, and nothing else: the key exchange uses the code without it. A code with
/// it is no code to any other tool of the family, and to this one it never leads to a public
/// server; so no stranger's guess is spent.
pub(crate) const LOCAL_PREFIX: &str = "local-";

/// What is said of a number without anything secret behind it.
const NO_WORDS: &str = "this is only the number of a code, which is no secret; type its words, too, like \
    4-purple-sausages";

/// Where the two sides meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At the mailbox server.
    Server,
    /// On the local network.
    Local,
}

/// A code that somebody typed, or that is shown to be typed.
pub(crate) struct TypedCode {
    /// Where it is good.
    pub(crate) place: Place,
    /// What the key exchange uses.
    pub(crate) code: Code,
    /// The server that a URI named.
    pub(crate) rendezvous: Option<String>,
}

impl TypedCode {
    /// Reads a code, or a code's URI, of which `reader` says what part its reader takes.
    pub(crate) fn parse(text: &str, reader: Option<Role>) -> Result<Self, Failure> {
        let text = text.trim();
        if !text.starts_with("wormhole-transfer:") {
            return Self::bare(text, None);
        }
        let uri = CodeUri::parse(text)
            .map_err(|error| Failure::usage(format!("{error}; copy it again, or type the code")))?;
        if reader.is_some_and(|reader| reader != uri.role) {
            return Err(Failure::usage(
                "this URI is for the other direction: with role=leader its reader sends, otherwise it \
                 receives; run the other command, or give the bare code",
            ));
        }
        Self::bare(&uri.code, uri.rendezvous)
    }

    /// A code good at `place`.
    pub(crate) const fn new(place: Place, code: Code) -> Self {
        Self { place, code, rendezvous: None }
    }

    /// Whether it is the code of the mode without codes.
    pub(crate) fn is_zero(&self) -> bool {
        self.code.as_str() == "0-"
    }

    /// The code with every word that is not in the list replaced by the nearest one; `None` when a
    /// word has none near.
    pub(crate) fn corrected(&self) -> Option<Zeroizing<String>> {
        let shown = self.shown();
        let (number, words) = shown.split_at_checked(shown.len() - self.words().len())?;
        let mut words: Vec<&str> = words.split('-').collect();
        for unknown in self.code.unknown_words() {
            *words.get_mut(unknown.place)? = unknown.suggestions.first()?;
        }
        Some(Zeroizing::new(format!("{number}{}", words.join("-"))))
    }

    fn words(&self) -> &str {
        self.code.as_str().split_once('-').map_or("", |(_, words)| words)
    }

    /// The code as a person types it.
    pub(crate) fn shown(&self) -> Zeroizing<String> {
        let prefix = if self.place == Place::Local { LOCAL_PREFIX } else { "" };
        Zeroizing::new(format!("{prefix}{}", self.code.as_str()))
    }

    fn bare(text: &str, rendezvous: Option<String>) -> Result<Self, Failure> {
        let local = text.strip_prefix(LOCAL_PREFIX);
        let place = if local.is_some() { Place::Local } else { Place::Server };
        let code = Code::parse(local.unwrap_or(text))
            .map_err(|error| Failure::usage(format!("this is no code: {error}")))?;
        let rendezvous = rendezvous.map(|url| without_login(&url));
        let typed = Self { place, code, rendezvous };
        if typed.words().is_empty() && !typed.is_zero() {
            return Err(Failure::usage(NO_WORDS)); // whoever guessed the number would be let in
        }
        Ok(typed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Place, String, Option<String>)> {
        let typed = TypedCode::parse(text, Some(Role::Follower)).ok()?;
        Some((typed.place, typed.code.as_str().to_owned(), typed.rendezvous))
    }

    #[test]
    fn the_form_says_where_a_code_is_good() {
        assert_eq!(read("7-a-b"), Some((Place::Server, "7-a-b".into(), None)));
        assert_eq!(read("local-7-a-b"), Some((Place::Local, "7-a-b".into(), None)));
        assert_eq!(read(" 7-a-b\n"), Some((Place::Server, "7-a-b".into(), None)));
        for no_code in
            ["", "local-", "local-local-7-a", "Local-7-a", "seven", "7 a", "7", "7-", "local-7"]
        {
            assert_eq!(read(no_code), None, "{no_code}");
        }
    }

    #[test]
    fn what_is_shown_is_what_is_read() {
        for text in ["7-a-b", "local-7-a-b", "0-"] {
            let typed = TypedCode::parse(text, None).ok().unwrap();
            assert_eq!(*typed.shown(), text);
        }
    }

    #[test]
    fn a_uri_says_code_server_and_direction() {
        assert_eq!(
            read("wormhole-transfer:7-a-b?rendezvous=ws%3A%2F%2Fx%2Fv1"),
            Some((Place::Server, "7-a-b".into(), Some("ws://x/v1".into())))
        );
        assert_eq!(read("wormhole-transfer:local-7-a"), Some((Place::Local, "7-a".into(), None)));
        assert_eq!(read("wormhole-transfer:7-a-b?role=leader"), None);
        assert_eq!(read("wormhole-transfer:"), None);
    }

    #[test]
    fn a_mistyped_code_is_corrected_where_words_are_near() {
        let corrected = |text| Some((*TypedCode::parse(text, None).ok()?.corrected()?).clone());
        assert_eq!(corrected("7-guitarits-revnge").as_deref(), Some("7-guitarist-revenge"));
        assert_eq!(
            corrected("local-7-guitarist-revnge").as_deref(),
            Some("local-7-guitarist-revenge")
        );
        assert_eq!(corrected("7-guitarits-xyzzy"), None);
    }

    #[test]
    fn a_local_code_is_no_code_to_the_rest_of_the_family() {
        assert!(Code::parse("local-7-guitarist-revenge").is_err());
    }
}
