use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Incidents that people know: a run marks their rows, and counts the incidents apart. It never removes rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Suppressions {
    /// A file of suppressions, as `anomal verdicts suppressions` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4_096))]
    pub path: Option<String>,
    /// Whether the verdicts with an end in the store of reports are suppressions.
    #[serde(default)]
    pub report: bool,
}
