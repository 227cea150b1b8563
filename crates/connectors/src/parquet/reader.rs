//! Reads the rows of one file after the other, as the columns of the first.

use std::{collections::BTreeMap, fmt::Write, sync::Arc};

use anomal_core::{Batch, Element, Error, Hit, Hits, Result, column_of_view};
use anomal_dataflow::Reader;
use polars::prelude::{ChunkAgg, DataFrame, DataType};

use super::{
    conform::{Conformity, conform},
    convert::{Misfit, ReadMode},
    file::{ParquetFile, Rows},
    source::{SourceColumns, big_number, note},
};
use crate::{
    arrow_types,
    datetime::Years,
    files::Files,
    findings::{StrayExample, TypeFindings},
    typing::{self, Class, EXACT, Misfits, TypeRules, View},
};

pub(super) struct ParquetReader {
    files: Arc<Files>,
    batch_rows: usize,
    columns: Arc<SourceColumns>,
    views: Vec<View>,
    rules: TypeRules,
    years: Years,
    file: usize,
    opened: Arc<ParquetFile>,
    /// Of the opened file, in the order of the first.
    places: Vec<usize>,
    /// Rows of the opened file that were read.
    offset: usize,
    next_row: u64,
    done: u64,
    /// Columns that a note was made of.
    noted: Vec<String>,
}

impl ParquetReader {
    pub fn new(
        files: Arc<Files>,
        batch_rows: usize,
        first: Arc<ParquetFile>,
        columns: Arc<SourceColumns>,
        views: Vec<View>,
        findings: TypeFindings,
    ) -> Self {
        Self {
            files,
            batch_rows,
            places: columns.kept.clone(),
            columns,
            years: typing::years(&views),
            views,
            rules: TypeRules { findings, ..TypeRules::typed() },
            file: 0,
            opened: first,
            offset: 0,
            next_row: 0,
            done: 0,
            noted: Vec::new(),
        }
    }

    /// Moves to the next file with rows, if there is one.
    fn advance(&mut self) -> Result<bool> {
        while self.offset >= self.opened.height() {
            if self.file + 1 >= self.files.paths.len() {
                return Ok(false);
            }
            self.done += self.opened.size();
            self.file += 1;
            let name = self.files.name(self.file);
            self.opened = Arc::new(ParquetFile::open(&name, self.files.open_file(self.file)?)?);
            self.places = self.find_columns()?;
            self.offset = 0;
        }
        Ok(true)
    }

    /// The places of the first file's columns in the opened one.
    fn find_columns(&self) -> Result<Vec<usize>> {
        let schema = self.opened.schema(&self.columns.modes)?;
        let differ = |what: String| {
            let (file, first) = (self.files.name(self.file), self.files.name(0));
            let message = format!(
                "{file} has other columns than {first}: {what}; read files with the same columns, in jobs of their own if \
                 need be"
            );
            Error::input("SCHEMAS_DIFFER", message)
        };
        if let Some(more) = schema.iter_names().find(|name| !self.columns.native.contains(name)) {
            return Err(differ(format!("`{more}` is only in the former")));
        }
        let place = |(name, wanted): (&polars::prelude::PlSmallStr, &DataType)| {
            let Some((place, _, dtype)) = schema.get_full(name) else {
                return Err(differ(format!("`{name}` is only in the latter")));
            };
            if Conformity::new(dtype, wanted).is_none() {
                return Err(differ(format!(
                    "`{name}` has the types {} and {}",
                    arrow_types::type_name(dtype),
                    arrow_types::type_name(wanted)
                )));
            }
            Ok(place)
        };
        let places: Vec<usize> = self.columns.native.iter().map(place).collect::<Result<_>>()?;
        Ok(self.columns.kept.iter().map(|kept| places[*kept]).collect())
    }

