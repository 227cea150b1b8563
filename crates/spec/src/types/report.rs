use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A page that lets a person judge the result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    /// What it is called; the job's name by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub title: Option<String>,
    /// Of a stream: how often there is one of what was judged since the one before, such as `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub every: Option<String>,
    /// How long it is kept, such as `30d` (s, m, h, d or w); for ever by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub keep: Option<String>,
}

/// A duration such as `30d` in seconds.
pub fn seconds(duration: &str) -> Option<u64> {
    let (number, unit) = duration.split_at_checked(duration.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit).filter(|seconds| *seconds > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        let durations =
            ["30d", "1s", "2w", "0d", "d", "", "3", "1.5h", "99999999999999999999d", "é"];
        let expected =
            [Some(2_592_000), Some(1), Some(1_209_600), None, None, None, None, None, None, None];
        assert_eq!(durations.map(seconds), expected);
    }
}
