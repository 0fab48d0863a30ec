//! What a stranger's text may hold that no terminal should be given.

/// Whether a terminal would obey this character, or a reader not see what it does: control characters, direction
/// marks and overrides, and what has no width. Whoever shows a peer's or a server's text to a person escapes these.
///
/// ```
/// use wormhole_sync::is_harmful;
///
/// let name = "invoice\u{202e}fdp.exe";
/// let shown: String = name.chars().map(|letter| if is_harmful(letter) { '?' } else { letter }).collect();
/// assert_eq!(shown, "invoice?fdp.exe");
/// assert!(is_harmful('\x1b') && is_harmful('\n') && !is_harmful('é'));
/// ```
pub const fn is_harmful(letter: char) -> bool {
    matches!(letter,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' // C0, DEL, C1: ESC and CSI among them
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' // zero widths and direction marks
        | '\u{2028}'..='\u{202e}' // separators and overrides
        | '\u{2060}'..='\u{206f}' // joiners, isolates
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}') // tags: text that nobody sees
}
