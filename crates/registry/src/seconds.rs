//! Lengths of time among parameters.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// Seconds: a number, or a duration such as `90s` or `7d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "Given")]
pub struct Seconds(pub f64);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a number of seconds, or a duration such as 30s, 5m, 1h, 7d or 2w")]
enum Given {
    Number(f64),
    Duration(String),
}

impl TryFrom<Given> for Seconds {
    type Error = String;

    fn try_from(given: Given) -> Result<Self, String> {
        match given {
            Given::Number(seconds) => Ok(Self(seconds)),
            Given::Duration(text) => {
                let seconds = anomal_spec::seconds(&text).ok_or_else(|| {
                    format!("`{text}` is no duration: write it as 30s, 5m, 1h, 7d or 2w, or as a number of seconds")
                })?;
                Ok(Self(seconds as f64))
            }
        }
    }
}

impl JsonSchema for Seconds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Seconds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["number", "string"], "pattern": "^[0-9]+[smhdw]$"})
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn they_are_a_number_or_a_duration() {
        for (given, seconds) in [(json!(90), 90.0), (json!(0.5), 0.5), (json!("7d"), 604_800.0)] {
            assert_eq!(from_value::<Seconds>(given).unwrap(), Seconds(seconds));
        }
        let refused = from_value::<Seconds>(json!("7 days")).unwrap_err().to_string();
        assert!(refused.contains("`7 days` is no duration"), "{refused}");
        let refused = from_value::<Seconds>(json!([7])).unwrap_err().to_string();
        assert!(refused.contains("a number of seconds, or a duration"), "{refused}");
    }
}
