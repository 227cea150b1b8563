//! Parameters of detectors, as settings give them below `classification.parameters`.

use anomal_core::Error;
use anomal_registry::ParameterProblem;
pub(crate) use anomal_registry::{ParameterError, parameters, within};
use schemars::JsonSchema;

/// The JSON Schema of a parameter type as text.
pub(crate) fn schema_of<P: JsonSchema>() -> String {
    anomal_registry::schema_of::<P>().to_string()
}

/// The error of an engine for a wrong parameter.
pub fn parameter_error(error: ParameterError) -> Error {
    let path = match error.parameter.as_str() {
        "" => "classification.parameters".to_owned(),
        name => format!("classification.parameters.{name}"),
    };
    let reason = match error.problem {
        ParameterProblem::Unknown => "PARAMETER_UNKNOWN",
        ParameterProblem::Invalid => "PARAMETER_INVALID",
    };
    Error::settings(path, reason, error.message)
}
