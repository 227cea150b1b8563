//! Options of the command line that override settings.

use std::path::Path;

use anomal_connectors::input_for_content;
use anomal_core::{Code, Error, Result};
use anomal_spec::{
    AnomalyJobSpec, CsvInput, CsvOutput, Engines, Input, InputDriver, JsonInput, LogInput,
    NdjsonInput, NdjsonOutput, Output, ParquetInput, ParquetOutput, RemoteEngine, is_url, is_web,
    without_query,
};

use crate::args::Run;

/// Applies the options to the settings.
///
/// # Errors
/// `InvalidSettings` if a path has no known extension.
pub fn apply(spec: &mut AnomalyJobSpec, run: &Run) -> Result<()> {
    if let Some(path) = &run.input {
        spec.input = input(&spec.input, path)?;
    }
    if let Some(path) = &run.output {
        spec.outputs = vec![output(path)?];
    }
    if let Some(engine) = &run.engine {
        let settings = spec.classification.get_or_insert_default();
        if settings.engine != *engine {
            // Another detector has other parameters and its own threshold.
            settings.parameters.clear();
            settings.threshold = None;
            settings.engine.clone_from(engine);
        }
    }
    let mut engines = spec.engines.take().unwrap_or_default();
    endpoints(&mut engines.feature, &run.feature_engine);
    endpoints(&mut engines.classification, &run.classification_engine);
    endpoints(&mut engines.report, &run.report.report_endpoint);
    spec.engines = Some(engines).filter(|engines| *engines != Engines::default());
    Ok(())
}

