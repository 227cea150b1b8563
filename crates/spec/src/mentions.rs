//! The texts of a job that may name columns, so that an input can offer columns that it has only where they are used.

use serde_json::Value;

use crate::AnomalyJobSpec;

/// The texts of a job in its settings, except those of its input. Clones share nothing; the default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions(Vec<String>);

impl Mentions {
    /// Whether a text has this name, by itself or as a part, as in an expression.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|text| text.contains(name))
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.0.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(members) => members.values().for_each(|member| self.add(member)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

impl From<&AnomalyJobSpec> for Mentions {
    fn from(spec: &AnomalyJobSpec) -> Self {
        let mut mentions = Self::default();
        if let Ok(Value::Object(sections)) = serde_json::to_value(spec) {
            let sections = sections.iter().filter(|(section, _)| *section != "input");
            sections.for_each(|(_, section)| mentions.add(section));
        }
        mentions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CsvInput;

    #[test]
    fn texts_are_those_of_all_sections_but_the_input() {
        let features = serde_json::json!([
            {"type": "metric", "name": "list_count", "dataNeeded": ["dns.queries.rrname"]},
            {"type": "expression", "name": "x", "expression": "a.b || 'c'"},
        ]);
        let spec = AnomalyJobSpec {
            input: CsvInput::new("in.csv").into(),
            time_column: Some("@timestamp".into()),
            features: serde_json::from_value(features).unwrap(),
            ..AnomalyJobSpec::default()
        };
        let mentions = Mentions::from(&spec);
        for name in ["dns.queries.rrname", "a.b", "@timestamp"] {
            assert!(mentions.contains(name), "{name}");
        }
        for name in ["in.csv", "dns.queries.rrtype", "A.B"] {
            assert!(!mentions.contains(name), "{name}");
        }
        assert!(!Mentions::default().contains("a"));
    }
}
