//! CSV files that grow: each line is a record, behind the line of names of its file.

use std::sync::Arc;

use anomal_core::{Error, Result};
use anomal_spec::{BadLines, CsvInput, TextEncoding};

use super::{
    split::{CsvCutter, cells},
    start::TableStart,
};
use crate::{
    dialect::{GivenDialect, Mark},
    files::Files,
    lines::Shape,
    records::{BadRecordPolicy, OpenedFile, RawBatch, Records},
    source::OpenOptions,
    tabular::{CellBatch, TextFormat, TextSettings, TextSource, split},
};

/// Opens the first records of a stream, behind their line of names.
///
/// # Errors
/// `InvalidInput` if they can't be read; `InvalidSettings` if `types` names a column that is not there.
pub(super) fn open(input: &CsvInput, options: &OpenOptions) -> Result<TextSource> {
    let sample =
        options.sample.as_ref().ok_or_else(|| Error::internal("a stream without a sample"))?;
    // Where the records of a file begin is the same in all of them, so it is not found out.
    let given = GivenDialect {
        header: Some(input.header != Some(false)),
        skip_lines: Some(input.skip_lines.unwrap_or(0) as usize),
        comment: Some(Mark::None),
        line_end: Some(b'\n'),
        ..GivenDialect::from_settings(input)?
    };
    let skip = input.bad_lines == BadLines::Skip;
    let shape = Shape::for_dialect(given.with_defaults());
    let files = Files::for_sample(sample);
    let mut records = Records::new(files, "CSV", shape, TextEncoding::Utf8, skip, options);
    let mut start = None;
    records.open(&mut |file| {
        start = Some(TableStart::read(file, &given, &input.names)?);
        file.lines.set_shape(Shape::Lines);
        Ok(())
    })?;
    let start = start.ok_or_else(|| Error::internal("no file was opened"))?;
    let format =
        FollowedFormat { shape: start.shape(), header: start.names, names: input.names.clone() };
    let (settings, input) = (TextSettings::for_csv(input), input.clone());
    TextSource::new(records, Box::new(format), settings, options, move |options| {
        open(&input, options)
    })
}

struct FollowedFormat {
    header: Vec<String>,
    /// The names that the settings give.
    names: Vec<String>,
    /// Of cells.
    shape: Shape,
}

impl TextFormat for FollowedFormat {
    fn prepare(&mut self, records: &mut Records) {
        records.shape = Shape::Lines;
    }

    fn begin_next(&self, _: &mut OpenedFile<'_>, _: &str) -> Result<()> {
        Ok(())
    }

    fn columns(&self) -> &[String] {
        &self.header
    }

    fn is_by_line(&self) -> bool {
        true
    }

    fn behind(&self, heading: &str) -> Option<Arc<dyn TextFormat>> {
        if !self.names.is_empty() || heading.is_empty() {
            return None;
        }
        let mut names = cells(heading, self.shape);
        let is_blank = |name: &String| name.trim().is_empty();
        if names.len() == self.header.len() + 1 && names.last().is_some_and(is_blank) {
            names.pop();
        }
        let mut header: Vec<String> = Vec::with_capacity(names.len());
        for (place, name) in names.into_iter().enumerate() {
            let name = if is_blank(&name) { format!("column_{}", place + 1) } else { name };
            let numbered = (2..).map(|number| format!("{name}_{number}"));
            let free =
                std::iter::once(name.clone()).chain(numbered).find(|it| !header.contains(it));
            header.extend(free);
        }
        if header == self.header {
            return None;
        }
        Some(Arc::new(Self { header, names: Vec::new(), shape: self.shape }))
    }

    fn split(&self, mut raw: RawBatch, policy: &BadRecordPolicy) -> Result<CellBatch> {
        // Lines are read without a look at quotes.
        for span in &mut raw.records {
            let line = &raw.text.as_bytes()[span.start..span.end];
            span.quotes = memchr::memchr(b'"', line).is_some();
        }
        let mut cutter = CsvCutter { shape: self.shape, width: self.header.len() };
        split(raw, &self.header, &mut cutter, policy)
    }
}
