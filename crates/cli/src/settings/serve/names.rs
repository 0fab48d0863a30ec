//! Settings by their dotted names.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// What every environment variable of the servers begins with.
pub(super) const PREFIX: &str = "WORMHOLE_SERVE_";

/// The dotted names of all settings in a table, with their values.
pub(super) fn leaves(table: &Table) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect(table, "", &mut found);
    found
}

fn collect(table: &Table, above: &str, found: &mut BTreeMap<String, Value>) {
    for (key, value) in table {
        let name = below(above, key);
        match value {
            Value::Table(table) => collect(table, &name, found),
            value => _ = found.insert(name, value.clone()),
        }
    }
}

/// The name of what stands under `key` in the table `above`.
pub(super) fn below(above: &str, key: &str) -> String {
    if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") }
}

/// Puts a value where its name leads.
pub(super) fn put(table: &mut Table, name: &str, value: Value) {
    match name.split_once('.') {
        None => _ = table.insert(name.to_owned(), value),
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// The environment variable of a setting.
pub(super) fn variable(name: &str) -> String {
    PREFIX.to_owned() + &name.replace(['.', '-'], "_").to_uppercase()
}

/// Advice for somebody who used a name that there is not.
pub(super) fn instead_of(wrong: &str, names: impl Iterator<Item = String>) -> String {
    let near = |name: String| (likeness(wrong, &name), name);
    let names = names.filter(|_| wrong.len() <= LONGEST);
    let best = names.map(near).max_by(|(one, _), (other, _)| one.total_cmp(other));
    match best {
        Some((likeness, name)) if likeness > LIKENESS => format!("did you mean '{name}'?"),
        _ => "'wormhole serve --check' prints the names of all".to_owned(),
    }
}

/// How alike two names are, as wholes and in their last words: 1 would be the same.
fn likeness(one: &str, other: &str) -> f64 {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    f64::midpoint(strsim::jaro_winkler(one, other), strsim::jaro_winkler(&last(one), &last(other)))
}

/// Bytes of a name that may have been meant for another; the longest that there is has 60 as a variable. How alike two are takes time
/// by the product of their lengths.
const LONGEST: usize = 200;

/// From which likeness on one name was meant by the other.
const LIKENESS: f64 = 0.8;
