//! "name (1).txt".

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use crate::files::name::MAX_NAME;

/// The name with a number before its ending, which for a directory is none; shortened, if it would
/// be too long.
pub(super) fn numbered(name: &OsStr, number: u32, directory: bool) -> OsString {
    let number = format!(" ({number})");
    let (stem, ending) = if directory { (name, OsString::new()) } else { parts(name) };
    let room = MAX_NAME.saturating_sub(number.len() + ending.len());
    let mut whole = shortened(stem, room);
    whole.push(number);
    whole.push(ending);
    whole
}

/// `archive` and `.tar.gz`; `.bashrc` and nothing.
fn parts(name: &OsStr) -> (&OsStr, OsString) {
    let path = Path::new(name);
    let (Some(stem), Some(extension)) = (path.file_stem(), path.extension()) else {
        return (name, OsString::new());
    };
    let mut ending = OsString::from(".");
    ending.push(extension);
    let inner = Path::new(stem);
    match (inner.file_stem(), inner.extension()) {
        (Some(shorter), Some(tar)) if tar == "tar" => {
            let mut both = OsString::from(".tar");
            both.push(ending);
            (shorter, both)
        }
        _ => (stem, ending),
    }
}

/// A name that is not UTF-8 stays as long as it is: cutting it could leave half a letter.
fn shortened(stem: &OsStr, room: usize) -> OsString {
    let Some(text) = stem.to_str() else { return stem.to_owned() };
    let end = (0..=room.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    end.and_then(|end| text.get(..end)).unwrap_or(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_goes_before_the_ending() {
        for (name, directory, expected) in [
            ("plan.txt", false, "plan (1).txt"),
            ("plan", false, "plan (1)"),
            ("a.tar.gz", false, "a (1).tar.gz"),
            ("a.b.gz", false, "a.b (1).gz"),
            (".bashrc", false, ".bashrc (1)"),
            (".tar.gz", false, ".tar (1).gz"),
            ("v1.2", true, "v1.2 (1)"),
        ] {
            assert_eq!(numbered(OsStr::new(name), 1, directory), expected);
        }
    }

    #[test]
    fn a_numbered_name_is_no_longer_than_a_name_may_be() {
        let long = format!("{}.txt", "é".repeat(125));
        let name = numbered(OsStr::new(&long), 123, false).into_string().unwrap();
        assert!(name.len() <= MAX_NAME && name.ends_with("é (123).txt"), "{name}");
    }
}
