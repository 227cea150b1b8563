//! The memory that the state of a stream needs.

use anomal_core::{
    Error, Result,
    proto::{FeatureKind, Plan},
    words,
};
use anomal_detectors::online::{EntityParts, Kind, Profiles};
use anomal_spec::{AnomalyJobSpec, EntityModel, Stream, bytes};
use serde::Serialize;

/// Bytes of a value of a model's table or of a sample, of a model beside that, and of the p-values of all that judges.
const VALUE: u64 = 8;
const MODEL: u64 = 4 << 20;
const P_VALUES: u64 = 1 << 20;
/// Tables of the models in use and on trial, and of the sample, which has room for as many rows again.
const TABLES: u64 = 4;
/// The tenths of the memory that it may have which models and samples get at most, and above which entities and keys are forgotten.
const FORGETS: u64 = 6;

/// The memory of a state, by what is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryCounts {
    pub bytes: u64,
    /// `stream.state.maxMemory`, of a partition its share.
    pub limit: u64,
    /// Entities and keys of windows that were forgotten for it, since the stream began.
    pub evicted: u64,
}

/// The bytes above which a state that may have `most` forgets.
pub(super) fn forgets_at(most: u64) -> u64 {
    most / 10 * FORGETS
}

/// The memory that the state of a stream takes, in words; none of a job without entities and without a limit. No plan: its columns
/// are not known, and each feature counts as a category.
pub fn state_memory(spec: &AnomalyJobSpec, plan: Option<&Plan>) -> Option<String> {
    let stream = spec.stream.as_ref()?;
    let entities = stream.entity.as_ref().map(|entity| {
        let each = entity_bytes(spec, stream, plan);
        (entity.max as u64, each, each.saturating_mul(entity.max as u64))
    });
    let text = entities.map(|(count, each, all)| {
        let (count, each, all) = (words::grouped(count), words::bytes(each), words::bytes(all));
        format!("up to {count} entities of at most {each}: {all}")
    });
    let Some(limit) = &stream.state.max_memory else { return text };
    let all = fixed(spec).saturating_add(entities.map_or(0, |(.., all)| all));
    let is_more = bytes(limit).is_some_and(|limit| all > forgets_at(limit));
    let what = if is_more { ": some are forgotten at six tenths of that" } else { "" };
    let all = words::bytes(all);
    let with = text
        .map_or_else(|| "models and samples".to_owned(), |text| text + ", with models and samples");
    Some(format!("{with} {all} of {limit}, beside windows{what}"))
}

/// The most bytes of an entity.
fn entity_bytes(spec: &AnomalyJobSpec, stream: &Stream, plan: Option<&Plan>) -> u64 {
    let kinds: Vec<Kind> = match plan {
        Some(plan) => {
            let is_number = plan.features.iter().map(|it| it.kind() == FeatureKind::Numeric);
            is_number.map(|is| if is { Kind::Number } else { Kind::Category }).collect()
        }
        None => vec![Kind::Category; spec.features.len()],
    };
    let model = stream.entity.as_ref().map_or(EntityModel::None, |entity| entity.model);
    let parts =
        EntityParts { profile: model != EntityModel::None, forest: model == EntityModel::Forest };
    Profiles::entity_bytes(kinds, parts)[1]
}

/// The most bytes of models and samples.
fn fixed(spec: &AnomalyJobSpec) -> u64 {
    let Some(stream) = spec.stream.as_ref().filter(|_| spec.classification.is_some()) else {
        return 0;
    };
    let sample = stream.model.clone().unwrap_or_default().sample.rows;
    let rows = stream.warm_up.clone().unwrap_or_default().rows.max(sample) as u64;
    TABLES * rows * spec.features.len() as u64 * VALUE + 2 * MODEL + P_VALUES
}

/// The bytes of models and samples, where they are little enough of those that the state may have.
///
/// # Errors
/// `InvalidSettings` if they are not.
pub(super) fn check_fixed(spec: &AnomalyJobSpec, most: u64) -> Result<u64> {
    let fixed = fixed(spec);
    if fixed <= forgets_at(most) {
        return Ok(fixed);
    }
    let message = format!(
        "models and samples alone may take {}, more than six tenths of the {} that the state of each stream may have: raise \
         this, or lower `stream.model.sample.rows`",
        words::bytes(fixed),
        words::bytes(most)
    );
    Err(Error::settings("stream.state.maxMemory", "TOO_LITTLE", message))
}

#[cfg(test)]
mod tests {
    use anomal_core::proto::FeatureColumn;
    use anomal_spec::{Stream, StreamEntity};

    use super::*;

    #[test]
    fn a_forest_needs_most() {
        let feature =
            |kind: FeatureKind| FeatureColumn { kind: kind.into(), ..FeatureColumn::default() };
        let features = vec![feature(FeatureKind::Numeric), feature(FeatureKind::Categorical)];
        let plan = Plan { features, ..Plan::default() };
        let memory = |model: &str| {
            let entity = serde_json::json!({"by": ["host"], "max": 10_000, "model": model});
            let entity: StreamEntity = serde_json::from_value(entity).unwrap();
            let stream = Stream { entity: Some(entity), ..Stream::default() };
            let spec = AnomalyJobSpec { stream: Some(stream), ..AnomalyJobSpec::default() };
            state_memory(&spec, Some(&plan))
        };
        let texts = ["none", "profile", "forest"].map(|model| memory(model).unwrap());
        assert_eq!(texts[0], "up to 10,000 entities of at most 300 B: 3 MB");
        assert_eq!(texts[1], "up to 10,000 entities of at most 450 B: 4.5 MB");
        assert_eq!(texts[2], "up to 10,000 entities of at most 66 kB: 660 MB");
        assert_eq!(state_memory(&AnomalyJobSpec::default(), Some(&plan)), None);
    }
}
