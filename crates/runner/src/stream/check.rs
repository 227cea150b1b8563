//! What can't be judged row by row, with its place in the settings.

use anomal_core::{
    Error, FeatureEngine, Result,
    proto::{DataType, Detector, FeatureColumn, FeatureKind, Plan},
    time_view,
};
use anomal_dataflow::Source;
use anomal_detectors::online::{MOST_COVARIANCE_FEATURES, MOST_CUT_FEATURES, MOST_FOREST_FEATURES};
use anomal_spec::{
    AnomalyJobSpec, Classification, EXTERNAL, EntityModel, InputDriver, Online, bytes,
};

use super::{memory, online::weighted};
use crate::{compile, operators::classify};

/// Checks the classification of a job with `stream` where the classification engine is known.
///
/// # Errors
/// `InvalidSettings` for a detector that compares all rows with each other, and for less memory than models need.
pub fn check_stream(spec: &AnomalyJobSpec, detectors: &[Detector]) -> Result<()> {
    let limit = spec.stream.as_ref().and_then(|stream| stream.state.max_memory.as_ref());
    if let Some(most) = limit.and_then(|limit| bytes(limit)) {
        memory::check_fixed(spec, most)?;
    }
    match &spec.classification {
        // Only the server knows the detectors of External.
        Some(settings)
            if settings.engine != EXTERNAL && !spec.features.is_empty() && !is_collected(spec) =>
        {
            row_wise(settings, detectors)
        }
        _ => Ok(()),
    }
}

pub(super) fn row_wise(settings: &Classification, detectors: &[Detector]) -> Result<()> {
    if classify::row_wise(settings, detectors) {
        return Ok(());
    }
    let names = detectors.iter().filter(|known| known.row_wise).map(|known| known.name.as_str());
    let message = format!(
        "{} compares all rows with each other, and a stream judges each by a model; {} have one. Windows of what is pushed are \
         judged as a whole: set `collectionTime` of the input",
        settings.engine,
        names.collect::<Vec<_>>().join(", ")
    );
    Err(Error::settings("classification.engine", "DETECTOR_NOT_ROW_WISE", message))
}

/// Whether a state is of these settings, by their hashes.
///
/// # Errors
/// `InvalidSettings` if it is not.
pub(super) fn same_settings(saved: u64, settings: u64) -> Result<()> {
    if saved == settings {
        return Ok(());
    }
    let message = "the state is of other settings (input, features, flags, filters or classification): put them back, or \
                   name another folder to begin anew; outputs may change";
    Err(Error::settings(super::CHECKPOINT, "OTHER_SETTINGS", message))
}

/// Whether records are judged window by window, as those of a run that ends.
pub(crate) fn is_collected(spec: &AnomalyJobSpec) -> bool {
    spec.input.driver().and_then(InputDriver::collection_time).is_some()
}

/// The error for an input whose lines mean nothing by themselves.
pub(super) fn not_by_line() -> Error {
    let message = "a stream reads each line by itself, and times without a year are not followed yet: write whole times, or \
                   remove `stream`";
    Error::settings("input", "NO_STREAM", message)
}

/// The column with the times of records, if they have times.
///
/// # Errors
/// `InvalidSettings` if they have none and `stream.time` is set.
pub(crate) fn time_column(spec: &AnomalyJobSpec, plan: &Plan) -> Result<Option<String>> {
    let is_time = |name: &String| {
        let column = plan.columns.iter().find(|column| column.name == *name);
        column.is_some_and(|column| column.data_type() == DataType::Datetime)
    };
    let names = |name: &str| [time_view(name), name.to_owned()];
    let column = spec.time_column().and_then(|name| names(name).into_iter().find(is_time));
    let is_set = spec.stream.as_ref().is_some_and(|stream| stream.time.is_some());
    if column.is_none() && is_set {
        let message = "the first records have no times in `timeColumn`; name another column, or give its format in the \
                       input's `types`";
        return Err(Error::settings("stream.time", "NO_TIMES", message));
    }
    Ok(column)
}

/// Checks that what is learned beside the model can be learned of the features.
///
/// # Errors
/// `InvalidSettings` if there are too many, or too few.
pub(crate) fn learned_features(spec: &AnomalyJobSpec, plan: &Plan) -> Result<()> {
    forest_features(spec, plan)?;
    online_forest_features(spec, plan)?;
    covariance_features(spec, plan)
}

/// That each entity can have a forest.
fn forest_features(spec: &AnomalyJobSpec, plan: &Plan) -> Result<()> {
    let entity = spec.stream.as_ref().and_then(|stream| stream.entity.as_ref());
    let count = plan.features.len();
    if entity.is_none_or(|entity| entity.model != EntityModel::Forest) || count <= MOST_CUT_FEATURES
    {
        return Ok(());
    }
    let message = format!(
        "the forest of an entity has at most {MOST_CUT_FEATURES} features, and the job has {count}: use `profile`, or \
         fewer features"
    );
    Err(Error::settings("stream.entity.model", "TOO_MANY_FEATURES", message))
}

