//! Strangers' text, made harmless before it reaches a terminal.
//!
//! A terminal obeys control sequences: they move the cursor, change the title, write the clipboard,
//! and reorder what is read. So every such character is shown as an escape like `\u{1b}`, and what is
//! too long is cut with a word that says so. Files, pipes and JSON get the exact text.

use std::fmt::Write;

use wormhole_sync::is_harmful;

/// Most characters of a stranger's short text (a message of the day, a reason, a name).
pub(crate) const MAX_SHORT: usize = 1000;

/// Most characters of a received text on a terminal.
pub(crate) const MAX_TEXT: usize = 16_384;

/// Most lines of a received text on a terminal: more would push what was there out of sight.
const MAX_LINES: usize = 500;

/// One line: line breaks and tabs are shown as escapes, too.
pub(crate) fn line(text: &str, most: usize) -> String {
    cleaned(text, most, |_| false)
}

/// A text of several lines: line breaks and tabs remain.
pub(crate) fn lines(text: &str, most: usize) -> String {
    let mut breaks = 0;
    cleaned(text, most, |letter| {
        breaks += usize::from(letter == '\n');
        matches!(letter, '\n' | '\t') && breaks <= MAX_LINES
    })
}

/// A text of several lines that cannot pass for this tool's own: each line, wrapped lest the terminal
/// does it, has a mark before it.
pub(crate) fn quoted(text: &str, most: usize) -> String {
    let mut quoted = String::new();
    for line in lines(text.trim_end(), most).lines() {
        let mut width = MAX_WIDTH;
        for letter in line.chars() {
            width += columns(letter);
            if width > MAX_WIDTH {
                quoted.push_str(if quoted.is_empty() { QUOTE } else { QUOTE_NEXT });
                width = columns(letter);
            }
            quoted.push(letter);
        }
        if line.is_empty() {
            quoted.push_str(if quoted.is_empty() { QUOTE } else { QUOTE_NEXT });
        }
    }
    quoted + "\n"
}

/// The mark before a stranger's line.
const QUOTE: &str = "  | ";

/// The same, after another line.
const QUOTE_NEXT: &str = "\n  | ";

/// Most columns of a quoted line, so that with its mark it fits into the usual 80.
const MAX_WIDTH: usize = 72;

/// The most columns that a letter may take.
const fn columns(letter: char) -> usize {
    match letter {
        '\t' => 8,
        '\u{0}'..'\u{1100}' => 1,
        _ => 2,
    }
}

/// Like [`line()`], with every run of spaces made one: padding cannot push what follows to where the
/// terminal begins a new line.
pub(crate) fn compact(text: &str, most: usize) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() && !is_harmful(letter));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    line(&words.join(" "), most)
}

fn cleaned(text: &str, most: usize, mut keep: impl FnMut(char) -> bool) -> String {
    let mut clean = String::new();
    let mut letters = text.chars();
    for letter in letters.by_ref().take(most) {
        if keep(letter) || !is_harmful(letter) {
            clean.push(letter);
        } else {
            let _ = write!(clean, "{}", letter.escape_default()); // a String takes everything
        }
    }
    let rest = letters.count();
    if rest > 0 {
        let _ = write!(clean, "… ({rest} more characters)");
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for (text, shown) in [
            ("\u{1b}[31mred", r"\u{1b}[31mred"),
            ("\u{1b}]52;c;ZXZpbA==\u{7}", r"\u{1b}]52;c;ZXZpbA==\u{7}"),
            ("\u{1b}]8;;http://x\u{1b}\\y", r"\u{1b}]8;;http://x\u{1b}\y"),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("safe\rEVIL", r"safe\rEVIL"),
            ("a\u{8}b", r"a\u{8}b"),
            ("\u{202e}gpj.exe", r"\u{202e}gpj.exe"),
            ("\u{2066}x\u{2069}", r"\u{2066}x\u{2069}"),
            ("zero\u{200b}width", r"zero\u{200b}width"),
            ("\u{feff}\u{ad}", r"\u{feff}\u{ad}"),
            ("\u{e0041}", r"\u{e0041}"),
            ("del\u{7f}", r"del\u{7f}"),
        ] {
            assert_eq!(line(text, 100), shown);
            assert_eq!(lines(text, 100), shown);
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in ["hello", "Grüße, 你好, שלום, 🦀", r"C:\dir"] {
            assert_eq!(line(text, 100), text);
        }
        assert_eq!(lines("a\n\tb\n", 100), "a\n\tb\n");
        assert_eq!(line("a\n\tb\n", 100), r"a\n\tb\n");
    }

    #[test]
    fn a_megabyte_is_cut() {
        let cut = lines(&"x".repeat(1 << 20), MAX_SHORT);
        assert!(cut.ends_with("… (1047576 more characters)"));
        assert!(cut.len() < MAX_SHORT + 50);
    }

    #[test]
    fn a_flood_of_lines_is_made_one() {
        let cut = lines(&"\n".repeat(10_000), MAX_TEXT);
        assert_eq!(cut.matches('\n').count(), MAX_LINES);
    }

    #[test]
    fn every_line_of_a_quotation_has_the_mark() {
        assert_eq!(quoted("hello", 100), "  | hello\n");
        assert_eq!(
            quoted("hello\nWormhole code is: 9-evil\n\nx\n", 100),
            "  | hello\n  | Wormhole code is: 9-evil\n  | \n  | x\n"
        );
        for padding in [" ", "-", "\t", "\u{3000}", "好"] {
            let padded = format!("hello{}Wormhole code is: 9-evil", padding.repeat(300));
            for line in quoted(&padded, MAX_SHORT).lines() {
                let width: usize = line.chars().map(columns).sum();
                assert!(line.starts_with("  | ") && width <= 80, "{line}");
            }
        }
    }

    #[test]
    fn padding_does_not_push_text_to_a_new_line() {
        assert_eq!(
            compact(&format!("no{}Wormhole code is", " \u{a0}\u{3000}".repeat(100)), 100),
            "no Wormhole code is"
        );
        assert_eq!(compact("a\nb\u{1b}c", 100), r"a\nb\u{1b}c");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_harmless(text in "\\PC*|[\u{0}-\u{ffff}]{0,50}") {
            prop_assert!(!line(&text, 40).chars().any(is_harmful));
            prop_assert!(!lines(&text, 40).chars().any(|letter| is_harmful(letter) && !matches!(letter, '\n' | '\t')));
        }
    }
}
