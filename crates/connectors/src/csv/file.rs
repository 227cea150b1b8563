//! Writes tables as CSV.

use std::{ops::Range, path::Path};

use anomal_core::Result;
use polars::prelude::{AnyValue, Column, DataFrame, DataType};
use rayon::prelude::*;

use crate::{atomic_file::AtomicFile, remote::Access, text};

/// Rows that are encoded as one piece.
const PIECE: usize = 1 << 12;

/// Encodes frames of the same columns as CSV, one after the other, under one header line.
pub struct CsvText {
    separator: u8,
    header: bool,
}

impl CsvText {
    pub fn new(separator: u8) -> Self {
        Self { separator, header: false }
    }

    /// Without the header line, for files that begin with it elsewhere.
    pub(crate) fn of_rows(separator: u8) -> Self {
        Self { separator, header: true }
    }

    /// Passes the frame's text to `write` in pieces, which are encoded in parallel.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn append(
        &mut self,
        frame: &DataFrame,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        if !self.header {
            self.header = true;
            write(self.names(frame).as_bytes())?;
        }
        let columns: Vec<Cells<'_>> =
            frame.columns().iter().map(Cells::new).collect::<Result<_>>()?;
        let pieces = (0..frame.height().div_ceil(PIECE)).into_par_iter();
        let pieces: Vec<String> = pieces
            .map(|piece| {
                let rows = piece * PIECE..frame.height().min((piece + 1) * PIECE);
                self.rows(&columns, rows)
            })
            .collect();
        pieces.iter().try_for_each(|piece| write(piece.as_bytes()))
    }

    /// The header line.
    pub(crate) fn names(&self, frame: &DataFrame) -> String {
        let mut text = String::new();
        for (index, name) in frame.get_column_names().iter().enumerate() {
            if index > 0 {
                text.push(char::from(self.separator));
            }
            self.cell(&mut text, name);
        }
        text.push('\n');
        text
    }

    fn rows(&self, columns: &[Cells<'_>], rows: Range<usize>) -> String {
        let (mut text, mut line) = (String::new(), String::new());
        for row in rows {
            for (index, column) in columns.iter().enumerate() {
                if index > 0 {
                    text.push(char::from(self.separator));
                }
                let cell = match column {
                    Cells::Text(column) => column.get(row).unwrap_or_default(),
                    Cells::Other(column) => {
                        line.clear();
                        text::push(&mut line, &column.get(row).unwrap_or(AnyValue::Null));
                        &line
                    }
                };
                self.cell(&mut text, cell);
            }
            text.push('\n');
        }
        text
    }

    /// Quotes a cell only if a reader requires it.
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

/// A CSV file.
pub struct CsvFile {
    file: AtomicFile,
    text: CsvText,
}

impl CsvFile {
    /// # Errors
    /// `Output` if the file can't be created.
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

    /// As [`AtomicFile::prepare`].
    ///
    /// # Errors
    /// `Output`.
    pub fn prepare(&mut self) -> Result<()> {
        self.file.prepare()
    }

    /// As [`AtomicFile::commit`].
    ///
    /// # Errors
    /// `Output`.
    pub fn commit(&mut self) -> Result<()> {
        self.file.commit()
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
