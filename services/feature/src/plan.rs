//! The plan of a run: which columns to read, the steps of each scope, and the columns that come out.

use std::collections::BTreeSet;

use anomal_core::{
    Error, FeatureSettings, PlanRequest, Result, Scope,
    proto::{Column, DataType, Plan, plan::KeyedSteps},
};
use anomal_proto::SETTINGS_VERSION;
use anomal_spec::{Feature, FeatureType, PackDetails, PackSetting};

use crate::{
    declarative::profile::add_profiles, packs::AvailablePacks, pattern::matches, program::Program,
    step::Step,
};

/// The limit after patterns are expanded.
const MAX_FEATURES: usize = 2_048;

/// Compiles settings against the columns of an input.
///
/// # Errors
/// `InvalidSettings` with the path.
pub(crate) fn plan(request: &PlanRequest, packs: &AvailablePacks) -> Result<Plan> {
    let (settings, left_out) = add_profiles(&request.settings, &request.schema)?;
    let (settings, origins) = expand_patterns(&settings, &request.schema)?;
    let program = Program::compile(&settings, &request.schema, &request.times, packs)
        .map_err(|error| with_original_path(error, &origins))?;
    let (global_features, global_columns) = inputs(&program, Scope::Global);
    let global = program.steps().any(|step| step.scope == Scope::Global);
    let keyed = keyed_steps(&settings, &program)?;
    Ok(Plan {
        settings: to_json(&settings)?,
        settings_version: SETTINGS_VERSION,
        features: program.features.iter().map(|feature| feature.column.clone()).collect(),
        global_features,
        global_columns,
        global,
        keyed,
        flags: program.flags.iter().map(|(_, flag)| flag.clone()).collect(),
        diagnostics: left_out.into_iter().chain(program.diagnostics).collect(),
        columns: program.columns,
    })
}

/// The features and the columns that the steps of a scope read of the steps of smaller scopes and of the input, by name.
fn inputs(program: &Program, scope: Scope) -> (Vec<String>, Vec<String>) {
    let reads = program.steps().filter(|step| step.scope == scope).flat_map(|step| &step.reads);
    let names: BTreeSet<&String> = reads.collect();
    let is_column = |name: &&String| program.columns.iter().any(|column| column.name == **name);
    let (columns, features): (Vec<&String>, Vec<&String>) = names.into_iter().partition(is_column);
    let made_before = |name: &&String| {
        let mut features = program.features.iter();
        features.any(|feature| feature.column.name == **name && feature.step.scope < scope)
    };
    let features = features.into_iter().filter(made_before).cloned().collect();
    (features, columns.into_iter().cloned().collect())
}

/// The steps of scope Keyed as separate settings.
fn keyed_steps(settings: &FeatureSettings, program: &Program) -> Result<Option<KeyedSteps>> {
    let is_keyed = |step: &Step| step.scope == Scope::Keyed;
    if !program.steps().any(is_keyed) {
        return Ok(None);
    }
    let (features, columns) = inputs(program, Scope::Keyed);
    let mut schema = Vec::with_capacity(features.len() + columns.len());
    for name in &features {
        let made = program.features.iter().find(|feature| feature.column.name == *name);
        let data_type = made.map_or(DataType::Unspecified, |feature| feature.data_type);
        schema.push(Column { name: name.clone(), data_type: data_type.into() });
    }
    let read = program.columns.iter().filter(|column| columns.contains(&column.name));
    schema.extend(read.cloned());
    let of_features = settings.features.iter().zip(&program.features);
    let of_flags = settings.flags.iter().zip(&program.flags);
    let settings = FeatureSettings {
        features: of_features
            .filter(|(_, made)| is_keyed(&made.step))
            .map(|(feature, _)| feature.clone())
            .collect(),
        flags: of_flags
            .filter(|(_, made)| is_keyed(&made.0))
            .map(|(flag, _)| flag.clone())
            .collect(),
        packs: settings.packs.iter().filter_map(of_keyed_steps).collect(),
        // Native components use them, which are not keyed.
        lists: Vec::new(),
        filters: Vec::new(),
        ..settings.clone()
    };
    Ok(Some(KeyedSteps { features, columns, settings: to_json(&settings)?, schema }))
}

/// A pack as far as its steps can be keyed: a built-in one, or one with its definitions alone.
fn of_keyed_steps(pack: &PackSetting) -> Option<PackSetting> {
    let Some(details) = pack.details() else { return Some(pack.clone()) };
    details.inline.as_ref()?;
    let details = PackDetails { digest: None, ..details.clone() };
    Some(PackSetting::Detailed(Box::new(details)))
}

fn to_json(settings: &FeatureSettings) -> Result<String> {
    serde_json::to_string(settings)
        .map_err(|error| Error::internal(format!("settings as JSON: {error}")))
}

/// Replaces the indices of expanded features in an error by those of the features in the settings.
fn with_original_path(mut error: Error, origins: &[usize]) -> Error {
    for violation in &mut error.violations {
        let place = violation.path.strip_prefix("features[").and_then(|rest| rest.split_once(']'));
        let Some((index, rest)) = place else { continue };
        if let Some(origin) = index.parse().ok().and_then(|index: usize| origins.get(index)) {
            violation.path = format!("features[{origin}]{rest}");
        }
    }
    error
}

/// Replaces `match` patterns by the columns that match. Also returns, for each feature, its index before.
fn expand_patterns(
    settings: &FeatureSettings,
    schema: &[Column],
) -> Result<(FeatureSettings, Vec<usize>)> {
    let (mut features, mut origins) = (Vec::new(), Vec::new());
    for (index, feature) in settings.features.iter().enumerate() {
        origins.resize(features.len(), index.saturating_sub(1));
        let Some(pattern) = &feature.pattern else {
            features.push(feature.clone());
            continue;
        };
        let excepted = |name: &str| {
            settings.label_column.as_deref() == Some(name)
                || feature.except.iter().any(|except| matches(except, name))
        };
        let before = features.len();
        features.extend(
            schema
                .iter()
                .filter(|column| matches(pattern, &column.name) && !excepted(&column.name))
                .map(|column| Feature {
                    feature_type: FeatureType::Field,
                    name: Some(column.name.clone()),
                    pattern: None,
                    except: Vec::new(),
                    ..feature.clone()
                }),
        );
        if features.len() == before {
            let names: Vec<&str> = schema.iter().map(|column| column.name.as_str()).collect();
            let message = format!("no column matches `{pattern}`; there are {}", names.join(", "));
            return Err(Error::settings(format!("features[{index}].match"), "NO_MATCH", message));
        }
    }
    if features.len() > MAX_FEATURES {
        let message = format!("{} features; at most {MAX_FEATURES} are allowed", features.len());
        return Err(Error::settings("features", "TOO_MANY_FEATURES", message));
    }
    origins.resize(features.len(), settings.features.len().saturating_sub(1));
    Ok((FeatureSettings { features, ..settings.clone() }, origins))
}
