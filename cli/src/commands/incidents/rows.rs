//! Rows of incidents, from the result file.

use std::{collections::BTreeMap, fmt::Write};

use anomal_connectors::{csv::flat, terminal::harmless, text};
use anomal_core::{Batch, ROW, proto::DataType, words::shortened};
use anomal_runner::ResultIncidents;
use anomal_spec::AnomalyJobSpec;
use jiff::Timestamp;
use polars::prelude::AnyValue;

use crate::{
    present::{error::Failure, incidents::width},
    results::ResultFile,
};

/// Characters of a cell at most.
const CELL: usize = 80;
/// Characters of a column at least.
const NARROWEST: usize = 6;
/// Columns of results that are shown behind those of the record.
const OURS: [&str; 3] = ["anomal.score", "anomal.flags", "anomal.explanation"];

/// The first rows of incidents.
#[derive(Default)]
pub struct IncidentRows {
    header: Vec<String>,
    rows: BTreeMap<u64, Vec<Vec<String>>>,
}

impl IncidentRows {
    /// Reads up to `limit` rows of each incident.
    ///
    /// # Errors
    /// If the file can't be read again, as standard input can't.
    pub fn read(
        file: &str,
        found: &ResultIncidents,
        spec: Option<&AnomalyJobSpec>,
        limit: usize,
    ) -> Result<Self, Failure> {
        if file == "-" {
            return Err(Failure::usage(
                "rows can't be read from standard input again; name a file",
            ));
        }
        let columns = shown(found, spec);
        let wanted: Vec<u64> = found.incidents.iter().map(|incident| incident.number).collect();
        let mut all = Self { header: Vec::new(), rows: BTreeMap::new() };
        let name = |name: &String| name.strip_prefix("anomal.").unwrap_or(name).to_owned();
        all.header = std::iter::once("row".to_owned()).chain(columns.iter().map(name)).collect();
        let mut results = ResultFile::open(file, &[(ROW, DataType::Integer)])?;
        while let Some(batch) = results.next()? {
            let numbers = batch.typed.column(ROW).map_err(anomal_core::Error::from)?;
            let numbers = numbers.i64().map_err(anomal_core::Error::from)?;
            let numbers: Vec<u64> =
                numbers.iter().map(|row| row.unwrap_or_default().unsigned_abs()).collect();
            for (place, incident) in found.numbers.of(&numbers)?.into_iter().enumerate() {
                let (row, Some(incident)) = (numbers[place], incident) else { continue };
                if wanted.binary_search(&incident).is_err() {
                    continue;
                }
                let rows = all.rows.entry(incident).or_default();
                if rows.len() < limit {
                    rows.push(cells(&batch, place, row, &columns)?);
                }
            }
        }
        Ok(all)
    }

    /// Those of an incident, a line each; empty where there are none. What all have in common is left out.
    pub fn table(&self, incident: u64) -> String {
        let Some(rows) = self.rows.get(&incident) else { return String::new() };
        let differs = |place: &usize| match rows.as_slice() {
            [only] => !only[*place].is_empty(),
            [first, others @ ..] => others.iter().any(|row| row[*place] != first[*place]),
            [] => false,
        };
        let full: Vec<usize> = (0..self.header.len()).filter(differs).collect();
        let lines = || std::iter::once(&self.header).chain(rows);
        let width_of = |place: &usize| {
            lines().map(|line| line[*place].chars().count()).max().unwrap_or_default()
        };
        let mut widths: Vec<usize> = full.iter().map(width_of).collect();
        shrink(&mut widths, width().saturating_sub(2));
        let mut text = String::from("\n");
        for line in lines() {
            let cells = full.iter().zip(&widths);
            let cells: Vec<String> = cells
                .map(|(place, width)| format!("{:<width$}", shortened(&line[*place], *width)))
                .collect();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {}", cells.join("  ").trim_end());
        }
        text
    }
}

/// Makes the widest columns narrower until a line fits.
fn shrink(widths: &mut [usize], line: usize) {
    let between = 2 * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + between > line {
        match widths.iter_mut().max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => return,
        }
    }
}

/// The columns of the record: those that the settings show, else those with a role.
fn shown(found: &ResultIncidents, spec: Option<&AnomalyJobSpec>) -> Vec<String> {
    let show = spec.and_then(|spec| spec.roles.as_ref()).map(|roles| roles.show.clone());
    let mut columns = show.unwrap_or_default();
    if columns.is_empty() {
        let roles = &found.roles;
        columns.extend(roles.time.iter().map(|time| time.column.clone()));
        columns.extend(roles.entities.iter().map(|entity| entity.column.clone()));
    }
    columns.extend(OURS.map(str::to_owned));
    columns
}

fn cells(
    batch: &Batch,
    place: usize,
    row: u64,
    columns: &[String],
) -> Result<Vec<String>, Failure> {
    let mut cells = vec![row.to_string()];
    for name in columns {
        let mut cell = String::new();
        if let Ok(column) = batch.raw.column(name) {
            let column = flat(column)?;
            text::push(&mut cell, &column.get(place).unwrap_or(AnyValue::Null));
        }
        let score = cell.parse::<f64>().ok().filter(|_| name == "anomal.score");
        let time = cell.parse::<Timestamp>().ok();
        cells.push(match (score, time) {
            (Some(score), _) => format!("{score:.3}"),
            (None, Some(time)) => time.strftime("%m-%d %H:%M:%S").to_string(),
            (None, None) => harmless(&cell, CELL),
        });
    }
    Ok(cells)
}