fn endpoints(engine: &mut Option<RemoteEngine>, urls: &[String]) {
    if !urls.is_empty() {
        engine.get_or_insert_default().endpoints = urls.to_vec();
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Format {
    Csv,
    Log,
    Parquet,
    Ndjson,
    Json,
}

/// The format by the extension of a path.
fn format_of_path(path: &str) -> Option<Format> {
    let name = without_query(path).to_ascii_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "csv" | "tsv" | "txt" => Some(Format::Csv),
        "parquet" => Some(Format::Parquet),
        "log" => Some(Format::Log),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        "json" => Some(Format::Json),
        _ => None,
    }
}

/// Whether the name of a file says that it is text, which may be a log or a table.
fn is_plain_text(path: &str) -> bool {
    let name = path.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    Path::new(name).extension().is_some_and(|extension| extension == "txt" || extension == "log")
}

/// An input for `path`. Its extension selects the driver, else it is that of the settings, else its content does. If the driver stays the
/// same, so do its other settings.
pub fn input(settings: &Input, path: &str) -> Result<Input> {
    let current = settings.driver().and_then(|driver| match driver {
        InputDriver::Csv(_) => Some(Format::Csv),
        InputDriver::Log(_) => Some(Format::Log),
        InputDriver::Parquet(_) => Some(Format::Parquet),
        InputDriver::Ndjson(_) => Some(Format::Ndjson),
        InputDriver::Json(_) => Some(Format::Json),
        InputDriver::Elasticsearch(_)
        | InputDriver::Kafka(_)
        | InputDriver::Http(_)
        | InputDriver::Tcp(_)
        | InputDriver::Syslog(_) => None,
    });
    let is_json = |format: &Format| matches!(format, Format::Ndjson | Format::Json);
    let format = match format_of_path(path) {
        // One object a line, or another frame.
        Some(Format::Json) if current.as_ref().is_some_and(is_json) => current,
        Some(Format::Json) if Path::new(path).is_file() => None,
        // Text is a log as well as a table.
        Some(_) if is_plain_text(path) && Path::new(path).is_file() => current,
        None => current,
        format => format,
    };
    let Some(format) = format else {
        // The content selects the driver.
        if Path::new(path).is_file() {
            return input_for_content(path);
        }
        return Err(unknown_format("--input", path));
    };
    let mut input = match format {
        format if Some(format) == current => settings.clone(),
        Format::Csv => CsvInput::new(path).into(),
        Format::Log => LogInput::new(path).into(),
        Format::Parquet => ParquetInput::new(path).into(),
        Format::Ndjson => NdjsonInput::new(path).into(),
        Format::Json => JsonInput::new(path).into(),
    };
    if let Some(file) = input.file_mut() {
        path.clone_into(file.path);
    }
    drop_foreign_auth(settings, &mut input, path);
    Ok(input)
}

/// Removes the credentials unless `path` has the URL scheme of the settings' own path: they must not be sent to another
/// kind of store.
fn drop_foreign_auth(settings: &Input, input: &mut Input, path: &str) {
    let scheme = |path: &str| {
        let scheme = path.split_once("://").map(|(scheme, _)| scheme.to_owned());
        scheme.filter(|_| is_url(path))
    };
    let before = settings.driver().and_then(InputDriver::path);
    if scheme(path).is_some() && before.and_then(scheme) == scheme(path) {
        return;
    }
    if let Some(file) = input.file_mut() {
        *file.auth = None;
    }
}

fn output(path: &str) -> Result<Output> {
    if is_web(path) {
        let message = format!(
            "--output {path}: HTTP is read-only; write to a file, s3://bucket/key, gs:// or az://"
        );
        return Err(Error::new(Code::InvalidSettings, "PATH_INVALID", message));
    }
    let format = if path == "-" { Some(Format::Csv) } else { format_of_path(path) };
    let format = format.filter(|format| *format != Format::Json);
    Ok(match format.ok_or_else(|| unknown_format("--output", path))? {
        Format::Csv => CsvOutput::new(path).into(),
        Format::Log => return Err(unknown_format("--output", path)),
        Format::Parquet => ParquetOutput::new(path).into(),
        Format::Ndjson | Format::Json => NdjsonOutput::new(path).into(),
    })
}

fn unknown_format(option: &str, path: &str) -> Error {
    Error::new(
        Code::InvalidSettings,
        "UNKNOWN_FORMAT",
        format!(
            "{option} {path}: unknown file extension; use .csv, .parquet or .ndjson, for inputs also .json (CSV and JSON also with .gz \
             or .zst appended), or name the driver in the settings"
        ),
    )
}

#[cfg(test)]
mod tests {
    use anomal_spec::{Auth, SecretRef};

    use super::*;

    #[test]
    fn credentials_stay_with_their_kind_of_store() {
        let auth = || Auth { secret_ref: SecretRef { name: "s".into() } };
        let csv = CsvInput { auth: Some(auth()), ..CsvInput::new("s3://b/a.csv") };
        let settings = Input { csv: Some(csv), ..Input::default() };
        let has_auth = |path: &str| input(&settings, path).unwrap().csv.unwrap().auth.is_some();
        assert!(has_auth("s3://other/b.csv"));
        assert!(!has_auth("b.csv") && !has_auth("gs://b/a.csv"));
        assert!(!has_auth("https://h/a.csv?x=1"));
        let parquet = ParquetInput { auth: Some(auth()), ..ParquetInput::new("s3://b/a.parquet") };
        let settings = Input { parquet: Some(parquet), ..Input::default() };
        assert!(input(&settings, "s3://b/c.parquet").unwrap().parquet.unwrap().auth.is_some());
        assert!(input(&settings, "s3://b/c.csv").unwrap().csv.unwrap().auth.is_none());
    }

    #[test]
    fn the_extension_selects_the_driver_and_the_same_driver_keeps_its_settings() {
        let settings = Input {
            csv: Some(CsvInput { separator: ";".into(), ..CsvInput::new("a.csv") }),
            ..Input::default()
        };
        assert_eq!(input(&settings, "b.CSV.gz").unwrap().csv.unwrap().separator, ";");
        assert_eq!(input(&settings, "-").unwrap().csv.unwrap().path, "-");
        let other = input(&settings, "b.jsonl.zst").unwrap();
        assert_eq!((other.csv, other.ndjson.unwrap().path.as_str()), (None, "b.jsonl.zst"));
        assert!(input(&Input::default(), "b").unwrap_err().message.contains(".parquet"));
        assert!(output("results").is_err() && output("results.json").is_err());
        assert!(input(&Input::default(), "s3://b/a.json.gz").unwrap().json.is_some());
        assert!(output("results.parquet").unwrap().parquet.is_some());
    }
}
