//! `anomal init`: inspects a file and prints commented settings to start from.

use std::{
    collections::HashMap,
    fmt::Write,
    path::{Path, PathBuf},
};

use anomal_connectors::{OpenOptions, found_settings, open, text};
use anomal_core::proto::{Column, DataType};
use anomal_dataflow::{Source, read_batches};
use anomal_spec::{Input, InputDriver, is_url};
use polars::prelude::{AnyValue, Column as Values};

use super::{CommandResult, print};
use crate::{args::Init, exit, overrides, present::error::Failure};

/// The number of records that are read: enough to distinguish identifiers from categories.
const SAMPLE_ROWS: usize = 100_000;
/// A column with more distinct values is not compared as categories.
const MAX_CATEGORIES: usize = 1_000;

pub fn init(arguments: &Init) -> CommandResult {
    if Path::new(&arguments.input).is_dir() {
        let message = format!("{} is a folder; name a file in it", arguments.input);
        return Err(Failure::new(message, exit::INPUT));
    }
    let input = overrides::input(&Input::default(), &arguments.input)?;
    let mut source = open(&input, &OpenOptions::default())?;
    let columns = source.schema().to_vec();
    source.select(&columns)?;
    let profile = Profile::from_source(source, &columns)?;
    if let Some(reason) = profile.no_features() {
        let message = format!("{}: nothing here can be a feature: {reason}", arguments.input);
        return Err(Failure::new(message, exit::INPUT));
    }
    let found = found_settings(&input, &OpenOptions::default())?;
    print(&settings(&input, &found, &arguments.input, &profile))
}

/// Statistics of the first rows of a file.
struct Profile {
    rows: usize,
    /// Whether these are all rows of the file.
    complete: bool,
    columns: Vec<ColumnProfile>,
}

struct ColumnProfile {
    column: Column,
    missing: usize,
    /// How often each value occurs.
    counts: HashMap<String, usize>,
    /// The number of values that look like host names.
    host_names: usize,
    example: String,
}

impl Profile {
    fn from_source(source: Box<dyn Source>, columns: &[Column]) -> Result<Self, Failure> {
        let empty = |column: &Column| ColumnProfile {
            column: column.clone(),
            missing: 0,
            counts: HashMap::new(),
            host_names: 0,
            example: String::new(),
        };
        let mut profile =
            Self { rows: 0, complete: true, columns: columns.iter().map(empty).collect() };
        for batch in read_batches(source) {
            let batch = batch?;
            profile.rows += batch.height();
            for (column, values) in profile.columns.iter_mut().zip(batch.typed.columns()) {
                column.add(values);
            }
            if profile.rows >= SAMPLE_ROWS {
                profile.complete = false;
                break;
            }
        }
        Ok(profile)
    }

    /// Why no column can be a feature, if none can.
    fn no_features(&self) -> Option<String> {
        if self.rows == 0 {
            return Some("there are names of columns and no records".to_owned());
        }
        let mut reasons = Vec::new();
        for column in &self.columns {
            reasons.push(match column.role(self.rows) {
                Role::Number | Role::Category | Role::HostName => return None,
                Role::Time => format!("`{}` is a time", column.column.name),
                Role::LeaveOut(reason) => format!("`{}` {reason}", column.column.name),
            });
        }
        let separator = |name: &str| [';', '\t', '|', ','].into_iter().find(|c| name.contains(*c));
        if let [only] = self.columns.as_slice()
            && let Some(separator) = separator(&only.column.name)
        {
            reasons.push(format!(
                "it looks like {separator:?} between cells: set `separator` in the settings of the input"
            ));
        }
        Some(reasons.join("; "))
    }
}

impl ColumnProfile {
    fn add(&mut self, values: &Values) {
        for value in values.as_materialized_series().iter() {
            let text = match &value {
                AnyValue::Null => {
                    self.missing += 1;
                    continue;
                }
                value => {
                    let mut text = String::new();
                    text::push(&mut text, value);
                    text
                }
            };
            self.host_names += usize::from(is_host_name(&text));
            if self.example.is_empty() {
                self.example.clone_from(&text);
            }
            *self.counts.entry(text).or_default() += 1;
        }
    }

    fn role(&self, rows: usize) -> Role {
        let present = rows - self.missing;
        let distinct = self.counts.len();
        let name = self.column.name.to_ascii_lowercase();
        let named_id = name == "id" || name.ends_with("_id") || name.ends_with(".id");
        match self.column.data_type() {
            _ if present == 0 => Role::LeaveOut("has no values"),
            _ if distinct == 1 => Role::LeaveOut("has the same value in all rows"),
            DataType::Datetime => Role::Time,
            DataType::Integer if named_id || distinct == present && present > 20 => {
                Role::LeaveOut("looks like an identifier: a value for each row")
            }
            DataType::Integer | DataType::Float => Role::Number,
            DataType::Boolean => Role::Category,
            _ if self.host_names * 10 >= present * 9 => Role::HostName,
            _ if distinct * 10 >= present * 9 && present > 20 => {
                Role::LeaveOut("looks like an identifier or free text: nearly a value for each row")
            }
            _ if distinct > MAX_CATEGORIES => {
                Role::LeaveOut("has too many values to compare as labels")
            }
            _ => Role::Category,
        }
    }
}

