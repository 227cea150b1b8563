//! The plan of a run: which columns to read, the steps of each phase, and the columns that come out.

use anomal_components::ComponentRegistry;
use anomal_core::{
    Error, FeatureSettings, PlanRequest, Result,
    proto::{Column, Plan},
};
use anomal_proto::SETTINGS_VERSION;
use anomal_spec::{Feature, FeatureType};

use crate::{
    pattern::matches,
    program::{Program, Step},
};

/// The limit after patterns are expanded.
const MAX_FEATURES: usize = 2_048;

/// Compiles settings against the columns of an input.
///
/// # Errors
/// `InvalidSettings` with the path.
pub(crate) fn plan(request: &PlanRequest, components: &ComponentRegistry) -> Result<Plan> {
    let (settings, origins) = expand_patterns(&request.settings, &request.schema)?;
    let program = Program::compile(&settings, &request.schema, components)
        .map_err(|error| with_original_path(error, &origins))?;
    let whole: Vec<&Step> = program.steps().filter(|step| step.whole_table).collect();
    let is_feature = |name: &&String| {
        !program.columns.iter().any(|column| column.name == **name)
            && program.features.iter().any(|feature| feature.column.name == **name)
    };
    let mut names: Vec<&String> = whole.iter().flat_map(|step| &step.reads).collect();
    names.sort();
    names.dedup();
    let select = |features: bool| {
        names
            .iter()
            .copied()
            .filter(|name| is_feature(name) == features)
            .cloned()
            .collect::<Vec<_>>()
    };
    // Features of the whole-table phase are computed there, so they are no input of it.
    let is_whole_table = |name: &String| {
        program
            .features
            .iter()
            .any(|feature| feature.column.name == *name && feature.step.whole_table)
    };
    let whole_table_features =
        select(true).into_iter().filter(|name| !is_whole_table(name)).collect();
    let json = serde_json::to_string(&settings)
        .map_err(|error| Error::internal(format!("settings as JSON: {error}")))?;
    Ok(Plan {
        settings: json,
        settings_version: SETTINGS_VERSION,
        features: program.features.iter().map(|feature| feature.column.clone()).collect(),
        whole_table_features,
        whole_table_columns: select(false),
        whole_table: !whole.is_empty(),
        flags: program.flags.iter().map(|(_, flag)| flag.clone()).collect(),
        diagnostics: program.diagnostics,
        columns: program.columns,
    })
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
        let excepted = |name: &str| feature.except.iter().any(|except| matches(except, name));
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
