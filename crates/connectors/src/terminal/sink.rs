//! Prints the rows with the highest scores as a table.

use std::{cmp::Ordering, io::Write};

use anomal_core::{Batch, ROW, Result};
use anomal_dataflow::{PreparedEpoch, Sink, WriteOutcome};
use anomal_spec::TerminalOutput;
use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use polars::prelude::{AnyValue, Column};

use crate::{
    atomic_file::write_error, run_info::RunInfo, sink::Projection, terminal::harmless, text,
};

/// Characters in a line if standard output is not a terminal.
const WIDTH: u16 = 160;
/// Characters in a cell at most.
const CELL: usize = 48;

pub(crate) struct TerminalSink {
    projection: Projection,
    row_keys: Vec<String>,
    show: Vec<String>,
    limit: usize,
    header: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    score: f64,
    row: u64,
    cells: Vec<String>,
}

impl TerminalSink {
    pub fn new(output: &TerminalOutput, run: &RunInfo) -> Self {
        Self {
            projection: Projection::new(output.rows, &[]),
            row_keys: run.row_keys.clone(),
            show: run.show.clone(),
            limit: output.limit,
            header: Vec::new(),
            rows: Vec::new(),
        }
    }
}

impl TerminalSink {
    /// The place of a column among those that come first.
    fn key(&self, column: &Column) -> Option<usize> {
        self.row_keys.iter().position(|key| key == column.name().as_str())
    }

    /// The columns of the input that are shown, in order.
    fn columns<'a>(&self, batch: &'a Batch) -> Vec<&'a Column> {
        if !self.show.is_empty() {
            return self.show.iter().filter_map(|name| batch.raw.column(name).ok()).collect();
        }
        let (mut keys, others): (Vec<&Column>, Vec<&Column>) =
            batch.raw.columns().iter().partition(|column| self.key(column).is_some());
        keys.sort_by_key(|column| self.key(column));
        keys.into_iter().chain(others).collect()
    }
}

impl Sink for TerminalSink {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        let batch = self.projection.project(batch)?;
        let score = batch.results.column("anomal.score")?.f64()?.clone();
        let shown = [
            "anomal.score",
            "anomal.cluster",
            "anomal.severity",
            "anomal.flags",
            "anomal.explanation",
        ];
        let ours =
            shown.iter().map(|name| batch.results.column(name)).collect::<Result<Vec<_>, _>>()?;
        let columns: Vec<&Column> = self.columns(&batch).into_iter().chain(ours).collect();
        if self.header.is_empty() {
            self.header = std::iter::once(ROW.to_owned())
                .chain(columns.iter().map(|column| column.name().to_string()))
                .collect();
        }
        for (index, row) in batch.offsets().into_iter().enumerate() {
            let score = score.get(index).unwrap_or(f64::NEG_INFINITY);
            let last = self.rows.last();
            if self.rows.len() >= self.limit && last.is_some_and(|last| last.score >= score) {
                continue;
            }
            let cells = columns.iter().map(|column| cell(column, index)).collect();
            let place = self.rows.partition_point(|other| {
                other.score.total_cmp(&score).then(row.cmp(&other.row)) != Ordering::Less
            });
            self.rows.insert(place, Row { score, row, cells });
            self.rows.truncate(self.limit);
        }
        Ok(())
    }

    fn prepare(&mut self, epoch: u64) -> Result<PreparedEpoch> {
        Ok(PreparedEpoch { epoch })
    }

    fn commit(&mut self, _: PreparedEpoch) -> Result<WriteOutcome> {
        let rows = self.rows.len() as u64;
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        if table.width().is_none() {
            // Not a terminal.
            table.set_width(WIDTH);
        }
        // Empty columns are omitted.
        let full: Vec<usize> = (0..self.header.len())
            .filter(|place| {
                *place == 0 || self.rows.iter().any(|row| !row.cells[*place - 1].is_empty())
            })
            .collect();
        table.set_header(full.iter().map(|place| &self.header[*place]));
        for row in &self.rows {
            let number = row.row.to_string();
            let cell = |place: &usize| match place {
                0 => number.clone(),
                place => row.cells[place - 1].clone(),
            };
            table.add_row(full.iter().map(cell));
        }
        let mut out = std::io::stdout().lock();
        let text = if rows == 0 { "no suspicious rows".to_owned() } else { table.to_string() };
        let written = writeln!(out, "{text}").and_then(|()| out.flush());
        match written {
            // The reader has closed the pipe, as in `anomal run job.yaml | head`.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(write_error(std::path::Path::new("-"), &error))
            }
            _ => Ok(WriteOutcome::new("-", rows)),
        }
    }
}

/// A value as one line of text without control characters.
fn cell(column: &Column, row: usize) -> String {
    let value = column.get(row).unwrap_or(AnyValue::Null);
    let mut full = String::new();
    match &value {
        AnyValue::List(list) => {
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    full.push(';');
                }
                text::push(&mut full, &item);
            }
        }
        AnyValue::Float64(number) => full = format!("{number:.4}"),
        value => text::push(&mut full, value),
    }
    harmless(&full, CELL)
}
