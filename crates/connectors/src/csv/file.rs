//! A table as a CSV file.

use std::path::Path;

use anomal_core::Result;
use polars::prelude::{AnyValue, Column, DataFrame, DataType};

use crate::{Access, atomic_file::AtomicFile, text};

/// Frames of the same columns as CSV, one behind the other, under a header line.
pub struct CsvText {
    separator: u8,
    header: bool,
    line: String,
}

impl CsvText {
    pub fn new(separator: u8) -> Self {
        Self { separator, header: false, line: String::new() }
    }

    /// Gives `write` the frame's text in pieces.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn append(
        &mut self,
        frame: &DataFrame,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let separator = char::from(self.separator);
        let mut text = String::new();
        if !self.header {
            self.header = true;
            let names = frame.get_column_names();
            for (index, name) in names.iter().enumerate() {
                if index > 0 {
                    text.push(separator);
                }
                self.cell(&mut text, name);
            }
            text.push('\n');
        }
        let columns: Vec<Cells<'_>> =
            frame.columns().iter().map(Cells::new).collect::<Result<_>>()?;
        for row in 0..frame.height() {
            for (index, column) in columns.iter().enumerate() {
                if index > 0 {
                    text.push(separator);
                }
                match column {
                    Cells::Text(column) => {
                        if let Some(cell) = column.get(row) {
                            self.cell(&mut text, cell);
                        }
                    }
                    Cells::Other(column) => {
                        let mut line = std::mem::take(&mut self.line);
                        line.clear();
                        text::push(&mut line, &column.get(row).unwrap_or(AnyValue::Null));
                        self.cell(&mut text, &line);
                        self.line = line;
                    }
                }
            }
            text.push('\n');
            if text.len() > 1 << 16 {
                write(text.as_bytes())?;
                text.clear();
            }
        }
        write(text.as_bytes())
    }

    /// Quotes only where a reader needs them.
    fn cell(&self, out: &mut String, cell: &str) {
        let needs = |byte: &u8| *byte == self.separator || matches!(byte, b'"' | b'\n' | b'\r');
        if cell.as_bytes().iter().any(needs) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
    }
}

/// A file of such text.
pub struct CsvFile {
    file: AtomicFile,
    text: CsvText,
}

impl CsvFile {
    /// # Errors
    /// `Output` if the file can't be made.
    pub fn create(path: &Path, separator: u8, access: &Access<'_>) -> Result<Self> {
        Ok(Self { file: AtomicFile::create(path, access)?, text: CsvText::new(separator) })
    }

    pub(crate) fn target(&self) -> String {
        self.file.target().display().to_string()
    }

    /// # Errors
    /// `Output`.
    pub fn write(&mut self, frame: &DataFrame) -> Result<()> {
        self.text.append(frame, |piece| self.file.write(piece))
    }

    /// As [`Sink::prepare`](crate::Sink::prepare).
    ///
    /// # Errors
    /// `Output`.
    pub fn prepare(&mut self) -> Result<()> {
        self.file.prepare()
    }

    /// # Errors
    /// `Output`.
    pub fn finish(self) -> Result<()> {
        self.file.finish()
    }
}

enum Cells<'a> {
    Text(&'a polars::prelude::StringChunked),
    Other(&'a Column),
}

impl<'a> Cells<'a> {
    fn new(column: &'a Column) -> Result<Self> {
        Ok(match column.dtype() {
            DataType::String => Self::Text(column.str()?),
            _ => Self::Other(column),
        })
    }
}
