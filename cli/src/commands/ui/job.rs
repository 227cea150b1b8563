//! Settings: opened, proposed, inspected, previewed.

use std::{fs, path::Path};

use anomal_connectors::{OpenOptions, inspect as inspect_input, text::grouped};
use anomal_core::proto::{DataType, FeatureSummary};
use anomal_runner::Outcome;
use anomal_spec::{
    AnomalyJob, DeadLetter, EXTERNAL, Form, Input, InputDriver, Source, to_spec_yaml,
};
use anomal_storage::Secrets;
use anomal_tui::{ColumnInfo, FeaturePreview, Inspection, Message, OpenedFile, Preview, Proposal};

use super::home::bytes;
use crate::{
    args::{Init, Purpose},
    commands::init::{self, Profile, Role},
    settings,
};

/// Rows that are shown.
const FIRST: usize = 50;
/// Rows that a proposal is made from.
const ROWS: u32 = 100_000;

/// Reads a settings file. The original's form is converted, to be written as another file.
pub fn open(path: &str) -> Message {
    let file = Path::new(path);
    let bytes = settings::read(file).map_err(|error| format!("cannot read {path}: {error}"));
    let text = bytes.and_then(|bytes| {
        String::from_utf8(bytes).map_err(|_| format!("{path}: not UTF-8; is it the data itself?"))
    });
    let text = match text {
        Ok(text) => text,
        Err(message) => return Message::Opened { path: path.to_owned(), result: Err(message) },
    };
    let folder = settings::folder_of(file);
    let source = Source { file: path, name: "job" };
    let other = |name: &str| settings::read(&folder.join(name));
    match anomal_spec::load(text.as_bytes(), source, &other) {
        Ok(loaded) if loaded.form == Form::Original => {
            let target = folder.join("job.yaml");
            let target = target.strip_prefix(".").unwrap_or(&target).to_string_lossy().into_owned();
            let text = to_spec_yaml(&loaded.job.spec).map_err(|error| error.to_string());
            let result = text.map(|text| OpenedFile { text, as_written: false });
            Message::Opened { path: target, result }
        }
        _ => {
            let result = Ok(OpenedFile { text, as_written: true });
            Message::Opened { path: path.to_owned(), result }
        }
    }
}

/// Settings of the original's command line, as settings that are not written yet.
pub fn converted(job: &AnomalyJob) -> Message {
    let text = to_spec_yaml(&job.spec).map_err(|error| error.to_string());
    let result = text.map(|text| OpenedFile { text, as_written: false });
    Message::Opened { path: "job.yaml".to_owned(), result }
}

/// Inspects a data file, and proposes settings for it.
///
/// # Errors
/// A message for people.
pub fn propose(path: &str) -> Result<Proposal, String> {
    let target = target(path);
    let arguments = Init {
        input: path.to_owned(),
        output: Some(target.clone().into()),
        force: true,
        label: None,
        time: None,
        entity: None,
        purpose: Purpose::Run,
        rows: ROWS,
        explain: false,
        json: false,
        no_trial: false,
    };
    let proposed = init::propose(&arguments).map_err(|failure| failure.message)?;
    let input =
        inspection(path, &proposed.input, &proposed.profile, &proposed.roles, Secrets::default())?;
    let preview = proposed.trial.as_ref().map(|trial| summarised(&trial.outcome, trial.seconds));
    Ok(Proposal { target, text: proposed.settings, input, preview })
}

/// The file of new settings: beside the data, `job.yaml`, or named after the data where there is one already.
fn target(path: &str) -> String {
    if anomal_spec::is_url(path) {
        return "job.yaml".to_owned();
    }
    let data = Path::new(path);
    let plain = data.with_file_name("job.yaml");
    let stem = data.file_name().unwrap_or_default().to_string_lossy();
    let stem = stem.split('.').next().unwrap_or_default();
    let target =
        if plain.exists() { data.with_file_name(format!("{stem}.job.yaml")) } else { plain };
    target.to_string_lossy().into_owned()
}

/// What the first rows of the input of settings show.
///
/// # Errors
/// A message for people.
pub fn inspect(text: &str, folder: &Path, secrets: Secrets) -> Result<Inspection, String> {
    let settings = settings::from_text_in(text, folder, secrets.clone());
    let input = settings.map_err(|failure| failure.message)?.job.spec.input;
    let path = input.driver().and_then(InputDriver::path).unwrap_or_default().to_owned();
    if path.is_empty() || anomal_spec::is_url(&path) {
        return Err("The input is on another machine: it is read by runs, and by p".to_owned());
    }
    check_lasting(&path)?;
    let (profile, roles) =
        init::profile(&input, secrets.clone()).map_err(|failure| failure.message)?;
    inspection(&path, &input, &profile, &roles, secrets)
}

