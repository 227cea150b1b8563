//! The driver for a file by its content, where its name does not select one.

use std::{io::Read, path::Path, time::SystemTime};

use anomal_core::{Error, Result};
use anomal_spec::{
    BadLines, CsvInput, Input, JsonInput, LogFormat, LogInput, NdjsonInput, ParquetInput,
    TextEncoding, Times, is_url,
};
use anomal_storage::Secrets;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    dialect::GivenDialect,
    encoding::FileEncoding,
    files::Files,
    json::JsonKind,
    log::year_of_first,
    remote::Access,
    sniff::{
        FileKind,
        dialect::{PREFIX, sniff},
        log::{LogFinding, LogKind, detect, header_format},
    },
};

/// Bytes that show the kind of a file.
const START: usize = 1 << 13;

/// An input for a file, by its first bytes: Parquet, JSON in any frame, a text log, or else CSV.
///
/// # Errors
/// `InvalidInput` if the file can't be read, or no driver reads its kind.
pub fn input_for_content(path: &str) -> Result<Input> {
    let access = Access { place: "input", auth: None, secrets: &Secrets::default() };
    let endings = [".csv", ".log", ".json", ".ndjson", ".jsonl", ".parquet"];
    let files = Files::find(path, &endings, &access)?;
    let mut bytes = files.open(0)?;
    let mut start = Vec::with_capacity(START);
    let read = bytes.by_ref().take(START as u64).read_to_end(&mut start);
    read.map_err(|error| files.read_error(0, &error))?;
    match FileKind::detect(&start) {
        Some(FileKind::Parquet) => {
            return Ok(ParquetInput::new(path).into());
        }
        Some(kind) => {
            let message = format!("{} {}", files.name(0), kind.describe(path));
            return Err(Error::input("OTHER_KIND", message));
        }
        None => {}
    }
    let encoding = FileEncoding::for_file(&start, TextEncoding::Auto)?;
    let mut text = Vec::new();
    let decoded = encoding.decode(start, bytes).take(PREFIX as u64 + 1).read_to_end(&mut text);
    decoded.map_err(|error| files.read_error(0, &error))?;
    let complete = text.len() <= PREFIX;
    text.truncate(PREFIX);
    match JsonKind::detect(&text, complete) {
        Some(JsonKind::Lines) => return Ok(NdjsonInput::new(path).into()),
        Some(JsonKind::Array | JsonKind::Objects) => return Ok(JsonInput::new(path).into()),
        None => {}
    }
    let finding = detect(&text, complete);
    match finding.kind {
        LogKind::Format(LogFormat::Lines) if !is_log_name(path) || is_table(&text, complete) => {}
        LogKind::Format(format) => return Ok(log(path, format, &finding, &text).into()),
        LogKind::Json => return Ok(NdjsonInput::new(path).into()),
        LogKind::Csv => {}
    }
    Ok(CsvInput::new(path).into())
}

fn is_log_name(path: &str) -> bool {
    let name = path.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    Path::new(name).extension().is_some_and(|extension| extension == "log")
}

/// Whether CSV has at least two columns.
fn is_table(text: &[u8], complete: bool) -> bool {
    let found = sniff(text, complete, &GivenDialect::default());
    found.first.len() > 1
        && found.candidates.first().is_none_or(|best| best.dialect == found.dialect)
}

/// A log whose lines that do not fit are skipped, with the year of its first record.
fn log(path: &str, format: LogFormat, finding: &LogFinding, text: &[u8]) -> LogInput {
    let mut input = LogInput { format, ..LogInput::new(path) };
    if finding.fitting() < finding.lines && header_format(text).is_none() {
        input.bad_lines = BadLines::Skip;
    }
    if format == LogFormat::Syslog {
        let text = String::from_utf8_lossy(text);
        let day = last_day(path);
        let year = text.lines().find_map(|line| year_of_first(line.trim(), day));
        input.times = year.map(|year| Times { year: Some(year), zone: None });
    }
    input
}

/// The day on which a file was written last; today for others.
fn last_day(path: &str) -> Date {
    let file = Some(path).filter(|path| !is_url(path)).and_then(|path| path_time(Path::new(path)));
    let time = file.and_then(|time| Timestamp::try_from(time).ok()).unwrap_or_else(Timestamp::now);
    TimeZone::UTC.to_datetime(time).date()
}

fn path_time(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}
