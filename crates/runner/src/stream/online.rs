//! What `online: auto` is for the features of a job.

use anomal_core::proto::{FeatureKind, Plan};
use anomal_spec::{AnomalyJobSpec, Online};

/// The weight of each feature, and whether it is a number.
pub(in crate::stream) fn weighted(plan: &Plan) -> Vec<(f64, bool)> {
    let feature = plan.features.iter();
    feature.map(|feature| (feature.weight, feature.kind() == FeatureKind::Numeric)).collect()
}

/// What is learned row by row where that is chosen by the features, in words; none of a job without such a choice.
pub fn online_choice(spec: &AnomalyJobSpec, plan: &Plan) -> Option<String> {
    let model = spec.stream.as_ref()?.model.as_ref()?;
    let chosen = match model.online {
        Online::Auto => Online::Auto.chosen(&weighted(plan)),
        _ => return None,
    };
    let name = serde_json::to_value(chosen).ok()?;
    Some(format!("learned row by row: {}", name.as_str()?))
}