/// That there are not more features than a random cut forest of all rows can have.
fn online_forest_features(spec: &AnomalyJobSpec, plan: &Plan) -> Result<()> {
    let model = spec.stream.as_ref().and_then(|stream| stream.model.as_ref());
    let online = model.map(|model| model.online.chosen(&weighted(plan)));
    let count = plan.features.len();
    if online != Some(Online::RandomCutForest) || count <= MOST_FOREST_FEATURES {
        return Ok(());
    }
    let message = format!(
        "RandomCutForest has at most {MOST_FOREST_FEATURES} features, and the job has {count}: use `HBOS`, or fewer features"
    );
    Err(Error::settings("stream.model.online", "TOO_MANY_FEATURES", message))
}

/// That there are numbers of which some can go together.
fn covariance_features(spec: &AnomalyJobSpec, plan: &Plan) -> Result<()> {
    let model = spec.stream.as_ref().and_then(|stream| stream.model.as_ref());
    if model.is_none_or(|model| model.online != Online::OnlineCovariance) {
        return Ok(());
    }
    let is_number =
        |feature: &&FeatureColumn| feature.kind() == FeatureKind::Numeric && feature.weight > 0.0;
    let count = plan.features.iter().filter(is_number).count();
    if (2..=MOST_COVARIANCE_FEATURES).contains(&count) {
        return Ok(());
    }
    let message = format!(
        "OnlineCovariance finds which numbers go together, of 2 to {MOST_COVARIANCE_FEATURES} numeric features with weight, and \
         the job has {count}: use `HBOS`, or other features"
    );
    Err(Error::settings("stream.model.online", "NUMERIC_FEATURES", message))
}

/// Refuses steps that need all rows at once, or keep all keys for ever.
///
/// # Errors
/// `InvalidSettings` with the place of the first of them.
pub(crate) async fn refuse_whole_table(
    spec: &AnomalyJobSpec,
    plan: &Plan,
    engine: &dyn FeatureEngine,
    source: &dyn Source,
) -> Result<()> {
    if !plan.global {
        return refuse_unbounded(spec, plan, engine);
    }
    let none = || AnomalyJobSpec {
        filters: Vec::new(),
        features: Vec::new(),
        flags: Vec::new(),
        profiles: Vec::new(),
        ..spec.clone()
    };
    let filters = spec.filters.iter().enumerate().map(|(index, item)| {
        (format!("filters[{index}]"), AnomalyJobSpec { filters: vec![item.clone()], ..none() })
    });
    let features = spec.features.iter().enumerate().map(|(index, item)| {
        (format!("features[{index}]"), AnomalyJobSpec { features: vec![item.clone()], ..none() })
    });
    let flags = spec.flags.iter().enumerate().map(|(index, item)| {
        (format!("flags[{index}]"), AnomalyJobSpec { flags: vec![item.clone()], ..none() })
    });
    let mut place = "use".to_owned();
    for (item, alone) in filters.chain(features).chain(flags) {
        // One that needs others fails alone, and is not the one.
        let planned = compile::plan(&alone, engine, source).await;
        if planned.is_ok_and(|plan| plan.global) {
            place = item;
            break;
        }
    }
    let message = "it compares rows with each other, which a stream does over windows alone: give a flag of type \
                   aggregation a `window` such as 1h, use a feature of type aggregate in place of an expression, or \
                   remove `stream` and run the job on files";
    Err(Error::settings(place, "UNBOUNDED_INPUT", message))
}

fn refuse_unbounded(spec: &AnomalyJobSpec, plan: &Plan, engine: &dyn FeatureEngine) -> Result<()> {
    let unbounded = || -> Result<Option<String>> {
        let steps = engine.keyed_steps(plan)?;
        Ok(steps.and_then(|steps| steps.unbounded().map(str::to_owned)))
    };
    // On a thread of its own: compiling expressions blocks.
    let unbounded = std::thread::scope(|scope| scope.spawn(unbounded).join());
    let unbounded =
        unbounded.map_err(|_| Error::internal("compiling the steps over windows panicked"))?;
    let Some(step) = unbounded? else { return Ok(()) };
    let feature = spec.features.iter().position(|feature| feature.name.as_ref() == Some(&step));
    let flag = || spec.flags.iter().position(|flag| flag.name == step);
    let place = match feature {
        Some(index) => format!("features[{index}]"),
        None => flag().map_or_else(|| "use".to_owned(), |index| format!("flags[{index}]")),
    };
    let message = format!(
        "{step} aggregates all rows so far, and a stream would keep every key for ever: give the aggregate of its pack a \
         `window`, such as 1h"
    );
    Err(Error::settings(place, "UNBOUNDED_INPUT", message))
}
