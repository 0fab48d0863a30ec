//! Every public item of a library shows itself in an example, which the documentation's tests run.
//!
//! The compiler holds every public item to be documented (`missing_docs`) and every `pub` to be public
//! (`unreachable_pub`); whether there is an example, only its nightly tools would tell. This reads the sources.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

use std::{fs, path::Path};

use support::sources::{beneath, without_tests};

mod support {
    pub(crate) mod sources;
}

/// What rustdoc gives a page or a paragraph of its own, modules aside.
const KINDS: [&str; 8] = ["fn", "const", "async", "struct", "enum", "trait", "static", "type"];

#[test]
fn every_public_item_of_a_library_has_an_example() {
    for krate in ["wire", "core", "server", "client"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(krate).join("src");
        let mut items = Vec::new();
        for path in beneath(&folder) {
            let source = fs::read_to_string(&path).unwrap();
            items.extend(public(&source).into_iter().map(|(item, shown)| {
                (format!("{}: {item}", path.strip_prefix(&folder).unwrap().display()), shown)
            }));
        }
        assert!(items.len() > 50, "{krate}: only {items:?} were found");
        items.retain(|(_, shown)| !shown);
        assert!(items.is_empty(), "{krate} has public items without an example: {items:#?}");
    }
}

/// The public items of a source, its tests aside, and whether there is an example in the documentation of each.
fn public(source: &str) -> Vec<(String, bool)> {
    let (mut items, mut shown, mut in_trait) = (Vec::new(), false, false);
    for line in without_tests(source).lines() {
        let (indent, code) = (line.len() - line.trim_start().len(), line.trim_start());
        if let Some(doc) = code.strip_prefix("///") {
            shown |= doc.trim_start().starts_with("```");
            continue;
        }
        if code.starts_with("#[") {
            continue; // an attribute stands between an item and its documentation
        }
        let of_trait =
            in_trait && indent == 4 && (code.starts_with("fn ") || code.starts_with("async fn "));
        if of_trait || code.strip_prefix("pub ").is_some_and(is_item) {
            items.push((code.to_owned(), shown));
        }
        in_trait = code.starts_with("pub trait ") || in_trait && line != "}";
        shown = false;
    }
    items
}

fn is_item(code: &str) -> bool {
    let mut words = code.split(' ');
    let is_kind = words.next().is_some_and(|kind| KINDS.contains(&kind));
    is_kind && !words.any(|word| word.starts_with('$')) // a macro's caller documents what it makes
}

#[test]
fn the_reader_of_sources_sees_what_is_shown_and_what_is_not() {
    let source = "\
/// Both.
///
/// ```
/// shown();
/// ```
#[derive(Debug)]
pub struct Shown {
    /// A field.
    pub field: u8,
}

/// Words alone.
pub trait Told: Sized {
    /// ```
    /// ```
    fn method(&self) -> u8 {
        0
    }
    /// Words.
    fn other(&self);
}

impl Told for Shown {
    fn method(&self) -> u8 {}
}

pub(crate) fn inner() {}

#[cfg(test)]
mod tests {
    pub fn test() {}
}
";
    let found = public(source);
    let found: Vec<_> = found.iter().map(|(item, shown)| (item.as_str(), *shown)).collect();
    assert_eq!(
        found,
        [
            ("pub struct Shown {", true),
            ("pub trait Told: Sized {", false),
            ("fn method(&self) -> u8 {", true),
            ("fn other(&self);", false)
        ]
    );
}
