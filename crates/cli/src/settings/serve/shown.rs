//! The settings that hold, as a file that would say the same.

use std::fmt::Write;

use toml::{Table, Value};

use super::{Resolved, names::below, table};
use crate::exit::Failure;

impl Resolved {
    /// All of them as TOML, each that was given beneath a comment that says by whom; those of a server that does not run
    /// are left out.
    pub(crate) fn shown(&self) -> Result<String, Failure> {
        let (mut text, mut table) = (String::new(), table(&self.settings)?);
        let runs = [("mailbox", self.servers.mailbox), ("relay", self.servers.relay)];
        table.retain(|name, _| !runs.contains(&(name, false)));
        self.show(&table, "", &mut text);
        Ok(text.trim_start().to_owned())
    }

    /// What stands in a table, and then the tables in it. Writing to a string does not fail.
    fn show(&self, table: &Table, above: &str, text: &mut String) {
        for (key, value) in table.iter().filter(|(_, value)| !value.is_table()) {
            if let Some(origin) = self.origin(&below(above, key)) {
                _ = writeln!(text, "# {origin}");
            }
            _ = writeln!(text, "{key} = {value}");
        }
        for (key, value) in table {
            if let Value::Table(inner) = value {
                let name = below(above, key);
                _ = writeln!(text, "\n[{name}]");
                self.show(inner, &name, text);
            }
        }
    }
}
