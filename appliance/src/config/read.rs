//! Text to a checked table: the built-in configuration with a file's keys over it, every wrong key named with its line.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::DEFAULT;
use super::error::{ConfigError, Fault, Problem};
use super::rules::{self, Rule};
use crate::tls::is_tenant_name;

/// The built-in table.
pub(super) fn defaults() -> Table {
    DEFAULT.parse().expect("the built-in configuration is TOML, which a test shows")
}

/// The line of each key of a text, by dotted key.
type Lines = BTreeMap<String, usize>;

/// The built-in table with the text's keys over it; each tenant's section complete, the defaults laid under.
pub(super) fn checked(text: &str, path: &Path) -> Result<Table, ConfigError> {
    let spanned = DeTable::parse(text).map_err(|error| syntax(text, path, &error))?;
    let table: Table = text.parse().map_err(|error| syntax(text, path, &error))?;
    let mut lines = Lines::new();
    note_lines(text, spanned.get_ref(), "", &mut lines);

    let base = defaults();
    let mut problems = Vec::new();
    check_table(&table, Some(&base), "", &mut problems);
    if !problems.is_empty() {
        for problem in &mut problems {
            problem.line = lines.get(&problem.key).copied();
        }
        problems.sort_by_key(|problem| problem.line);
        return Err(ConfigError::Invalid { path: path.to_owned(), problems });
    }
    let mut merged = base;
    lay_over(&mut merged, table);
    complete_tenants(&mut merged);
    Ok(merged)
}

fn syntax(text: &str, path: &Path, error: &toml::de::Error) -> ConfigError {
    let at = error.span().map_or(0, |span| span.start);
    let line = line_of(text, at);
    let before = text.get(..at).unwrap_or(text);
    let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
    let why = error.message().replace('\n', ", ");
    ConfigError::Syntax { path: path.to_owned(), line, column, why }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

fn dotted(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// Tables nest at most 80 deep: the parser refuses more.
fn note_lines(text: &str, table: &DeTable<'_>, prefix: &str, lines: &mut Lines) {
    for (key, value) in table {
        let name = dotted(prefix, key.get_ref());
        lines.insert(name.clone(), line_of(text, key.span().start));
        if let DeValue::Table(inner) = value.get_ref() {
            note_lines(text, inner, &name, lines);
        }
    }
}

/// Compares a table with the built-in one of the same place; `None` below `tenants`, whose names are the operator's.
fn check_table(table: &Table, base: Option<&Table>, prefix: &str, problems: &mut Vec<Problem>) {
    for (name, value) in table {
        let key = dotted(prefix, name);
        let mut report = |fault| problems.push(Problem { line: None, key: key.clone(), fault });
        if prefix == "tenants" && !is_tenant_name(name) {
            report(Fault::TenantName);
            continue;
        }
        let is_section = prefix == "tenants"
            || key == "tenants"
            || base.and_then(|base| base.get(name)).is_some_and(|known| known.is_table());
        match (is_section, value) {
            (true, Value::Table(inner)) => {
                if key == "tenants" && inner.len() > rules::TENANTS_MAX {
                    report(Fault::List { wanted: "at most 1024 sections" });
                }
                let known = base.and_then(|base| base.get(name)).and_then(Value::as_table);
                check_table(inner, known, &key, problems);
            }
            (true, other) => report(Fault::Type { expected: "a section", found: found(other) }),
            // A quoted name with a dot in it only looks like a key of a section.
            (false, value) => match rules::rule(&key).filter(|_| !name.contains('.')) {
                None => report(Fault::Unknown { nearest: nearest(&key) }),
                Some(rule) => {
                    if let Err(fault) = check_value(value, rule) {
                        report(fault);
                    }
                }
            },
        }
    }
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}

fn check_value(value: &Value, rule: Rule) -> Result<(), Fault> {
    let text = |value: &Value, expected| match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(Fault::Type { expected, found: found(other) }),
    };
    let texts = |value: &Value, expected| match value {
        Value::Array(list) => list.iter().map(|entry| text(entry, expected)).collect::<Result<Vec<_>, _>>(),
        other => Err(Fault::Type { expected, found: found(other) }),
    };
    match rule {
        Rule::Integer(min, max) => match value {
            Value::Integer(value) if (min..=max).contains(value) => Ok(()),
            Value::Integer(value) => Err(Fault::Range { value: *value, min, max }),
            other => Err(Fault::Type { expected: "an integer", found: found(other) }),
        },
        Rule::Word(allowed) => word(text(value, "a text")?, allowed),
        Rule::Words(allowed) => {
            let mut words = texts(value, "a list of texts")?;
            words.iter().try_for_each(|entry| word(entry.clone(), allowed))?;
            let count = words.len();
            words.sort_unstable();
            words.dedup();
            if count == 0 || words.len() != count {
                return Err(Fault::List { wanted: "at least one entry, each once" });
            }
            Ok(())
        }
        Rule::Socket => socket(&text(value, "a text")?).map(|_| ()),
        Rule::Sockets => {
            let list = texts(value, "a list of texts")?;
            let addresses = list.iter().map(|entry| socket(entry)).collect::<Result<Vec<_>, _>>()?;
            let twice =
                |(place, address): (usize, &SocketAddr)| address.port() != 0 && addresses[..place].contains(address);
            if list.is_empty() || list.len() > rules::SOCKETS_MAX || addresses.iter().enumerate().any(twice) {
                return Err(Fault::List { wanted: "1 to 64 addresses, each once" });
            }
            Ok(())
        }
        Rule::Path => path(&text(value, "a text")?),
        Rule::Paths => {
            let list = texts(value, "a list of texts")?;
            if list.len() > rules::PATHS_MAX {
                return Err(Fault::List { wanted: "at most 64 files" });
            }
            list.iter().try_for_each(|entry| path(entry))
        }
        Rule::Text(bytes_max) => {
            let text = text(value, "a text")?;
            if text.len() > bytes_max || text.chars().any(char::is_control) {
                return Err(Fault::Text { wanted: format!("at most {bytes_max} bytes, without control characters") });
            }
            Ok(())
        }
    }
}

fn word(value: String, allowed: &'static [&'static str]) -> Result<(), Fault> {
    if allowed.contains(&value.as_str()) { Ok(()) } else { Err(Fault::Word { value, allowed }) }
}

