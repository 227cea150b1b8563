//! Records of CSV that come one by one, without a header: the values of a topic.

use anomal_core::{Error, Result};
use anomal_spec::{BadLines, CsvInput, KafkaInput, TextEncoding};

use super::split::CsvCutter;
use crate::{
    files::Files,
    lines::Shape,
    records::{BadRecordPolicy, OpenedFile, RawBatch, Records},
    source::OpenOptions,
    tabular::{CellBatch, TextFormat, TextSettings, TextSource, split},
};

/// Opens the first records of a stream, which has each in a line.
///
/// # Errors
/// `InvalidInput` if they can't be read; `InvalidSettings` if `types` names a column that is not there.
pub(crate) fn open_values(input: &KafkaInput, options: &OpenOptions) -> Result<TextSource> {
    let sample =
        options.sample.as_ref().ok_or_else(|| Error::internal("values without a sample"))?;
    let files = Files::for_sample(sample);
    let mut records = Records::new(files, "CSV", Shape::Lines, TextEncoding::Utf8, true, options);
    records.open(&mut |_| Ok(()))?;
    let separator = match input.separator.as_str() {
        "tab" => b'\t',
        other => other.as_bytes().first().copied().unwrap_or(b','),
    };
    let settings = TextSettings::for_csv(&CsvInput {
        null_words: input.null_words.clone(),
        strays: input.strays,
        times: input.times.clone(),
        types: input.types.clone(),
        bad_lines: BadLines::Skip,
        ..CsvInput::new("kafka")
    });
    let format = ValueFormat { names: input.names.clone(), separator };
    let input = input.clone();
    TextSource::new(records, Box::new(format), settings, options, move |options| {
        open_values(&input, options)
    })
}

struct ValueFormat {
    names: Vec<String>,
    separator: u8,
}

impl TextFormat for ValueFormat {
    fn prepare(&mut self, records: &mut Records) {
        records.shape = Shape::Lines;
    }

    fn begin_next(&self, _: &mut OpenedFile<'_>, _: &str) -> Result<()> {
        Ok(())
    }

    fn columns(&self) -> &[String] {
        &self.names
    }

    fn split(&self, mut raw: RawBatch, policy: &BadRecordPolicy) -> Result<CellBatch> {
        // Lines are read without a look at quotes.
        for span in &mut raw.records {
            span.quotes =
                memchr::memchr(b'"', &raw.text.as_bytes()[span.start..span.end]).is_some();
        }
        let shape = Shape::Quoted { separator: self.separator };
        split(raw, &self.names, &mut CsvCutter { shape, width: self.names.len() }, policy)
    }
}
