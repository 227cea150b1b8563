//! The driver for a file by its content, where its name does not select one.

use std::io::Read;

use anomal_core::{Error, Result};
use anomal_spec::{CsvInput, Input, JsonInput, NdjsonInput, ParquetInput, TextEncoding};
use anomal_storage::Secrets;

use crate::{
    encoding::FileEncoding, files::Files, json::JsonKind, remote::Access, sniff::FileKind,
};

/// Bytes that are looked at.
const START: usize = 1 << 13;
/// Bytes of text that are looked at.
const PREFIX: u64 = 1 << 20;

/// An input for a file, by its first bytes: Parquet, JSON, or else CSV.
///
/// # Errors
/// `InvalidInput` if the file can't be read, or no driver reads its kind.
pub fn input_for_content(path: &str) -> Result<Input> {
    let access = Access { place: "input", auth: None, secrets: &Secrets::default() };
    let files = Files::find(path, &[".csv", ".json", ".ndjson", ".jsonl", ".parquet"], &access)?;
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
    let decoded = encoding.decode(start, bytes).take(PREFIX).read_to_end(&mut text);
    decoded.map_err(|error| files.read_error(0, &error))?;
    let complete = (text.len() as u64) < PREFIX;
    Ok(match JsonKind::detect(&text, complete) {
        Some(JsonKind::Lines) => NdjsonInput::new(path).into(),
        Some(JsonKind::Array | JsonKind::Objects) => JsonInput::new(path).into(),
        None => CsvInput::new(path).into(),
    })
}