fn socket(text: &str) -> Result<SocketAddr, Fault> {
    text.parse().map_err(|_| Fault::Address { value: text.to_owned() })
}

fn path(text: &str) -> Result<(), Fault> {
    if text.is_empty() { Err(Fault::Text { wanted: "the name of a file".to_owned() }) } else { Ok(()) }
}

/// The known key most like an unknown one: a key of that very name in another section before one spelt alike.
fn nearest(key: &str) -> String {
    let mut known = Vec::new();
    names(&defaults(), "", &mut known);
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    if let ["tenants", name, _] = key.split('.').collect::<Vec<_>>()[..] {
        let own = known.iter().filter_map(|key| key.strip_prefix("tenant_defaults."));
        let own: Vec<_> = own.map(|key| format!("tenants.{name}.{key}")).collect();
        known.extend(own);
    }
    let likeness = |known: &str| {
        let same_name = if last(known) == last(key) { 1.0 } else { 0.0 };
        same_name + strsim::normalized_damerau_levenshtein(known, key)
    };
    known
        .into_iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .expect("the built-in configuration has keys, which a test shows")
}

/// The dotted name of every section and value of a table.
fn names(table: &Table, prefix: &str, into: &mut Vec<String>) {
    for (name, value) in table {
        let key = dotted(prefix, name);
        if let Value::Table(inner) = value {
            names(inner, &key, into);
        }
        into.push(key);
    }
}

fn lay_over(base: &mut Table, over: Table) {
    for (name, value) in over {
        match (base.get_mut(&name), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (_, value) => {
                base.insert(name, value);
            }
        }
    }
}

fn complete_tenants(merged: &mut Table) {
    let Some(Value::Table(defaults)) = merged.get("tenant_defaults").cloned() else { return };
    let Some(Value::Table(tenants)) = merged.get_mut("tenants") else { return };
    for (_, tenant) in tenants.iter_mut() {
        let own = std::mem::replace(tenant, Value::Table(defaults.clone()));
        if let (Value::Table(complete), Value::Table(own)) = (tenant, own) {
            lay_over(complete, own);
        }
    }
}