    fn progress(&self) -> (u64, Option<u64>) {
        let (size, rows) = (self.opened.size(), self.opened.height());
        let share = if rows == 0 { 1.0 } else { self.offset as f64 / rows as f64 };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a file's size"
        )]
        let here = (size as f64 * share) as u64;
        (self.done + here, self.files.progress().1)
    }

    /// The place of a row of the current batch, for messages.
    fn row_name(&self, index: usize) -> String {
        format!("row {} of {}", self.offset + index + 1, self.files.name(self.file))
    }

    fn read(&mut self, count: usize) -> Result<DataFrame> {
        let modes = self.opened.modes(&self.columns.modes);
        let range = self.offset..self.offset + count;
        let Rows { frame, misfits } = self.opened.read(range, &self.places, &modes)?;
        if let Some((place, row, misfit)) = misfits.into_iter().min_by_key(|(_, row, _)| *row) {
            self.misfit(place, row, &misfit, modes[place])?;
        }
        if self.file == 0 {
            return Ok(frame);
        }
        let types = self.columns.native.iter_values();
        let kept = &self.columns.kept;
        let types = types.enumerate().filter(|(place, _)| kept.binary_search(place).is_ok());
        let columns = frame.columns().iter().zip(types.map(|(_, dtype)| dtype));
        let columns = columns.map(|(column, dtype)| {
            conform(column, dtype)?.map_err(|row| {
                let message = format!(
                    "{}: `{}` has a value that does not fit in its type in {}, {dtype}; name a file with the wider type first \
                     in the input",
                    self.row_name(row),
                    column.name(),
                    self.files.name(0),
                    dtype = arrow_types::type_name(dtype),
                );
                Error::input("SCHEMAS_DIFFER", message)
            })
        });
        Ok(DataFrame::new(count, columns.collect::<Result<_>>()?)?)
    }

    /// A value that asks for another way of reading: the reading begins again, if it may.
    fn misfit(&mut self, place: usize, row: usize, misfit: &Misfit, mode: ReadMode) -> Result<()> {
        let column = self.opened.columns[place].name.to_string();
        let (class, value, can_widen) = match misfit {
            Misfit::FarTime(time) => (Class::Beyond, time, !mode.micros),
            Misfit::NoText(bytes) => (Class::Hexadecimal, bytes, true),
        };
        if can_widen && self.rules.findings.can_restart() {
            return Err(TypeFindings::widen(&column, class, value, &self.row_name(row)));
        }
        if matches!(misfit, Misfit::FarTime(_)) && !self.noted.contains(&column) {
            let message = format!(
                "`{column}` has times beyond the range of its unit, which count as missing, such as in {}",
                self.row_name(row)
            );
            note(&self.rules.findings, "FAR_TIMES", message);
            self.noted.push(column);
        }
        Ok(())
    }

    /// The selected columns in the engines' types.
    fn type_columns(&mut self, raw: &DataFrame) -> Result<(DataFrame, Hits)> {
        let mut source = raw.clone();
        for view in &self.views {
            let Some(path) = self.columns.members.get(&view.source) else { continue };
            let member = path.get(raw.column(&path.column)?, &view.source)?;
            source.with_column(member)?;
        }
        let mut typed = typing::type_columns(&source, &self.views, &self.rules)?;
        if let Some(bad) = typed.bad().first() {
            let message = format!(
                "{}: column `{}`: {}; correct the file, or the column's type in input.parquet.types",
                self.row_name(bad.index),
                bad.column,
                bad.reason()
            );
            return Err(Error::input("BAD_RECORD", message));
        }
        for column in &typed.misfits {
            if let Some((row, class, text)) = &column.widen {
                return Err(TypeFindings::widen(
                    &column.column,
                    *class,
                    text,
                    &self.row_name(*row),
                ));
            }
        }
        let hits = self.strays(&typed.misfits);
        self.note_big_numbers(&typed.columns);
        Ok((typed.columns, hits))
    }

    /// Counts the values that the engines' types lack, and returns the hits of the flag for strays.
    fn strays(&self, misfits: &[Misfits]) -> Hits {
        let mut found: BTreeMap<usize, String> = BTreeMap::new();
        for column in misfits {
            let strays = column.strays.iter().map(|(index, text)| {
                let value = found.entry(*index).or_default();
                let comma = if value.is_empty() { "" } else { ", " };
                // Writing to a string cannot fail.
                let _ = write!(value, "{comma}{}={text}", column.column);
                let row = self.next_row + *index as u64;
                (row, StrayExample { text: text.clone(), place: self.row_name(*index) })
            });
            let strays = strays.collect();
            self.rules.findings.count(&column.column, column.wanted, &column.words, strays);
        }
        let mut hits = Hits::default();
        if let Some(flag) = self.rules.findings.flag() {
            for (index, value) in found {
                let row = self.next_row + index as u64;
                hits.push(Hit { row, flag, value: value.into(), facts: None });
            }
        }
        hits
    }

    /// Notes columns of whole numbers that floats can't distinguish.
    fn note_big_numbers(&mut self, typed: &DataFrame) {
        for column in typed.columns() {
            let name = column.name().as_str();
            let Ok(numbers) = column.i64() else { continue };
            let big = [numbers.min(), numbers.max()].into_iter().flatten();
            let is_big = big.into_iter().any(|number| number.unsigned_abs() > EXACT);
            if is_big
                && column_of_view(name) == name
                && !self.noted.iter().any(|noted| noted == name)
            {
                note(&self.rules.findings, "BIG_NUMBER", big_number(name));
                self.noted.push(name.to_owned());
            }
        }
    }
}

impl Reader for ParquetReader {
    fn next(&mut self) -> Result<Element> {
        if !self.advance()? {
            return Ok(Element::End);
        }
        let count = self.batch_rows.min(self.opened.height() - self.offset);
        let raw = self.read(count)?;
        let (typed, hits) = self.type_columns(&raw)?;
        let offsets = (self.next_row..self.next_row + count as u64).collect();
        self.offset += count;
        self.next_row += count as u64;
        let mut batch = Batch::new(offsets, raw, typed)?.with_progress(self.progress());
        batch.hits = hits;
        let batch = typing::resolve_years(&mut self.years, batch, &self.rules)?;
        Ok(Element::Batch(Box::new(batch)))
    }
}
