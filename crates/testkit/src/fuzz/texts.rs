//! Texts: phases, stamps, codes and their URIs.

use wormhole_sync_core::{
    Code,
    code::{complete, unknown_words},
    wire::{
        Phase,
        hashcash::{Stamp, leading_zero_bits},
        limits::{MAX_CODE, MAX_PHASE, MAX_STAMP, MAX_URI},
        uri::CodeUri,
    },
};

/// Words of a code when nothing else is asked for, which completion counts to.
const WORDS: usize = 2;

/// Nearest words that are offered for an unknown one, at most.
const SUGGESTIONS: usize = 3;

/// Bytes of the longest text that words are suggested for here: each is compared to a whole list.
const MAX_TYPED: usize = 80;

/// A phase is written as it was read, so that no two names share a key.
pub fn phase(data: &[u8]) {
    let Ok(name) = std::str::from_utf8(data) else { return };
    match Phase::parse(name) {
        None => assert!(name.len() > MAX_PHASE),
        Some(phase) => {
            assert!(name.len() <= MAX_PHASE);
            assert_eq!(phase.name(), name);
        }
    }
}

/// A stamp is read as it was written; and the bits of any bytes are counted right.
pub fn stamp(data: &[u8]) {
    let counted = data.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    assert_eq!(leading_zero_bits(data) as usize, counted.take_while(|bit| *bit == 0).count());
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(stamp) = Stamp::parse(text) else { return };
    assert!(text.len() <= MAX_STAMP);
    assert_eq!(Stamp::parse(&stamp.to_string()), Some(stamp));
}

/// A code that was read stays the same code; what is offered for its words is in the list.
pub fn code(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(code) = Code::parse(text) {
        assert!(code.as_str().starts_with(code.nameplate().as_str()));
        assert!(!code.as_str().contains(char::is_whitespace));
        assert!(code.as_str().len() <= MAX_CODE, "the limit holds for the code as it is used");
        assert!(Code::parse(code.as_str()).ok() == Some(code), "a code is normalized once");
    }
    if text.len() <= MAX_TYPED {
        assert_suggestions(text);
        assert_completions(text);
    }
}

/// Whatever is suggested for a word is a word of the list, in that word's place.
fn assert_suggestions(text: &str) {
    let mut words: Vec<&str> = text.split('-').collect();
    let unknown = unknown_words(text);
    assert!(unknown.is_sorted_by(|one, next| one.place < next.place));
    for unknown in &unknown {
        assert!(unknown.suggestions.len() <= SUGGESTIONS);
        let word = words.get_mut(unknown.place).unwrap_or_else(|| panic!("no such place"));
        assert_eq!(unknown.word, *word);
        if let Some(nearest) = unknown.suggestions.first() {
            *word = nearest;
        }
    }
    let hopeless = unknown.iter().filter(|unknown| unknown.suggestions.is_empty()).count();
    assert_eq!(unknown_words(&words.join("-")).len(), hopeless);
}

/// Completion only appends, and what it completes is a word of the list.
fn assert_completions(partial: &str) {
    let place = partial.matches('-').count();
    let completions = complete(partial, WORDS);
    assert!(completions.is_sorted_by(|one, next| one < next));
    for completion in &completions {
        assert!(completion.starts_with(partial));
        assert_eq!(completion.ends_with('-'), place + 1 < WORDS);
    }
    if let Some(last) = completions.last() {
        let words = last.strip_suffix('-').unwrap_or(last);
        assert!(unknown_words(words).iter().all(|unknown| unknown.place < place));
    }
}

/// A URI is read as it was written, unless escapes have made it too long.
pub fn uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(uri) = CodeUri::parse(text) else { return };
    assert!((1..=MAX_CODE).contains(&uri.code.len()));
    let again = uri.to_string();
    assert!(again.bytes().all(|byte| byte.is_ascii_graphic()), "it goes into a QR code");
    if again.len() <= MAX_URI {
        assert!(CodeUri::parse(&again).ok() == Some(uri), "{again}");
    }
}