enum Role {
    Number,
    Category,
    HostName,
    Time,
    LeaveOut(&'static str),
}

/// Whether a text has a dot inside, letters in the last label, and only characters of host names.
fn is_host_name(text: &str) -> bool {
    let Some((_, last)) = text.trim_end_matches('.').rsplit_once('.') else { return false };
    text.len() <= 253
        && last.len() >= 2
        && last.chars().all(|c| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// `found`: settings of the input that were found out.
fn settings(input: &Input, found: &str, path: &str, profile: &Profile) -> String {
    let driver = input.driver().map_or("csv", InputDriver::name);
    let rows = profile.rows;
    let sample =
        if profile.complete { format!("{rows} rows") } else { format!("the first {rows} rows") };
    let place = if is_url(path) { Ok(path.into()) } else { std::path::absolute(path) };
    let place = place.unwrap_or_else(|_| PathBuf::from(path));
    let hosts = profile.columns.iter().any(|column| matches!(column.role(rows), Role::HostName));
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# Generated by `anomal init` from {sample} of {path}.");
    let _ = writeln!(
        out,
        "# Remove features that do not describe a record, set weights with `multiplier`, then: anomal run FILE"
    );
    let place = quoted(&place.to_string_lossy());
    let found = if found.is_empty() { String::new() } else { format!(", {found}") };
    let _ = writeln!(out, "input:\n  {driver}: {{path: {place}{found}}}");
    if hosts {
        let _ = writeln!(out, "packs: [dns]");
    }
    let _ = writeln!(out, "features:");
    for column in &profile.columns {
        feature(&mut out, column, rows);
    }
    let engine = if rows > 100_000 || !profile.complete { "HBOS" } else { "Gower" };
    let _ = writeln!(
        out,
        "classification:\n  # Gower compares all rows with each other (up to about 100,000 rows); HBOS has no \
         limit.\n  engine: {engine}\n  threshold: {{method: contamination, value: 0.02}}"
    );
    let stem = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    let stem =
        stem.as_deref().and_then(|name| name.split('.').next()).unwrap_or("input").to_owned();
    let _ = writeln!(
        out,
        "outputs:\n  - csv: {{path: {}, rows: all}}\n  - terminal: {{rows: suspicious, limit: 20}}",
        quoted(&format!("{stem}.results.csv"))
    );
    out
}

/// Writes the feature for a column, or a comment why there is none.
fn feature(out: &mut String, profile: &ColumnProfile, rows: usize) {
    let name = quoted(&profile.column.name);
    let example: String = profile.example.chars().filter(|c| !c.is_control()).take(40).collect();
    let distinct = profile.counts.len();
    let mut note = format!("{distinct} distinct values, such as {example}");
    if profile.missing > 0 {
        let _ = write!(note, "; missing in {} of {rows} rows", profile.missing);
    }
    let _ = match profile.role(rows) {
        Role::Number => writeln!(out, "  - {{type: field, name: {name}}}  # {note}"),
        Role::Category => {
            writeln!(out, "  - {{type: field, name: {name}, kind: categorical}}  # {note}")
        }
        Role::HostName => writeln!(
            out,
            "  # {name} has host names: {note}\n  - {{type: metric, name: hostname_entropy, dataNeeded: \
             [{name}], as: {entropy}}}\n  - {{type: metric, name: hostname_length, dataNeeded: [{name}], as: \
             {length}}}",
            entropy = quoted(&format!("{}.entropy", profile.column.name)),
            length = quoted(&format!("{}.length", profile.column.name)),
        ),
        Role::Time => writeln!(out, "  # left out: {name} is a time ({note})"),
        Role::LeaveOut(reason) => writeln!(out, "  # left out: {name} {reason} ({note})"),
    };
}

/// A YAML scalar that is a string for any text.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty()
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_distinguished_from_addresses_and_words() {
        let hosts = ["www.example.com", "a-b.c_d.example.org."];
        assert!(hosts.into_iter().all(is_host_name));
        let others = ["10.0.0.1", "example", "", "a b.com", "3.14", "x.y"];
        assert!(!others.into_iter().any(is_host_name));
    }

    #[test]
    fn scalars_stay_text() {
        let scalars = ["a.b", "@timestamp", "1", "no", "a: b", "é", "/x/y.csv"].map(quoted);
        assert_eq!(
            scalars,
            ["a.b", "\"@timestamp\"", "\"1\"", "\"no\"", "\"a: b\"", "\"é\"", "/x/y.csv"]
        );
    }
}
