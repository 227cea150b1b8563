//! Which run of a job it is, and what its outputs may say about it.

use std::time::SystemTime;

use anomal_connectors::RunInfo;
use anomal_core::{Error, Result};
use anomal_dataflow::Source;
use anomal_spec::{AnomalyJob, AnomalyJobSpec, nearest};
use serde_json::json;
use xxhash_rust::xxh3::xxh3_64;

use crate::{options::Options, publish::Draft};

/// # Errors
/// `InvalidSettings` if there is no such time column.
pub(crate) fn run_info(
    job: &AnomalyJob,
    options: &Options,
    source: &dyn Source,
    draft: Option<&Draft<'_>>,
) -> Result<RunInfo> {
    let spec = &job.spec;
    time_column(spec, source)?;
    let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let started = i64::try_from(started.as_micros()).unwrap_or(i64::MAX);
    let run = options.run.clone().unwrap_or_else(|| match source.identity() {
        Some(records) => format!("{:016x}", xxh3_64(inputs_of_results(spec, &records).as_bytes())),
        // Whether they are the same records again is unknown: each run is a new one.
        None => format!("{started}"),
    });
    Ok(RunInfo {
        job: job.metadata.name.clone(),
        namespace: options.namespace.clone(),
        run,
        engine: spec.classification.as_ref().map(|settings| settings.engine.clone()),
        started,
        time_column: spec.time_column.clone(),
        null_values: spec.input.csv.as_ref().map(|csv| csv.null_values.clone()).unwrap_or_default(),
        report: draft.map(Draft::info),
        ..RunInfo::default()
    })
}

/// Everything that results depend on.
fn inputs_of_results(spec: &AnomalyJobSpec, records: &str) -> String {
    let settings = json!([
        spec.input,
        spec.time_column,
        spec.packs,
        spec.filters,
        spec.features,
        spec.flags,
        spec.classification,
    ]);
    if spec.profiles.is_empty() {
        return format!("{settings}\n{records}");
    }
    format!("{settings}\n{}\n{records}", json!(spec.profiles))
}

fn time_column(spec: &AnomalyJobSpec, source: &dyn Source) -> Result<()> {
    let Some(name) = &spec.time_column else { return Ok(()) };
    let names = || source.schema().iter().map(|column| column.name.as_str());
    if names().any(|column| column == name) {
        return Ok(());
    }
    let hint = match nearest(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the columns are {}", names().take(20).collect::<Vec<_>>().join(", ")),
    };
    let message = format!("the input has no column `{name}`; {hint}");
    Err(Error::settings("timeColumn", "COLUMN_MISSING", message))
}
