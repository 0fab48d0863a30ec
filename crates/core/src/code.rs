//! The code: a nameplate and a few words that a person carries to the other machine.

use std::{fmt, str::FromStr};

use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use unicode_normalization::UnicodeNormalization;
use wormhole_sync_wire::{Nameplate, limits::MAX_CODE};
use zeroize::Zeroizing;

mod words;

pub use words::{UnknownWord, complete, unknown_words};

/// Words of a code when nothing else is asked for: 16 bits, one chance in 65,536 for a guess.
///
/// ```
/// use wormhole_sync_core::code::{DEFAULT_WORDS, complete};
///
/// // more is to come until as many words stand
/// assert_eq!(complete("guit", DEFAULT_WORDS), ["guitarist-"]);
/// assert_eq!(complete("guitarist-reven", DEFAULT_WORDS), ["guitarist-revenge"]);
/// ```
pub const DEFAULT_WORDS: usize = 2;

/// Most words that a code can be made with.
///
/// ```
/// use wormhole_sync_core::{Event, code::MAX_WORDS};
///
/// # let mut meeting = wormhole_sync_testkit::doc::Meeting::new();
/// # let wormhole = &mut meeting.one;
/// wormhole.allocate(1_000)?;
/// # let [events, _] = meeting.run();
/// # let code = events.iter().find_map(|event| match event {
/// #     Event::Code(code) => Some(code),
/// #     _ => None,
/// # });
/// # let code = code.unwrap();
/// assert_eq!(code.as_str().split('-').count(), 1 + MAX_WORDS);
/// # Ok::<(), wormhole_sync_core::wormhole::CodeAlreadySet>(())
/// ```
pub const MAX_WORDS: usize = 32;

/// A whole code, normalized to NFC. It is a secret: it has no `Debug`, and is wiped when dropped.
///
/// ```
/// use wormhole_sync_core::Code;
///
/// let code = Code::parse("4-purple-sausages")?;
/// assert!(code == Code::parse("4-purple-sausages")?);
/// assert!(code != Code::parse("7-purple-sausages")?); // the number counts, too
/// # Ok::<(), wormhole_sync_core::code::CodeError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    text: Zeroizing<String>,
    nameplate: Nameplate,
}

/// Why a text is no code.
///
/// ```
/// use wormhole_sync_core::{Code, code::CodeError};
///
/// let error = Code::parse("4 purple sausages").err().unwrap();
/// assert_eq!(error, CodeError::Space);
/// assert_eq!(error.to_string(), "a code holds no spaces; put dashes between its words");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeError {
    /// It does not begin with a number of at most 40 digits, followed by `-` or nothing.
    NoNumber,
    /// It holds a space or a control character.
    Space,
    /// It is longer than [`MAX_CODE`] bytes.
    TooLong,
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoNumber => "a code begins with a number and a dash, like 4-purple-sausages; type the whole code",
            Self::Space => "a code holds no spaces; put dashes between its words",
            Self::TooLong => "a code has at most 512 bytes; check that nothing else was pasted with it",
        })
    }
}

impl std::error::Error for CodeError {}

impl Code {
    /// Reads a code: digits, then optionally `-` and anything without spaces.
    ///
    /// ```
    /// use wormhole_sync_core::Code;
    ///
    /// assert_eq!(Code::parse("4-purple-sausages")?.nameplate().as_str(), "4");
    /// assert!(Code::parse("purple-sausages").is_err());
    /// assert!(Code::parse("1-cafe\u{301}")? == Code::parse("1-caf\u{e9}")?); // both spellings of é
    /// # Ok::<(), wormhole_sync_core::code::CodeError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        if text.len() > MAX_CODE {
            return Err(CodeError::TooLong);
        }
        let text: Zeroizing<String> = Zeroizing::new(text.nfc().collect());
        if text.len() > MAX_CODE {
            return Err(CodeError::TooLong); // some letters are longer once normalized
        }
        if text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            return Err(CodeError::Space);
        }
        let number = text.split_once('-').map_or(&**text, |(number, _)| number);
        let nameplate = Nameplate::new(number).map_err(|_| CodeError::NoNumber)?;
        Ok(Self { text, nameplate })
    }

    /// Makes a code of `words` random words (1 to [`MAX_WORDS`]; others are brought into that range)
    /// behind a number of one's own. `seed` is the operating system's randomness, used for nothing
    /// else: whoever knows it knows the words.
    ///
    /// ```
    /// use wormhole_sync_core::{Code, code::CodeError};
    ///
    /// # let seed = [7; 32]; // the operating system's, elsewhere
    /// let code = Code::random("4", 3, seed)?;
    /// assert!(code.as_str().starts_with("4-") && code.unknown_words().is_empty());
    /// assert_eq!(code.as_str().split('-').count(), 1 + 3);
    /// assert_eq!(Code::random("four", 3, seed).err(), Some(CodeError::NoNumber));
    /// # Ok::<(), CodeError>(())
    /// ```
    pub fn random(nameplate: &str, words: usize, seed: [u8; 32]) -> Result<Self, CodeError> {
        let nameplate = Nameplate::new(nameplate).map_err(|_| CodeError::NoNumber)?;
        Ok(Self::generate(nameplate, words, &mut ChaCha20Rng::from_seed(seed)))
    }

    /// As [`random`](Self::random), from a generator that is already there.
    pub(crate) fn generate(nameplate: Nameplate, words: usize, random: &mut impl RngCore) -> Self {
        let words = words::choose(words.clamp(1, MAX_WORDS), random);
        Self { text: Zeroizing::new(format!("{nameplate}-{}", *words)), nameplate }
    }

    /// The number at its head, the only part that the server sees.
    ///
    /// ```
    /// use wormhole_sync_core::Code;
    ///
    /// assert_eq!(Code::parse("42-purple-sausages")?.nameplate().as_str(), "42");
    /// # Ok::<(), wormhole_sync_core::code::CodeError>(())
    /// ```
    pub const fn nameplate(&self) -> &Nameplate {
        &self.nameplate
    }

    /// The whole code, to be shown to the person who carries it.
    ///
    /// ```
    /// use wormhole_sync_core::Code;
    ///
    /// assert_eq!(Code::parse("4-purple-sausages")?.as_str(), "4-purple-sausages");
    /// # Ok::<(), wormhole_sync_core::code::CodeError>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its words that are not in the list, each with the nearest ones that are. A code of one's
    /// own choosing may have such words; a mistyped one usually does.
    ///
    /// ```
    /// use wormhole_sync_core::Code;
    ///
    /// let code = Code::parse("4-guitarits-revenge")?;
    /// let [unknown] = &code.unknown_words()[..] else { panic!("one word is mistyped") };
    /// assert_eq!((&*unknown.word, &*unknown.suggestions), ("guitarits", &["guitarist"][..]));
    /// # Ok::<(), wormhole_sync_core::code::CodeError>(())
    /// ```
    pub fn unknown_words(&self) -> Vec<UnknownWord> {
        self.text.split_once('-').map_or_else(Vec::new, |(_, words)| unknown_words(words))
    }
}

