//! What the command line says over the settings.

use anomal_core::{Code, Error, Result};
use anomal_spec::{
    AnomalyJobSpec, CsvInput, CsvOutput, Engines, Input, NdjsonInput, NdjsonOutput, Output,
    ParquetInput, ParquetOutput, RemoteEngine, is_url, is_web, without_query,
};

use crate::args::Run;

/// Puts the command line's choices in place of the settings' own.
///
/// # Errors
/// `InvalidSettings` if a name's ending tells no format.
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
    Parquet,
    Ndjson,
}

/// The format that a name's ending tells.
fn format(path: &str) -> Option<Format> {
    let name = without_query(path).to_ascii_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "csv" | "tsv" | "txt" => Some(Format::Csv),
        "parquet" => Some(Format::Parquet),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        _ => None,
    }
}

/// An input of the driver that the path's ending tells, else of the one that the settings have; its
/// other settings stay where the driver stays.
pub fn input(now: &Input, path: &str) -> Result<Input> {
    let current = if now.parquet.is_some() {
        Some(Format::Parquet)
    } else if now.ndjson.is_some() {
        Some(Format::Ndjson)
    } else {
        now.csv.is_some().then_some(Format::Csv)
    };
    let format = format(path).or(current).ok_or_else(|| unknown("--input", path))?;
    let keep = Some(format) == current;
    let mut input = if keep { now.clone() } else { Input::default() };
    match format {
        Format::Csv => match &mut input.csv {
            Some(csv) => csv.path = path.into(),
            none => *none = Some(CsvInput::new(path)),
        },
        Format::Parquet => {
            let auth = input.parquet.and_then(|parquet| parquet.auth);
            input.parquet = Some(ParquetInput { path: path.into(), auth });
        }
        Format::Ndjson => match &mut input.ndjson {
            Some(ndjson) => ndjson.path = path.into(),
            none => *none = Some(NdjsonInput::new(path)),
        },
    }
    keep_auth(now, &mut input, path);
    Ok(input)
}

/// Credentials are those of a store: they go to no other kind of one, and to no file.
fn keep_auth(now: &Input, input: &mut Input, path: &str) {
    let scheme = |path: &str| {
        let scheme = path.split_once("://").map(|(scheme, _)| scheme.to_owned());
        scheme.filter(|_| is_url(path))
    };
    let csv = now.csv.as_ref().map(|csv| &csv.path);
    let before = csv.or(now.parquet.as_ref().map(|parquet| &parquet.path));
    let before = before.or(now.ndjson.as_ref().map(|ndjson| &ndjson.path));
    if scheme(path).is_some() && before.and_then(|before| scheme(before)) == scheme(path) {
        return;
    }
    if let Some(csv) = &mut input.csv {
        csv.auth = None;
    }
    if let Some(parquet) = &mut input.parquet {
        parquet.auth = None;
    }
    if let Some(ndjson) = &mut input.ndjson {
        ndjson.auth = None;
    }
}

fn output(path: &str) -> Result<Output> {
    if is_web(path) {
        let message = format!(
            "--output {path}: HTTP is for reading; write to a file, s3://bucket/key, gs:// or az://"
        );
        return Err(Error::new(Code::InvalidSettings, "PATH_INVALID", message));
    }
    let format = if path == "-" { Some(Format::Csv) } else { format(path) };
    let mut output = Output::default();
    match format.ok_or_else(|| unknown("--output", path))? {
        Format::Csv => output.csv = Some(CsvOutput::new(path)),
        Format::Parquet => output.parquet = Some(ParquetOutput::new(path)),
        Format::Ndjson => output.ndjson = Some(NdjsonOutput::new(path)),
    }
    Ok(output)
}

fn unknown(option: &str, path: &str) -> Error {
    Error::new(
        Code::InvalidSettings,
        "UNKNOWN_FORMAT",
        format!(
            "{option} {path}: the name's ending tells no format; use .csv, .parquet or .ndjson (CSV and NDJSON \
             also with .gz or .zst behind it), or name the driver in the settings"
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
        let now = Input { csv: Some(csv), ..Input::default() };
        let kept = |path: &str| input(&now, path).unwrap().csv.unwrap().auth.is_some();
        assert!(kept("s3://other/b.csv"));
        assert!(!kept("b.csv") && !kept("gs://b/a.csv") && !kept("https://h/a.csv?x=1"));
        let parquet = ParquetInput { path: "s3://b/a.parquet".into(), auth: Some(auth()) };
        let now = Input { parquet: Some(parquet), ..Input::default() };
        assert!(input(&now, "s3://b/c.parquet").unwrap().parquet.unwrap().auth.is_some());
        assert!(input(&now, "s3://b/c.csv").unwrap().csv.unwrap().auth.is_none());
    }

    #[test]
    fn the_ending_chooses_the_driver_and_a_driver_keeps_its_settings() {
        let now = Input {
            csv: Some(CsvInput { separator: ";".into(), ..CsvInput::new("a.csv") }),
            ..Input::default()
        };
        assert_eq!(input(&now, "b.CSV.gz").unwrap().csv.unwrap().separator, ";");
        assert_eq!(input(&now, "-").unwrap().csv.unwrap().path, "-");
        let other = input(&now, "b.jsonl.zst").unwrap();
        assert_eq!((other.csv, other.ndjson.unwrap().path.as_str()), (None, "b.jsonl.zst"));
        assert!(input(&Input::default(), "b").unwrap_err().message.contains(".parquet"));
        assert!(output("results").is_err());
        assert!(output("results.parquet").unwrap().parquet.is_some());
    }
}
