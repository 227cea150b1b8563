//! Which run of a job it is, and what its outputs may say about it.

use std::time::SystemTime;

use anomal_connectors::RunInfo;
use anomal_core::{Error, Result, proto::Diagnostic};
use anomal_dataflow::Source;
use anomal_spec::{AnomalyJob, AnomalyJobSpec, nearest};
use serde_json::json;
use xxhash_rust::xxh3::xxh3_64;

use crate::{options::Options, publish::Draft};

pub(crate) fn run_info(
    job: &AnomalyJob,
    options: &Options,
    source: &dyn Source,
    draft: Option<&Draft<'_>>,
) -> RunInfo {
    let spec = &job.spec;
    let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let started = i64::try_from(started.as_micros()).unwrap_or(i64::MAX);
    let run = options.run.clone().unwrap_or_else(|| match source.identity() {
        Some(records) => format!("{:016x}", xxh3_64(inputs_of_results(spec, &records).as_bytes())),
        // Whether they are the same records again is unknown: each run is a new one.
        None => format!("{started}"),
    });
    RunInfo {
        job: job.metadata.name.clone(),
        namespace: options.namespace.clone(),
        run,
        engine: spec.classification.as_ref().map(|settings| settings.engine.clone()),
        started,
        time_column: spec.time_column().map(str::to_owned),
        row_keys: spec.row_keys().cloned().collect(),
        show: spec.roles.as_ref().map(|roles| roles.show.clone()).unwrap_or_default(),
        null_values: spec.input.csv.as_ref().map(|csv| csv.null_values.clone()).unwrap_or_default(),
        report: draft.map(Draft::info),
        ..RunInfo::default()
    }
}

/// Everything that results depend on.
pub(crate) fn inputs_of_results(spec: &AnomalyJobSpec, records: &str) -> String {
    let settings = json!([
        spec.input,
        spec.time_column(),
        spec.entity_columns().collect::<Vec<_>>(),
        spec.packs,
        spec.filters,
        spec.features,
        spec.flags,
        spec.classification,
    ]);
    let mut inputs = settings.to_string();
    // Only where they are set, so that runs of older settings keep their identity.
    for (set, further) in [
        (!spec.profiles.is_empty(), json!(spec.profiles)),
        (!spec.lists.is_empty(), json!(spec.lists)),
    ] {
        if set {
            inputs.push('\n');
            inputs.push_str(&further.to_string());
        }
    }
    format!("{inputs}\n{records}")
}

/// The columns that entities of a stream are known by, with their paths.
fn stream_entities(spec: &AnomalyJobSpec) -> impl Iterator<Item = (String, &String)> {
    let entity = spec.stream.as_ref().and_then(|stream| stream.entity.as_ref());
    let columns = entity.map(|entity| entity.by.as_slice()).unwrap_or_default().iter();
    columns.enumerate().map(|(index, column)| (format!("stream.entity.by[{index}]"), column))
}

/// The columns of `roles`, with their paths.
fn role_columns(spec: &AnomalyJobSpec) -> Vec<(String, &String)> {
    let Some(roles) = &spec.roles else { return Vec::new() };
    let time = roles.time.iter().map(|column| ("roles.time".to_owned(), column));
    let entities = roles.entities.iter().enumerate();
    let entities =
        entities.map(|(index, entity)| (format!("roles.entities[{index}].column"), &entity.column));
    let shown = roles.show.iter().enumerate();
    let shown = shown.map(|(index, column)| (format!("roles.show[{index}]"), column));
    time.chain(entities).chain(shown).collect()
}

/// Checks that the columns exist that the settings name without computing with them. A label may be missing, as it is in
/// records that no one has looked at, which is noted.
///
/// # Errors
/// `InvalidSettings` with the nearest name.
pub(crate) fn check_named_columns(
    spec: &AnomalyJobSpec,
    source: &dyn Source,
) -> Result<Vec<Diagnostic>> {
    let mut notes = Vec::new();
    let names = || source.schema().iter().map(|column| column.name.as_str());
    let single = [
        ("timeColumn", &spec.time_column),
        ("labelColumn", &spec.label_column),
        ("idColumn", &spec.id_column),
    ];
    let single =
        single.into_iter().filter_map(|(path, column)| Some((path.to_owned(), column.as_ref()?)));
    let entities = spec.entity.iter().enumerate();
    let entities = entities.map(|(index, column)| (format!("entity[{index}]"), column));
    for (path, name) in
        single.chain(entities).chain(role_columns(spec)).chain(stream_entities(spec))
    {
        if names().any(|column| column == name) {
            continue;
        }
        let hint = match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if path == "labelColumn" => {
                notes.push(Diagnostic {
                    path,
                    reason: "LABEL_MISSING".to_owned(),
                    message: format!(
                        "the input has no column `{name}`, so there is nothing to evaluate with"
                    ),
                    count: 0,
                });
                continue;
            }
            None => format!("the columns are {}", names().take(20).collect::<Vec<_>>().join(", ")),
        };
        let message = format!("the input has no column `{name}`; {hint}");
        return Err(Error::settings(path, "COLUMN_MISSING", message));
    }
    Ok(notes)
}
