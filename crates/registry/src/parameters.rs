//! Parameters of items: their schema, their deserialisation, and errors that name the parameter.

use std::{
    fmt::Display,
    ops::{Bound, RangeBounds},
};

use anomal_spec::{Parameters, suggestion};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::de::DeserializeOwned;

/// An invalid parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {message}")]
pub struct ParameterError {
    /// Empty if the error concerns all parameters together.
    pub parameter: String,
    pub problem: ParameterProblem,
    pub message: String,
}

/// The kind of a [`ParameterError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterProblem {
    /// The item has no parameter of this name.
    Unknown,
    /// The value has the wrong type, or is out of its range.
    Invalid,
}

impl ParameterError {
    /// A name that is none of the known ones.
    pub fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Self {
        let message = format!("unknown parameter; {}", suggestion(name, known));
        Self { parameter: name.to_owned(), problem: ParameterProblem::Unknown, message }
    }

    /// An invalid value.
    pub fn new(parameter: impl Into<String>, message: impl Into<String>) -> Self {
        let problem = ParameterProblem::Invalid;
        Self { parameter: parameter.into(), problem, message: message.into() }
    }
}

/// The JSON Schema (draft 2020-12) of a parameter type.
pub fn schema_of<P: JsonSchema>() -> serde_json::Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
    SchemaGenerator::new(settings).into_root_schema_for::<P>().to_value()
}

/// Deserialises parameters.
///
/// # Errors
/// The first parameter with an unknown name, then the first with a value of the wrong type.
pub fn parameters<P: DeserializeOwned + JsonSchema>(
    given: &Parameters,
) -> Result<P, ParameterError> {
    let schema = schema_of::<P>();
    let properties = schema["properties"].as_object();
    let known = || properties.into_iter().flat_map(|known| known.keys().map(String::as_str));
    if let Some(unknown) = given.keys().find(|name| !known().any(|known| known == name.as_str())) {
        return Err(ParameterError::unknown(unknown, known()));
    }
    // One by one, so that the error can name the parameter.
    for (name, value) in given {
        let alone = Parameters::from_iter([(name.clone(), value.clone())]);
        if let Err(error) = serde_json::from_value::<P>(alone.into())
            && !error.to_string().starts_with("missing field")
        {
            return Err(ParameterError::new(name, error.to_string()));
        }
    }
    serde_json::from_value(given.clone().into())
        .map_err(|error| ParameterError::new("", error.to_string()))
}

/// Checks that a parameter is in a range, which includes its ends; the end may be open.
///
/// # Errors
/// The range, if the value is outside it (as NaN is).
pub fn within<T: PartialOrd + Display + Copy>(
    parameter: &str,
    value: T,
    range: impl RangeBounds<T>,
) -> Result<(), ParameterError> {
    if range.contains(&value) {
        return Ok(());
    }
    let bound = |bound| match bound {
        Bound::Included(end) | Bound::Excluded(end) => Some(end),
        Bound::Unbounded => None,
    };
    let message = match (bound(range.start_bound()), bound(range.end_bound())) {
        (Some(least), Some(most)) => format!("{value} is not between {least} and {most}"),
        (Some(least), None) => format!("{value} is not {least} or more"),
        (None, Some(most)) => format!("{value} is not {most} or less"),
        (None, None) => format!("{value} is not a number"),
    };
    Err(ParameterError::new(parameter, message))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Example {
        keyword: String,
        #[serde(default)]
        max_share: f64,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    fn example(given: serde_json::Value) -> Result<Example, ParameterError> {
        parameters(&serde_json::from_value(given).unwrap())
    }

    #[test]
    fn parameters_are_deserialised() {
        let expected = Example { keyword: "a".into(), max_share: 0.5 };
        assert_eq!(example(json!({"keyword": "a", "maxShare": 0.5})), Ok(expected));
        assert!(schema_of::<Example>()["properties"]["maxShare"].is_object());
    }

    #[test]
    fn an_error_names_its_parameter() {
        let error = example(json!({"keywort": "a"})).unwrap_err();
        assert_eq!(error.problem, ParameterProblem::Unknown);
        assert_eq!(error.to_string(), "keywort: unknown parameter; did you mean `keyword`?");
        let error = example(json!({"keyword": "a", "maxShare": "x"})).unwrap_err();
        assert_eq!(
            (error.parameter.as_str(), error.problem),
            ("maxShare", ParameterProblem::Invalid)
        );
        let error = example(json!({"maxShare": 1.0})).unwrap_err();
        assert_eq!(error.parameter, "");
        assert!(error.message.contains("keyword"), "{error}");
        let given = serde_json::from_value(json!({"x": 1})).unwrap();
        let error = parameters::<Nothing>(&given).unwrap_err();
        assert_eq!(error.message, "unknown parameter; there are none");
    }

    #[test]
    fn ranges_include_their_ends() {
        let message = |result: Result<(), ParameterError>| result.unwrap_err().message;
        assert_eq!(within("n", 2, 2..=50), Ok(()));
        assert_eq!(within("n", 50, 2..=50), Ok(()));
        assert_eq!(message(within("n", 51, 2..=50)), "51 is not between 2 and 50");
        assert_eq!(message(within("n", -0.5, 0.0..)), "-0.5 is not 0 or more");
        assert_eq!(message(within("n", f64::NAN, 0.0..=1.0)), "NaN is not between 0 and 1");
    }
}
