//! What the entities of a stream need.

use anomal_core::{
    proto::{FeatureKind, Plan},
    words,
};
use anomal_spec::{AnomalyJobSpec, EntityModel};

/// Bytes of an entity, of a number and of a category in its profile, and of its forest at most.
const ENTITY: u64 = 300;
const NUMBER: u64 = 50;
const CATEGORY: u64 = 100;
const FOREST: u64 = 64 << 10;

/// The most memory that the entities of a stream take, in words; none of a job without them.
pub fn entity_memory(spec: &AnomalyJobSpec, plan: &Plan) -> Option<String> {
    let entity = spec.stream.as_ref()?.entity.as_ref()?;
    let of_feature = |kind| if kind == FeatureKind::Numeric { NUMBER } else { CATEGORY };
    let profile: u64 = plan.features.iter().map(|feature| of_feature(feature.kind())).sum();
    let each = ENTITY
        + match entity.model {
            EntityModel::None => 0,
            EntityModel::Profile => profile,
            EntityModel::Forest => profile + FOREST,
        };
    let all = words::bytes(each.saturating_mul(entity.max as u64));
    Some(format!(
        "up to {} entities of at most {}: {all}",
        words::grouped(entity.max as u64),
        words::bytes(each)
    ))
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
            entity_memory(
                &AnomalyJobSpec { stream: Some(stream), ..AnomalyJobSpec::default() },
                &plan,
            )
        };
        let texts = ["none", "profile", "forest"].map(|model| memory(model).unwrap());
        assert_eq!(texts[0], "up to 10,000 entities of at most 300 B: 3 MB");
        assert_eq!(texts[1], "up to 10,000 entities of at most 450 B: 4.5 MB");
        assert_eq!(texts[2], "up to 10,000 entities of at most 66 kB: 660 MB");
        assert_eq!(entity_memory(&AnomalyJobSpec::default(), &plan), None);
    }
}
