//! Log lines as a format of text records.

use anomal_core::Result;
use anomal_spec::{ColumnType, TypeSetting};

use super::line::{Bad, LineCutter, LineFormat, LogLine};
use crate::{
    dialect::CellBuffer,
    lines::Shape,
    records::{BadRecordPolicy, HeaderLines, OpenedFile, RawBatch, RecordSpan, Records},
    tabular::{CellBatch, Cutter, TextFormat, TextSettings, split},
    typing::CellText,
};

/// The column with the line as it was read.
const ORIGINAL: &str = "event.original";

/// Records of log lines.
pub(super) struct LogRecords {
    format: Box<dyn LineFormat>,
    /// Whether [`ORIGINAL`] is a column.
    raw: bool,
    columns: Vec<String>,
}

impl LogRecords {
    pub fn new(format: Box<dyn LineFormat>, raw: bool) -> Self {
        Self { format, raw, columns: Vec::new() }
    }

    fn is_original(&self, column: &str) -> bool {
        self.raw && column == ORIGINAL
    }
}

impl TextFormat for LogRecords {
    fn prepare(&mut self, records: &mut Records) {
        records.shape = Shape::Lines;
        records.headers = self.format.header_lines();
    }

    fn begin_next(&self, _: &mut OpenedFile<'_>, _: &str) -> Result<()> {
        Ok(())
    }

    fn learn(&mut self, first: &[RawBatch], settings: &TextSettings) -> Result<()> {
        let mut lines =
            first.iter().flat_map(|raw| raw.records.iter().map(|span| LogLine::new(raw, span)));
        self.format.learn(&mut lines, settings)?;
        self.columns = self.format.columns().to_vec();
        if self.raw {
            self.columns.retain(|column| column != ORIGINAL);
            self.columns.push(ORIGINAL.to_owned());
        }
        Ok(())
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn declared(&self, column: &str) -> Option<TypeSetting> {
        if self.is_original(column) {
            return Some(ColumnType::String.into());
        }
        self.format.declared(column)
    }

    fn cell_text(&self, column: &str) -> CellText {
        if self.is_original(column) { CellText::AsRead } else { self.format.cell_text(column) }
    }

    fn header_lines(&self) -> Option<Box<dyn HeaderLines>> {
        self.format.header_lines()
    }

    fn is_by_line(&self) -> bool {
        true
    }

    fn split(&self, raw: RawBatch, policy: &BadRecordPolicy) -> Result<CellBatch> {
        let mut cutter = LogCutter { lines: self.format.cutter(), raw: self.raw };
        let mut batch = split(raw, &self.columns, &mut cutter, policy)?;
        batch.unknown = cutter.lines.take_unknown();
        Ok(batch)
    }
}

struct LogCutter<'a> {
    lines: Box<dyn LineCutter + 'a>,
    raw: bool,
}

impl Cutter for LogCutter<'_> {
    type Bad = Bad;
    const ABSENT: bool = true;

    #[inline]
    fn cut(
        &mut self,
        raw: &RawBatch,
        span: &RecordSpan,
        cells: &mut CellBuffer,
    ) -> Result<(), Bad> {
        self.lines.cut(LogLine::new(raw, span), cells)?;
        if self.raw {
            cells.spans.push((span.start, span.end));
        }
        Ok(())
    }

    fn describe(&mut self, record: &str, bad: Bad) -> String {
        self.lines.describe(record, bad)
    }
}
