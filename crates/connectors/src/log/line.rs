//! What a format of log lines does.

use std::borrow::Cow;

use anomal_core::Result;
use anomal_spec::TypeSetting;

use crate::{
    dialect::CellBuffer,
    records::{HeaderLines, RawBatch, RecordSpan},
    tabular::TextSettings,
    typing::{CellText, NullValues},
};

/// Why a line is not of a format.
pub(super) type Bad = Cow<'static, str>;

/// A format of log lines.
pub(super) trait LineFormat: Send + Sync {
    /// The names of the columns, once [`LineFormat::learn`] has seen the first lines.
    fn columns(&self) -> &[String];

    /// Looks at the first lines, if these show the columns.
    ///
    /// # Errors
    /// `InvalidInput` if they show none.
    fn learn(
        &mut self,
        first: &mut dyn Iterator<Item = LogLine<'_>>,
        settings: &TextSettings,
    ) -> Result<()> {
        let _ = (first, settings);
        Ok(())
    }

    /// What reads lines that begin with `#`, which are no records then.
    fn header_lines(&self) -> Option<Box<dyn HeaderLines>> {
        None
    }

    /// The texts that mean that there is no value.
    fn nulls(&self) -> NullValues {
        NullValues::new(&[String::new(), "-".to_owned()])
    }

    /// The type that a column has by the format.
    fn declared(&self, column: &str) -> Option<TypeSetting> {
        let _ = column;
        None
    }

    /// How the cells of a column are read.
    fn cell_text(&self, column: &str) -> CellText {
        let _ = column;
        CellText::AsRead
    }

    /// Divides lines one after the other.
    fn cutter(&self) -> Box<dyn LineCutter + '_>;
}

/// Divides lines into cells.
pub(super) trait LineCutter {
    /// Appends a cell for each column.
    ///
    /// # Errors
    /// The reason, if the line is not of the format. Some cells may have been appended.
    fn cut(&mut self, line: LogLine<'_>, cells: &mut CellBuffer) -> Result<(), Bad>;

    /// The reason with what more is known of the line.
    fn describe(&mut self, line: &str, reason: Bad) -> String {
        let _ = line;
        reason.into_owned()
    }

    /// Names of cells that had no column since the last call.
    fn take_unknown(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// A line within the text of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogLine<'a> {
    /// The text that positions of cells refer to.
    text: &'a str,
    start: usize,
    end: usize,
    /// The number of the layout that header lines give it.
    pub layout: u32,
}

impl<'a> LogLine<'a> {
    pub fn new(raw: &'a RawBatch, span: &RecordSpan) -> Self {
        Self { text: &raw.text, start: span.start, end: span.end, layout: span.layout }
    }

    pub fn as_str(&self) -> &'a str {
        &self.text[self.start..self.end]
    }

    /// Appends the cell between two positions in the line.
    #[inline]
    pub fn push(&self, cells: &mut CellBuffer, (from, to): (usize, usize)) {
        cells.spans.push((self.start + from, self.start + to));
    }

    /// Appends the cell between two positions in the line, if it is there.
    #[inline]
    pub fn push_some(&self, cells: &mut CellBuffer, span: Option<(usize, usize)>) {
        match span {
            Some(span) => self.push(cells, span),
            None => cells.push_absent(),
        }
    }

    /// Appends a cell whose text is no part of the line.
    pub fn push_own(&self, cells: &mut CellBuffer, text: &str) {
        let span = self.own(cells, text);
        cells.spans.push(span);
    }

    /// Adds a text that is no part of the line, and returns the position of its cell.
    pub fn own(&self, cells: &mut CellBuffer, text: &str) -> (usize, usize) {
        let from = self.text.len() + cells.unescaped.len();
        cells.unescaped.push_str(text);
        (from, from + text.len())
    }

    /// The byte at the position of a cell's end.
    pub fn byte(&self, place: usize) -> Option<u8> {
        self.text.as_bytes().get(place).copied()
    }

    /// The text of a cell.
    pub fn cell<'b>(&'b self, cells: &'b CellBuffer, (from, to): (usize, usize)) -> &'b str {
        match from.checked_sub(self.text.len()) {
            None => &self.text[from..to],
            Some(from) => &cells.unescaped[from..to - self.text.len()],
        }
    }

    /// The position of the cell between two positions in the line.
    #[inline]
    pub fn place(&self, (from, to): (usize, usize)) -> (usize, usize) {
        (self.start + from, self.start + to)
    }
}

/// The position of a byte from `from` on.
#[inline]
pub(super) fn find(byte: u8, bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(byte, bytes.get(from..)?).map(|place| from + place)
}