/// As [`Code::parse`].
///
/// ```
/// use wormhole_sync_core::Code;
///
/// let code: Code = "4-purple-sausages".parse()?;
/// assert_eq!(code.nameplate().as_str(), "4");
/// # Ok::<(), wormhole_sync_core::code::CodeError>(())
/// ```
impl FromStr for Code {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_code_is_wiped_when_it_is_dropped() {
        fn wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        wiped(&Code::parse("4-purple-sausages").unwrap().text);
    }

    fn error(text: &str) -> Option<CodeError> {
        Code::parse(text).err()
    }

    #[test]
    fn codes_by_hand_are_digits_and_then_anything_without_spaces() {
        for (text, nameplate) in [
            ("4-purple-sausages", "4"),
            ("0-", "0"),
            ("7", "7"),
            ("12-été", "12"),
            ("007-x_y.z!", "007"),
            ("1--", "1"),
        ] {
            let code = Code::parse(text).ok().unwrap();
            assert_eq!((code.as_str(), code.nameplate().as_str()), (text, nameplate));
        }
    }

    #[test]
    fn each_fault_has_its_name() {
        for text in [
            "",
            "-",
            "purple-4",
            "4a-b",
            "٤-b",
            "local-4-a",
            "12345678901234567890123456789012345678901-a",
        ] {
            assert_eq!(error(text), Some(CodeError::NoNumber), "{text}");
        }
        for text in ["4 purple", "4-a b", " 4-a", "4-a\n", "4-a\u{2003}b", "4-a\u{1b}[0m"] {
            assert_eq!(error(text), Some(CodeError::Space), "{text:?}");
        }
        assert_eq!(error(&format!("4-{}", "a".repeat(MAX_CODE))), Some(CodeError::TooLong));
        assert_eq!(error(&format!("4-{}", "\u{958}".repeat(170))), Some(CodeError::TooLong));
    }

    #[test]
    fn both_spellings_of_an_accent_are_one_code() {
        let composed = Code::parse("1-caf\u{e9}").ok().unwrap();
        let decomposed = Code::parse("1-cafe\u{301}").ok().unwrap();
        assert!(composed == decomposed);
    }

    #[test]
    fn a_made_code_has_as_many_words_as_asked_for_and_all_are_known() {
        let mut random = ChaCha20Rng::from_seed([1; 32]);
        for (asked, given) in [(0, 1), (1, 1), (2, 2), (7, 7), (1000, MAX_WORDS)] {
            let code = Code::generate(Nameplate::new("4").unwrap(), asked, &mut random);
            assert_eq!(code.as_str().split('-').count(), given + 1);
            assert!(code.unknown_words().is_empty());
            assert!(Code::parse(code.as_str()).ok() == Some(code));
        }
    }

    #[test]
    fn each_seed_makes_words_of_its_own() {
        let words = |seed| Code::random("4", 4, [seed; 32]).ok().unwrap();
        assert!(words(1) == words(1));
        assert!(words(1) != words(2));
        assert_eq!(Code::random("local-4", 2, [1; 32]).err(), Some(CodeError::NoNumber));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}|[0-9]{0,50}-.{0,20}") {
            if let Ok(code) = Code::parse(&text) {
                let _ = code.unknown_words();
            }
        }
    }
}
