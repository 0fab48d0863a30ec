//! The PGP word list: 256 words of two syllables and 256 of three, chosen by Patrick Juola and
//! Philip Zimmermann to be told apart over a bad telephone line.

use std::sync::LazyLock;

use rand_core::RngCore;
use zeroize::Zeroizing;

/// One line for each byte: the word for even places, then the one for odd places.
static LIST: LazyLock<[Vec<&str>; 2]> = LazyLock::new(|| {
    let (even, odd) =
        include_str!("words.txt").lines().filter_map(|line| line.split_once(' ')).unzip();
    [odd, even]
});

/// Nearest words that are offered for one that is not in the list.
const SUGGESTIONS: usize = 3;

/// A suggestion differs from what was typed by at most this many letters: more would be a guess.
const MAX_DISTANCE: usize = 3;

/// A word that is not in the list for its place.
///
/// ```
/// use wormhole_sync_core::code::{UnknownWord, unknown_words};
///
/// let suggestions = vec!["revenge"];
/// let unknown = UnknownWord { place: 1, word: "revnege".into(), suggestions };
/// assert_eq!(unknown_words("guitarist-revnege"), [unknown]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord {
    /// Its place among the words, from 0.
    pub place: usize,
    /// The word as it was typed.
    pub word: String,
    /// The nearest words of the list, the best first; empty when none is near.
    pub suggestions: Vec<&'static str>,
}

/// The words for `place`, from 0: odd ones (three syllables) first, then in turn.
fn list(place: usize) -> &'static [&'static str] {
    let [odd, even] = &*LIST;
    if place.is_multiple_of(2) { odd } else { even }
}

/// `count` random words, joined by dashes.
pub(super) fn choose(count: usize, random: &mut impl RngCore) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(vec![0; count]);
    random.fill_bytes(&mut bytes);
    let words: Vec<&str> = bytes
        .iter()
        .enumerate()
        .filter_map(|(place, byte)| list(place).get(usize::from(*byte)).copied())
        .collect();
    Zeroizing::new(words.join("-"))
}

/// What `partial` (the words typed so far, without the nameplate) can become by completing its
/// last word, in alphabetical order; with a dash at the end while fewer than `count` words stand.
///
/// ```
/// use wormhole_sync_core::code::complete;
///
/// assert_eq!(complete("guit", 2), ["guitarist-"]);
/// assert_eq!(complete("guitarist-rev", 2), ["guitarist-revenge"]);
/// assert!(complete("xyz", 2).is_empty());
/// ```
pub fn complete(partial: &str, count: usize) -> Vec<String> {
    let (before, last) =
        partial.rsplit_once('-').map_or(("", partial), |(before, last)| (before, last));
    let place = partial.matches('-').count();
    let head = if place == 0 { String::new() } else { format!("{before}-") };
    let tail = if place + 1 < count { "-" } else { "" };
    let mut words: Vec<&str> =
        list(place).iter().copied().filter(|word| word.starts_with(last)).collect();
    words.sort_unstable();
    words.into_iter().map(|word| format!("{head}{word}{tail}")).collect()
}

/// The words of `words` (joined by dashes) that are not in the list for their place.
///
/// ```
/// use wormhole_sync_core::code::unknown_words;
///
/// assert!(unknown_words("guitarist-revenge").is_empty());
/// assert_eq!(unknown_words("revenge-guitarist").len(), 2); // in the wrong order
/// ```
pub fn unknown_words(words: &str) -> Vec<UnknownWord> {
    words
        .split('-')
        .enumerate()
        .filter(|(place, word)| !list(*place).contains(word))
        .map(|(place, word)| UnknownWord {
            place,
            word: word.to_owned(),
            suggestions: nearest(word, place),
        })
        .collect()
}

