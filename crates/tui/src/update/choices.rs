//! What is chosen rather than typed: the use of a column, the number of suspects, the detector.

use anomal_spec::edit::{Change, Step};
use serde_json::{Value as Json, json};

use crate::{
    document::keys,
    effect::Effect,
    model::{Detector, Model},
};

/// Shares of the rows that can be suspicious.
pub(crate) const SHARES: [f64; 5] = [0.02, 0.01, 0.005, 0.001, 0.0001];
/// What a column can be used for.
pub(super) const ROLES: [&str; 6] = [
    "a number to compare",
    "a category to compare",
    "how common its value is",
    "the time of a row",
    "the answer to check results by, never a feature",
    "nothing",
];

impl Model {
    pub(crate) fn choose_on_detector(&mut self) -> Vec<Effect> {
        let Some(job) = &self.job else { return Vec::new() };
        let threshold = keys(&["classification", "threshold"]);
        if !job.on_detectors {
            let value = match SHARES.get(job.cursors[3].at) {
                Some(share) => json!({"method": "contamination", "value": share}),
                None => json!({"method": "auto"}),
            };
            return self.edit(&[(threshold, Change::Set(value))], "Chosen");
        }
        let Some(Detector { name, .. }) = self.options.detectors.get(job.detector.at) else {
            return Vec::new();
        };
        let mut changes = vec![(keys(&["classification", "engine"]), Change::Set(json!(name)))];
        // Another detector has other parameters.
        let parameters = keys(&["classification", "parameters"]);
        if job.document.value(&parameters).is_some() {
            changes.insert(0, (parameters, Change::Remove));
        }
        let note = format!("Classified by {name}");
        self.edit(&changes, &note)
    }

    /// Uses a column as one of [`ROLES`].
    pub(crate) fn use_column(&mut self, column: &str, role: usize) -> Vec<Effect> {
        let Some(job) = &self.job else { return Vec::new() };
        let uses = |item: &Json| {
            let named = item.get("name").and_then(Json::as_str) == Some(column);
            let needs = item.get("dataNeeded").and_then(Json::as_array);
            named && item.get("type").and_then(Json::as_str) == Some("field")
                || needs.is_some_and(|needs| needs.iter().any(|name| name == column))
        };
        let features = job.document.value(&keys(&["features"]));
        let features = features.as_ref().and_then(Json::as_array).cloned().unwrap_or_default();
        let mut changes = Vec::new();
        let added = match role {
            0 => Some(json!({"type": "field", "name": column})),
            1 => Some(json!({"type": "field", "name": column, "kind": "categorical"})),
            2 => {
                let quoted = format!("\"{}\"", column.replace('"', "\"\""));
                let count = format!("COUNT({quoted}) OVER (PARTITION BY {quoted})");
                Some(
                    json!({"type": "expression", "name": format!("{column}.rows"), "expression": count}),
                )
            }
            _ => None,
        };
        if let Some(feature) = &added {
            changes.push((keys(&["features"]), Change::Insert(features.len(), feature.clone())));
        }
        if role != 3 {
            let used = features.iter().enumerate().filter(|(_, item)| uses(item));
            changes.extend(used.rev().map(|(index, _)| {
                (vec![Step::from("features"), Step::from(index)], Change::Remove)
            }));
        }
        let key = ["timeColumn", "labelColumn"].get(role.wrapping_sub(3));
        for name in ["timeColumn", "labelColumn"] {
            if key != Some(&name) && job.document.value(&keys(&[name])) == Some(json!(column)) {
                changes.push((keys(&[name]), Change::Remove));
            }
        }
        changes.extend(key.map(|key| (keys(&[key]), Change::Set(json!(column)))));
        let what = ROLES.get(role).copied().unwrap_or_default();
        let note = format!("{column} is used as {what}");
        self.edit(&changes, &note)
    }
}
