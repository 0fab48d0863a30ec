//! What was given, and where: in the file, in the environment, on the command line.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};

use super::{
    names::{PREFIX, below, instead_of, variable},
    text, truth,
};
use crate::exit::Failure;

/// The variable that names the file.
pub(super) const FILE_VARIABLE: &str = "WORMHOLE_SERVE_CONFIG";

/// One setting that was given.
pub(crate) struct Given {
    /// Its dotted name, which there is.
    pub(super) name: String,
    pub(super) value: Value,
    /// Who gave it, for people.
    pub(super) origin: String,
}

/// Reads a file of settings.
pub(super) fn file(path: &Path, usual: &BTreeMap<String, Value>) -> Result<Vec<Given>, Failure> {
    let unusable = |what: String| Failure::usage(format!("{}: {what}", path.display()));
    let text = text::read(path)
        .map_err(|error| unusable(format!("{error}; name another file with --config")))?;
    let not_toml = |error: toml::de::Error| {
        let line = error.span().map_or(1, |span| line(&text, span.start));
        unusable(format!("line {line} is not TOML: {}", error.message().replace('\n', ", ")))
    };
    let positions = DeTable::parse(&text).map_err(not_toml)?;
    let table: Table = text.parse().map_err(not_toml)?;
    let file = File { path, text: &text, usual };
    let mut given = Vec::new();
    file.settings(table, positions.get_ref(), "", &mut given)?;
    Ok(given)
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
    usual: &'a BTreeMap<String, Value>,
}

impl File<'_> {
    /// Adds those that stand in a table. It ends at the first name that there is not, so that a file of nothing else costs
    /// no more than to find that: no name is put together, and no line is counted, but those of settings and of that one.
    fn settings(
        &self,
        table: Table,
        positions: &DeTable<'_>,
        above: &str,
        given: &mut Vec<Given>,
    ) -> Result<(), Failure> {
        for (key, value) in table {
            let name = below(above, &key);
            let place = positions.get_key_value(key.as_str());
            match (value, place.map(|(_, value)| value.get_ref())) {
                (Value::Table(inner), Some(DeValue::Table(positions)))
                    if !inner.is_empty() && !self.usual.contains_key(&name) =>
                {
                    self.settings(inner, positions, &name, given)?;
                }
                (Value::Table(inner), _) if inner.is_empty() && self.holds_settings(&name) => {}
                (value, _) => {
                    let line = place.map_or(1, |(key, _)| line(self.text, key.span().start));
                    let origin = format!("line {line} of {}", self.path.display());
                    given.push(known(name, value, origin, self.usual)?);
                }
            }
        }
        Ok(())
    }

    /// Whether there are settings whose names go on after this one.
    fn holds_settings(&self, name: &str) -> bool {
        self.usual
            .keys()
            .any(|setting| setting.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    }
}

fn line(text: &str, position: usize) -> usize {
    text.bytes().take(position).filter(|byte| *byte == b'\n').count() + 1
}

/// Reads the environment variables of the servers.
pub(super) fn environment(
    variables: &[(OsString, OsString)],
    usual: &BTreeMap<String, Value>,
) -> Result<Vec<Given>, Failure> {
    let names: BTreeMap<String, &String> =
        usual.keys().map(|name| (variable(name), name)).collect();
    let mut given = Vec::new();
    for (key, text) in variables {
        let Some(key) = key.to_str().filter(|key| key.starts_with(PREFIX)) else { continue };
        if key == FILE_VARIABLE {
            continue;
        }
        let Some(name) = names.get(key) else {
            let advice = instead_of(key, names.keys().cloned());
            return Err(Failure::usage(format!(
                "the environment variable {key} belongs to no setting; {advice}"
            )));
        };
        let text = text.to_str().ok_or_else(|| {
            Failure::usage(format!("the environment variable {key} is not UTF-8; set it again"))
        })?;
        given.push(typed(name, text, key.to_owned(), usual)?);
    }
    Ok(given)
}

/// Reads what a flag says.
pub(super) fn flag(
    flag: &str,
    name: &str,
    text: &str,
    usual: &BTreeMap<String, Value>,
) -> Result<Given, Failure> {
    typed(name, text, flag.to_owned(), usual)
}

/// A setting whose value is a text, of the type that it usually has.
fn typed(
    name: &str,
    text: &str,
    origin: String,
    usual: &BTreeMap<String, Value>,
) -> Result<Given, Failure> {
    let wrong = |what| Failure::usage(format!("{name} cannot be '{text}' ({origin}): {what}"));
    let value = match usual.get(name) {
        Some(Value::Integer(_)) => {
            Value::Integer(text.trim().parse().map_err(|_| wrong("write a whole number"))?)
        }
        Some(Value::Boolean(_)) => {
            Value::Boolean(truth(text.trim()).ok_or_else(|| wrong("write true or false"))?)
        }
        _ => Value::String(text.to_owned()),
    };
    known(name.to_owned(), value, origin, usual)
}

/// A setting that there is. A list may be written as one text.
fn known(
    name: String,
    value: Value,
    origin: String,
    usual: &BTreeMap<String, Value>,
) -> Result<Given, Failure> {
    let value = match (usual.get(&name), value) {
        (None, _) => {
            let advice = instead_of(&name, usual.keys().cloned());
            return Err(Failure::usage(format!(
                "there is no setting '{name}' ({origin}); {advice}"
            )));
        }
        (Some(Value::Array(_)), Value::String(text)) => {
            let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
        }
        (Some(_), value) => value,
    };
    if let Some(form) = usual.get(&name).and_then(|usual| form_instead(usual, &value)) {
        return Err(Failure::usage(format!("{name} cannot be {value} ({origin}): {form}")));
    }
    Ok(Given { name, value, origin })
}

/// How a value should be written that is of another type than this one. What is usually a text may be a number, too, where
/// that has a unit.
fn form_instead(usual: &Value, value: &Value) -> Option<&'static str> {
    match (usual, value) {
        (Value::Integer(_), Value::Integer(number)) if *number < 0 => {
            Some("write a whole number that is not negative")
        }
        (Value::Integer(_), Value::Integer(number)) if *number > u32::MAX.into() => {
            Some("write a whole number of at most 4294967295")
        }
        (Value::Integer(_), Value::Integer(_)) | (Value::Boolean(_), Value::Boolean(_)) => None,
        (Value::Integer(_), _) => Some("write a whole number, without quotes"),
        (Value::Boolean(_), _) => Some("write true or false, without quotes"),
        (Value::Array(_), Value::Array(parts)) if parts.iter().all(Value::is_str) => None,
        (Value::Array(_), _) => {
            Some("write a list of texts, such as [\"192.0.2.7\", \"192.0.2.8\"]")
        }
        _ => None,
    }
}
