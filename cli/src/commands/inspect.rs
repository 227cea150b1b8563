//! `anomal inspect`: what a file is, how it is read and why, and the settings that read the same without a guess.

use std::fmt::Write;

use anomal_connectors::{
    ColumnInspection, Inspection, OpenOptions, input_for_content, inspect, text,
};
use anomal_spec::{Input, to_input_yaml};
use comfy_table::{ContentArrangement, Table, presets};

use super::{CommandResult, print};
use crate::{args::Inspect, exit, overrides, present::error::Failure, settings};

/// Characters of a line.
const WIDTH: u16 = 120;
/// Characters of a value that are shown.
const SHOWN: usize = 40;

pub fn run(arguments: &Inspect) -> CommandResult {
    let input = match &arguments.job {
        Some(job) => {
            let settings = settings::with_paths(job)?;
            overrides::input(&settings.job.spec.input, &arguments.file)?
        }
        None => input(&arguments.file)?,
    };
    let inspection = inspect(&input, &OpenOptions::default(), arguments.rows)?;
    if arguments.json {
        return print(&format!("{:#}\n", serde_json::json!(inspection)));
    }
    print(&describe(&arguments.file, &inspection)?)
}

/// The input for a file: by its content, unless its name says more.
fn input(path: &str) -> Result<Input, Failure> {
    if anomal_spec::is_url(path) {
        return Ok(overrides::input(&Input::default(), path)?);
    }
    let content = input_for_content(path)?;
    let named = overrides::input(&Input::default(), path);
    // The content of Parquet is sure, and that of logs where no name says that they are a table; an object may also be a cell.
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let is_table = [".csv", ".tsv"].iter().any(|ending| name.contains(ending));
    let sure = content.parquet.is_some() || content.log.is_some() && !is_table;
    Ok(if sure { content } else { named.unwrap_or(content) })
}

fn describe(file: &str, inspection: &Inspection) -> Result<String, Failure> {
    let mut out = String::new();
    let rows = match (inspection.rows, inspection.complete) {
        (1, true) => "1 row".to_owned(),
        (rows, true) => format!("{} rows", text::grouped(rows)),
        (rows, false) => format!("the first {} rows were read", text::grouped(rows)),
    };
    // Writing to a string cannot fail.
    let _ = write!(out, "{file}: {}", inspection.driver);
    if let Some(encoding) = &inspection.encoding {
        let _ = write!(out, ", {encoding}");
    }
    let columns = match inspection.columns.len() {
        1 => "1 column".to_owned(),
        count => format!("{} columns", text::grouped(count)),
    };
    let _ = writeln!(out, ", {columns}, {rows}");
    if let Some(format) = &inspection.format {
        let _ = writeln!(out, "format: {}", format.name);
        for share in &format.shares {
            let (lines, all) = (text::grouped(share.lines), text::grouped(format.lines));
            let _ = writeln!(out, "  {}: {lines} of the first {all} lines", share.format);
        }
    }
    if let Some(dialect) = &inspection.dialect {
        let header = if dialect.header { "with a header" } else { "without a header" };
        let plain = if dialect.plain { "plain CSV with commas" } else { "another dialect" };
        let skipped = match dialect.skip_lines {
            0 => String::new(),
            1 => ", 1 line skipped".to_owned(),
            lines => format!(", {lines} lines skipped"),
        };
        let _ = writeln!(out, "dialect: {plain}, {header}{skipped}");
        for score in &dialect.candidates {
            let settings = match score.settings.as_str() {
                "" => "plain CSV with commas",
                settings => settings,
            };
            let _ = writeln!(
                out,
                "  {:.2}  {settings}: {} columns in {} of {} records",
                score.score, score.columns, score.uniform_records, score.records
            );
        }
    }
    let _ = writeln!(out, "\n{}", column_table(&inspection.columns).trim_fmt());
    if !inspection.first.is_empty() {
        let _ = writeln!(out, "\n{}", first_rows(inspection).trim_fmt());
    }
    if !inspection.members.is_empty() {
        let members: Vec<String> = inspection.members.iter().map(|name| shown(name)).collect();
        let _ = writeln!(out, "\nmembers of lists that settings can name: {}", members.join(", "));
    }
    for note in &inspection.notes {
        let _ = writeln!(out, "\nnote: {}: {}", note.reason, note.message);
    }
    let yaml = to_input_yaml(&inspection.input)
        .map_err(|error| Failure::new(error.to_string(), exit::FAILED))?;
    let _ = write!(out, "\n# The settings that read the same without a guess:\n{yaml}");
    for column in inspection.columns.iter().filter(|column| column.strays > 0) {
        let _ = writeln!(
            out,
            "# {}: its type is left to inference, since its {} strays would make their records bad",
            column.name, column.strays
        );
    }
    Ok(out)
}

fn column_table(columns: &[ColumnInspection]) -> Table {
    let mut table = table();
    table.set_header(["Column", "Type", "Missing", "Null words", "Strays", "Values"]);
    for column in columns {
        let words = column.null_words.iter().map(|(word, count)| format!("{word} ({count})"));
        let words = words.collect::<Vec<_>>().join(", ");
        let values = column.values.iter().map(|value| shown(value)).collect::<Vec<_>>().join(", ");
        table.add_row([
            shown(&column.name),
            column.data_type.to_owned(),
            text::grouped(column.missing),
            words,
            text::grouped(column.strays),
            values,
        ]);
    }
    table
}

fn first_rows(inspection: &Inspection) -> Table {
    let mut table = table();
    table.set_header(inspection.columns.iter().map(|column| shown(&column.name)));
    for row in &inspection.first {
        table.add_row(row.iter().map(|value| shown(value)));
    }
    table
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(WIDTH);
    table
}

/// A value on one line.
fn shown(value: &str) -> String {
    let line = value.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(SHOWN).collect()
}
