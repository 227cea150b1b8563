//! CSV as a format of text records.
//!
//! A blank line is not a record, except in a file of one column, where it is a blank cell. Text may contain NUL and
//! other control characters.

use anomal_core::{Error, Result, proto::Diagnostic};
use anomal_spec::{BadLines, CsvInput, LogFormat};

use super::{
    followed,
    inspect::{TableInspection, inspect},
    split::CsvCutter,
    start::TableStart,
};
use crate::{
    dialect::GivenDialect,
    files::Files,
    findings::TypeFindings,
    lines::Shape,
    log,
    records::{BadRecordPolicy, OpenedFile, RawBatch, Records},
    remote::Access,
    source::OpenOptions,
    tabular::{CellBatch, TextFormat, TextSettings, TextSource, split},
    text::scalar,
};

/// Opens a CSV input. A file with the header lines of a text log is read as such.
///
/// # Errors
/// As those of [`Connector::open`](crate::Connector::open).
pub(super) fn open(input: &CsvInput, options: &OpenOptions) -> Result<TextSource> {
    if options.sample.is_some() {
        return followed::open(input, options);
    }
    let given = GivenDialect::from_settings(input)?;
    let access =
        Access { place: "input.csv", auth: input.auth.as_ref(), secrets: &options.secrets };
    let files = Files::find(&input.path, &[".csv"], &access)?;
    let skip = input.bad_lines == BadLines::Skip;
    let shape = Shape::for_dialect(given.with_defaults());
    let mut records = Records::new(files, "CSV", shape, input.encoding, skip, options);
    let mut settings = TextSettings::for_csv(input);
    let (mut format, mut hint) = (None, None);
    records.open(&mut |file| {
        let encoding = file.encoding.encoding.name().to_ascii_lowercase();
        if let Some(log) = log::with_header_lines(file, &given, &input.names)? {
            options.findings.note(header_note(file.name, log.format));
            if input.null_values == [""] {
                settings.nulls = log.nulls;
            }
            let (found, input) = (String::new(), input.clone());
            let table = TableInspection { encoding, dialect: None, found, input };
            options.findings.set_table(table);
            format = Some(log.records);
            return Ok(());
        }
        let (table, other) = begin(file, input, &given, &options.findings)?;
        (format, hint) = (Some(Box::new(table) as Box<dyn TextFormat>), other);
        Ok(())
    })?;
    let format = format.ok_or_else(|| Error::internal("no file was opened"))?;
    records.policy.hint = hint;
    let input = input.clone();
    TextSource::new(records, format, settings, options, move |options| open(&input, options))
}

fn header_note(file: &str, format: LogFormat) -> Diagnostic {
    let (path, format) = (scalar(file), format.name());
    Diagnostic {
        path: "input.csv".to_owned(),
        reason: "LOG_FORMAT".to_owned(),
        message: format!(
            "{file} is read as {format}, as its header lines show; `log: {{path: {path}, format: {format}}}` sets that"
        ),
        count: 0,
    }
}

/// The format of the first file, and what a message about a bad record adds if that is probably another one.
fn begin(
    file: &mut OpenedFile<'_>,
    input: &CsvInput,
    given: &GivenDialect,
    findings: &TypeFindings,
) -> Result<(CsvFormat, Option<String>)> {
    let start = TableStart::read(file, given, &input.names)?;
    start.note(file.name, findings);
    let encoding = file.encoding.encoding.name().to_ascii_lowercase();
    findings.set_table(inspect(input, given, &start, encoding));
    let hint = start.other_driver(file.name);
    let hint = hint.map(|driver| format!("the lines are those of a log, which {driver} reads"));
    let format = CsvFormat {
        next_files: start.for_next_files(given),
        shape: start.shape(),
        header: start.names,
        names: input.names.clone(),
    };
    Ok((format, hint))
}

struct CsvFormat {
    header: Vec<String>,
    /// The names that the settings give.
    names: Vec<String>,
    shape: Shape,
    /// The dialect of the files behind the first.
    next_files: GivenDialect,
}

impl TextFormat for CsvFormat {
    fn prepare(&mut self, records: &mut Records) {
        records.shape = self.shape;
        records.keep_blank = self.header.len() == 1;
    }

    fn begin_next(&self, file: &mut OpenedFile<'_>, first: &str) -> Result<()> {
        let header = TableStart::read(file, &self.next_files, &self.names)?.names;
        if header == self.header {
            return Ok(());
        }
        let (header, expected) = (header.join(", "), self.header.join(", "));
        let name = file.name;
        Err(Error::input(
            "HEADERS_DIFFER",
            format!("{name} has other columns than {first}: {header} instead of {expected}"),
        ))
    }

    fn columns(&self) -> &[String] {
        &self.header
    }

    /// A record with another number of cells than the header is bad.
    fn split(&self, raw: RawBatch, policy: &BadRecordPolicy) -> Result<CellBatch> {
        let mut cutter = CsvCutter { shape: self.shape, width: self.header.len() };
        split(raw, &self.header, &mut cutter, policy)
    }
}