fn nearest(word: &str, place: usize) -> Vec<&'static str> {
    let typed: Vec<char> = word.to_lowercase().chars().collect();
    let most = MAX_DISTANCE.min(typed.len() / 3);
    let mut near: Vec<(usize, &str)> = list(place)
        .iter()
        .map(|known| (distance(&typed, known), *known))
        .filter(|(far, _)| *far <= most)
        .collect();
    near.sort_unstable();
    near.into_iter().take(SUGGESTIONS).map(|(_, known)| known).collect()
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours.
fn distance(typed: &[char], known: &str) -> usize {
    if typed.len() > 2 * LONGEST_WORD {
        return usize::MAX; // nothing is near, and the table would be the stranger's to size
    }
    let known: Vec<char> = known.chars().collect();
    let mut rows = [Vec::new(), Vec::new(), (0..=known.len()).collect::<Vec<usize>>()];
    for (i, letter) in typed.iter().enumerate() {
        rows.rotate_left(1);
        let [before, last, row] = &mut rows;
        row.clear();
        row.push(i + 1);
        for (j, other) in known.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let replaced = at(last, j) + usize::from(letter != other);
            let mut best = replaced.min(at(last, j + 1) + 1).min(at(row, j) + 1);
            let swapped = i > 0
                && j > 0
                && typed.get(i - 1) == Some(other)
                && known.get(j - 1) == Some(letter);
            if swapped {
                best = best.min(at(before, j - 1) + 1);
            }
            row.push(best);
        }
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(usize::MAX)
}

/// Letters of the list's longest word.
const LONGEST_WORD: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn suggestions(words: &str) -> Vec<(usize, Vec<&'static str>)> {
        unknown_words(words)
            .into_iter()
            .map(|unknown| (unknown.place, unknown.suggestions))
            .collect()
    }

    #[test]
    fn the_list_is_whole() {
        for place in 0..2 {
            let mut words = list(place).to_vec();
            assert!(
                words.iter().all(|word| word.bytes().all(|letter| letter.is_ascii_lowercase()))
            );
            assert!(words.iter().all(|word| word.len() <= LONGEST_WORD));
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), 256);
        }
        assert_eq!((list(0)[0], list(1)[0]), ("adroitness", "aardvark"));
        assert_eq!((list(0)[255], list(1)[255]), ("yucatan", "zulu"));
    }

    #[test]
    fn completion_knows_whose_turn_it_is() {
        assert_eq!(complete("guit", 2), ["guitarist-"]);
        assert_eq!(
            complete("guitarist-re", 2),
            [
                "guitarist-rebirth",
                "guitarist-reform",
                "guitarist-regain",
                "guitarist-reindeer",
                "guitarist-rematch",
                "guitarist-repay",
                "guitarist-retouch",
                "guitarist-revenge",
                "guitarist-reward"
            ]
        );
        assert_eq!(complete("revenge", 2), Vec::<String>::new());
        assert_eq!(complete("", 1).len(), 256);
        assert_eq!(complete("guitarist-revenge-ya", 2), Vec::<String>::new());
        assert_eq!(complete("guitarist-revenge-ye", 2), ["guitarist-revenge-yesteryear"]);
    }

    #[test]
    fn a_mistyped_word_gets_its_neighbours() {
        assert_eq!(suggestions("guitarist-revenge"), []);
        assert_eq!(suggestions("guitarits-revenge"), [(0, vec!["guitarist"])]);
        assert_eq!(suggestions("guitarist-revnege"), [(1, vec!["revenge"])]);
        assert_eq!(suggestions("Guitarist-revenge"), [(0, vec!["guitarist"])]);
        assert_eq!(suggestions("gitarist-reveng"), [(0, vec!["guitarist"]), (1, vec!["revenge"])]);
    }

    #[test]
    fn words_in_the_wrong_order_are_noticed() {
        assert_eq!(unknown_words("revenge-guitarist").len(), 2);
    }

    #[test]
    fn what_is_near_to_nothing_is_not_guessed_at() {
        assert_eq!(suggestions("xyzzy"), [(0, vec![])]);
        assert_eq!(suggestions(""), [(0, vec![])]);
        assert_eq!(suggestions(&"é".repeat(5000)), [(0, vec![])]);
    }
}
