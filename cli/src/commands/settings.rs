//! `anomal validate`, `anomal manifest`, `anomal schema`: settings, and the columns that they name.

use std::{path::Path, sync::Arc};

use anomal_classification::LocalClassificationEngine;
use anomal_core::{ClassificationEngine, FeatureEngine, proto::Plan};
use anomal_feature::LocalFeatureEngine;
use anomal_runner::{
    ColumnRoles, check_columns, check_stream, feature_settings, online_choice, state_memory,
};
use anomal_spec::{AnomalyJobSpec, InputDriver, is_url};
use anomal_storage::Secrets;

use super::{CommandResult, print};
use crate::{
    args::SettingsFile,
    exit,
    present::error::Failure,
    settings::{self, Settings},
};

/// Checks a file, and the columns that it names where input and engine are on this machine.
pub fn validate(arguments: &SettingsFile) -> CommandResult {
    let settings = settings::with_paths(&arguments.file)?;
    check_detector(&settings)?;
    let spec = &settings.job.spec;
    let columns = match local_input(spec) {
        Ok(input) => {
            let (plan, roles) = check(&settings)?;
            let roles = roles.describe().unwrap_or_else(|| {
                "no column has a role: `roles` can name the time, hosts, users, domains".to_owned()
            });
            let columns = format!("columns as in {input}; roles: {roles}");
            vec![Some(columns), state_memory(spec, Some(&plan)), online_choice(spec, &plan)]
        }
        Err(reason) => {
            check_components(&settings)?;
            vec![Some(format!("columns not checked: {reason}")), state_memory(spec, None)]
        }
    };
    let columns = columns.into_iter().flatten().collect::<Vec<_>>().join("; ");
    if arguments.output.quiet {
        return Ok(exit::DONE);
    }
    print(&format!(
        "{} is valid: job {}, {} filters, {} features, {} flags, {}; {columns}\n",
        arguments.file.display(),
        settings.job.metadata.name,
        spec.filters.len(),
        spec.features.len(),
        spec.flags.len(),
        spec.classification
            .as_ref()
            .map_or("no classification", |settings| settings.engine.as_str())
    ))
}

/// Whether features are computed by another engine than that of this program.
fn has_other_engine(spec: &AnomalyJobSpec) -> bool {
    spec.engines.as_ref().is_some_and(|engines| engines.feature.is_some())
}

/// The input, if its columns can be checked here; or why they can't.
fn local_input(spec: &AnomalyJobSpec) -> Result<&str, String> {
    let path = spec.input.driver().and_then(InputDriver::path);
    let path = path.filter(|path| !is_url(path)).ok_or("the input is not a file")?;
    if !Path::new(path).is_file() {
        return Err(format!("there is no file {path}"));
    }
    if has_other_engine(spec) {
        return Err("the feature engine is elsewhere".to_owned());
    }
    Ok(path)
}

/// Checks that a job with `stream` has a detector for one.
fn check_detector(settings: &Settings) -> Result<(), Failure> {
    if settings.job.spec.stream.is_none() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let detectors = runtime.block_on(LocalClassificationEngine::default().list_detectors());
    let checked = detectors.and_then(|detectors| check_stream(&settings.job.spec, &detectors));
    checked.map_err(|error| settings.failure(&error))
}

fn check(settings: &Settings) -> Result<(Plan, ColumnRoles), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let secrets = Secrets::default();
    let checked = runtime.block_on(async {
        let engine = engine(settings).await?;
        check_columns(&settings.job, &engine, &secrets).await
    });
    checked.map_err(|error| settings.failure(&error))
}

/// Checks components and their parameters where the columns are not known, if the engine that has them is this one.
fn check_components(settings: &Settings) -> Result<(), Failure> {
    let spec = &settings.job.spec;
    if has_other_engine(spec) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let checked =
        runtime.block_on(async { engine(settings).await?.check(&feature_settings(spec)) });
    checked.map_err(|error| settings.failure(&error))
}

/// An engine with the packs of the settings.
async fn engine(settings: &Settings) -> anomal_core::Result<LocalFeatureEngine> {
    let engine = LocalFeatureEngine::default();
    for pack in &settings.contents {
        engine.put_pack(Arc::clone(pack)).await?;
    }
    Ok(engine)
}

pub fn manifest(arguments: &SettingsFile) -> CommandResult {
    let job = settings::with_contents(&arguments.file)?;
    let yaml = anomal_spec::to_manifest_yaml(&job)
        .map_err(|error| Failure::new(error.to_string(), exit::FAILED))?;
    print(&yaml)
}

pub fn schema() -> CommandResult {
    print(&format!("{:#}\n", anomal_spec::json_schema()))
}
