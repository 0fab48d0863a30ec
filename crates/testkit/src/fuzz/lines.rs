//! Operations as lines of text.

/// Lines beyond this many are not looked at: a target is to stay fast.
const MAX_LINES: usize = 100;

/// The lines of `data` that are UTF-8.
pub(super) fn lines(data: &[u8]) -> impl Iterator<Item = &str> {
    data.split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok())
        .take(MAX_LINES)
}

/// The first character of a line, and what follows it.
pub(super) fn verb(line: &str) -> Option<(char, &str)> {
    let mut rest = line.chars();
    rest.next().map(|verb| (verb, rest.as_str()))
}

/// The number at the head of a text, 0 when there is none; and what follows it and one space.
pub(super) fn number(text: &str) -> (u64, &str) {
    let text = text.trim_ascii_start();
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (digits.parse().unwrap_or(0), rest.strip_prefix(' ').unwrap_or(rest))
}
