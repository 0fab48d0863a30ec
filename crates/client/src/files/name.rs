//! What a stranger calls a file: one name that is safe on every platform, or a refusal that says why.

/// The name, if it is safe as the one component of a path under the rules of *every* platform; or
/// what is wrong with it, in words that follow the name: "holds a slash, …".
///
/// A name is refused rather than mended. Honest senders offer the last component of a path and
/// nothing else, so a slash is no slip; and a user who agreed to one name should not find another.
/// With a name of the user's own choice such an offer can be received all the same. Names inside
/// directories are held only to the rules of the platform that they are received on, since
/// there nobody can choose another.
///
/// ```
/// use wormhole_sync::files::safe;
///
/// assert_eq!(safe("plan (final).pdf"), Ok("plan (final).pdf"));
/// assert!(safe("../.ssh/authorized_keys").is_err());
/// assert!(safe("CON.txt").is_err());
/// ```
pub fn safe(name: &str) -> Result<&str, &'static str> {
    everywhere(name)?;
    if name.chars().any(char::is_control) {
        return Err("holds control characters");
    }
    on_windows(name)?;
    Ok(name)
}

/// One component of a path inside a received directory, under the rules of this platform.
///
/// Linux sources hold `aux.c` and `xt_TCPMSS.h` beside `xt_tcpmss.h`; such a tree arrives as it was.
pub(super) fn entry(name: &str) -> Result<(), &'static str> {
    everywhere(name)?;
    if cfg!(windows) { on_windows(name) } else { Ok(()) }
}

/// Why a user should look twice before taking something of this name; none for most.
///
/// ```
/// use wormhole_sync::files::delicate;
///
/// assert_eq!(delicate("holiday.jpeg"), None);
/// assert!(delicate(".bashrc").is_some());
/// assert!(delicate("holiday.jpeg.exe").is_some());
/// ```
pub fn delicate(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let ending = lower.rsplit_once('.').map_or("", |(_, ending)| ending);
    if lower.starts_with('.') {
        Some("it is hidden, and programs read their settings from such names")
    } else if name.chars().any(disguises) {
        Some("it holds invisible characters that can make it look like another name")
    } else if SETTINGS.contains(&lower.as_str()) || SETTING_ENDINGS.contains(&ending) {
        Some("computers and programs read their settings from such names")
    } else if PROGRAMS.contains(&ending) {
        Some("it is a program, or starts one, when it is opened")
    } else {
        None
    }
}

/// Most bytes of a name: what common file systems hold. A longer one would be cut or fail late.
pub(super) const MAX_NAME: usize = 255;

fn everywhere(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("is empty")
    } else if name.len() > MAX_NAME {
        Err("is longer than 255 bytes")
    } else if name == "." || name == ".." {
        Err("means a directory itself, not something in it")
    } else if name.contains('/') {
        Err("holds a slash, and so leads elsewhere")
    } else if name.contains('\0') {
        Err("holds a null character")
    } else {
        Ok(())
    }
}

fn on_windows(name: &str) -> Result<(), &'static str> {
    if name.contains('\\') {
        Err("holds a backslash, which leads elsewhere on Windows")
    } else if name.contains(':') {
        Err("holds a colon, which on Windows means a drive or a hidden stream")
    } else if name.contains(['<', '>', '"', '|', '?', '*']) || name.chars().any(char::is_control) {
        Err("holds a character that Windows does not allow")
    } else if name.ends_with(['.', ' ']) {
        Err("ends with a dot or space, which Windows drops")
    } else if is_device(name) {
        Err("means a device on Windows")
    } else {
        Ok(())
    }
}

/// `CON`, `con.txt`, `COM1 .log`: whatever follows the first dot, Windows opens the device.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ').to_ascii_uppercase();
    let numbered = |rest: &str| matches!(rest, "0" | "¹" | "²" | "³") || is_one_to_nine(rest);
    match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$" => true,
        other => {
            other.strip_prefix("COM").or_else(|| other.strip_prefix("LPT")).is_some_and(numbered)
        }
    }
}

fn is_one_to_nine(text: &str) -> bool {
    matches!(text.as_bytes(), [b'1'..=b'9'])
}

/// Whether the character is invisible or turns the direction of writing around.
const fn disguises(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Names that say what a computer or program is to do, without a dot in front.
const SETTINGS: &[&str] = &[
    "autostart",
    "autorun.inf",
    "desktop.ini",
    "authorized_keys",
    "known_hosts",
    "id_rsa",
    "id_ed25519",
    "crontab",
    "launchagents",
    "startup",
    "sitecustomize.py",
    "usercustomize.py",
];

const SETTING_ENDINGS: &[&str] = &["desktop", "service", "reg", "plist", "url", "webloc", "pth"];

/// What a double click runs, on one platform or another.
const PROGRAMS: &[&str] = &[
    "exe",
    "com",
    "bat",
    "cmd",
    "scr",
    "pif",
    "msi",
    "msix",
    "dll",
    "cpl",
    "hta",
    "lnk",
    "vbs",
    "vbe",
    "js",
    "jse",
    "wsf",
    "ps1",
    "jar",
    "app",
    "command",
    "pkg",
    "dmg",
    "sh",
    "bash",
    "zsh",
    "run",
    "appimage",
    "deb",
    "rpm",
    "flatpakref",
    "apk",
    "py",
    "pyw",
    "pl",
    "rb",
];

#[cfg(test)]
mod tests;
