//! A code that no server had a part in.

use wormhole_sync::Code;
use zeroize::Zeroizing;

use crate::exit::Failure;

/// Makes a code of `words` random words with a short number that nobody near uses.
pub(crate) fn make_code(taken: &[String], words: usize) -> Result<Code, Failure> {
    let number = choose_number(taken)?;
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed)?;
    Code::random(&number, words, *seed).map_err(|error| Failure::here(error.to_string()))
}

/// A random number of as few digits as are free, as servers do it.
fn choose_number(taken: &[String]) -> Result<String, Failure> {
    for range in [1..10_u32, 10..100, 100..1000] {
        let free: Vec<String> = range
            .map(|number| number.to_string())
            .filter(|number| !taken.contains(number))
            .collect();
        let count = u32::try_from(free.len()).unwrap_or(u32::MAX);
        if count > 0 {
            let index = getrandom::u32()? % count; // no secret: the bias does not matter
            return Ok(free.into_iter().nth(index as usize).unwrap_or_default());
        }
    }
    Err(Failure::here(
        "all numbers are taken on the local network; choose a code of your own with --code",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_the_words_asked_for_and_a_short_number() {
        for words in [1, 2, 5, 32] {
            let code = make_code(&[], words).unwrap();
            let mut parts = code.as_str().split('-');
            assert_eq!(parts.next().map(str::len), Some(1));
            assert_eq!(parts.count(), words);
            assert!(code.unknown_words().is_empty());
        }
    }

    #[test]
    fn a_number_that_somebody_near_uses_is_not_chosen() {
        let taken: Vec<String> = (1..9).map(|number| number.to_string()).collect();
        assert_eq!(choose_number(&taken).unwrap(), "9");
        let taken: Vec<String> = (1..10).map(|number| number.to_string()).collect();
        assert_eq!(choose_number(&taken).unwrap().len(), 2);
        let taken: Vec<String> = (1..1000).map(|number| number.to_string()).collect();
        assert!(choose_number(&taken).is_err());
    }

    #[test]
    fn words_differ_from_code_to_code() {
        let words = |code: Code| code.as_str().split_once('-').map(|(_, words)| words.to_owned());
        assert_ne!(words(make_code(&[], 4).unwrap()), words(make_code(&[], 4).unwrap()));
    }
}