/// Leaves inputs alone that have nothing left for a run.
///
/// # Errors
/// If the input can be read only once.
fn check_lasting(path: &str) -> Result<(), String> {
    let is_stream =
        fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
    if path == "-" || is_stream {
        return Err(format!("{path} can be read only once, by a run"));
    }
    Ok(())
}

fn inspection(
    path: &str,
    input: &Input,
    profile: &Profile,
    roles: &[Role],
    secrets: Secrets,
) -> Result<Inspection, String> {
    let options = OpenOptions { secrets, ..OpenOptions::default() };
    let first = inspect_input(input, &options, FIRST).map_err(|error| error.to_string())?;
    let size = fs::metadata(path).ok().map(|metadata| format!(", {}", bytes(metadata.len())));
    let columns = profile.columns.iter().zip(roles).map(|(column, role)| ColumnInfo {
        name: column.name.clone(),
        data_type: type_name(column.data_type).to_owned(),
        role: match role {
            Role::LeftOut(why) => why.clone(),
            role => role.name().to_owned(),
        },
        missing: column.missing() as u64,
        distinct: column.distinct() as u64,
        example: column.values.first().map(|(value, _)| value.clone()).unwrap_or_default(),
    });
    Ok(Inspection {
        path: path.to_owned(),
        format: format!("{}{}", first.driver, size.unwrap_or_default()),
        rows: profile.rows as u64,
        complete: profile.complete,
        total: profile.total as u64,
        columns: columns.collect(),
        first: first.first,
    })
}

pub fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Integer => "integer",
        DataType::Float => "number",
        DataType::Boolean => "boolean",
        DataType::Datetime => "time",
        _ => "text",
    }
}

/// Runs settings on the first rows of their input, in this process, and writes nothing.
///
/// # Errors
/// A message for people.
pub fn preview(text: &str, folder: &Path, secrets: Secrets) -> Result<Preview, String> {
    let started = std::time::Instant::now();
    let settings =
        settings::from_text_in(text, folder, secrets.clone()).map_err(|failure| failure.message)?;
    let mut job = settings.job.clone();
    if let Some(classification) = &mut job.spec.classification {
        if classification.engine == EXTERNAL {
            return Err("external engines are not used for previews".to_owned());
        }
        if let Some(model) = &mut classification.model {
            model.save = None;
        }
        classification.model = classification.model.take().filter(|model| model.load.is_some());
    }
    // Records that are bad are counted, and nothing is kept of them.
    let rejected =
        std::env::temp_dir().join(format!("anomal-preview-{}.ndjson", std::process::id()));
    let path = rejected.to_string_lossy().into_owned();
    job.spec.dead_letter = Some(DeadLetter { path, auth: None });
    let input = job.spec.input.clone();
    check_lasting(input.driver().and_then(InputDriver::path).unwrap_or_default())?;
    let outcome = init::run_first_rows(job, &input, settings.contents.clone(), secrets);
    // There is one only if a record was bad.
    let _ = fs::remove_file(&rejected);
    let outcome = outcome.map_err(|failure| failure.message)?;
    Ok(summarised(&outcome, started.elapsed().as_secs_f64()))
}

fn summarised(outcome: &Outcome, seconds: f64) -> Preview {
    let summary = &outcome.summary;
    let features = outcome.analysis.iter().flat_map(|analysis| &analysis.features);
    Preview {
        rows: summary.rows,
        suspicious: summary.suspicious,
        flagged: summary.flagged,
        seconds,
        flags: summary.flags.iter().map(|flag| (flag.name.clone(), flag.rows)).collect(),
        features: features
            .map(|feature| FeaturePreview {
                name: feature
                    .feature
                    .as_ref()
                    .map(|column| column.name.clone())
                    .unwrap_or_default(),
                distinct: feature.distinct,
                missing: feature.missing,
                typical: typical(feature),
            })
            .collect(),
    }
}

/// The median of a number, or the most frequent category with its share.
pub fn typical(feature: &FeatureSummary) -> String {
    let Some(all) = feature.groups.first() else { return String::new() };
    if let Some(median) = all.quantiles.get(4) {
        return format!("median {}", short(*median));
    }
    let most = all.counts.iter().zip(&feature.categories).max_by_key(|(count, _)| **count);
    match most {
        Some((count, name)) if all.count > 0 => {
            format!("{name} {:.0} %", 100.0 * *count as f64 / all.count as f64)
        }
        _ => String::new(),
    }
}

/// A number in a few characters.
pub fn short(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return grouped(format!("{number:.0}"));
    }
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
