//! Named items, such as the components of packs and detectors, and the parameters that settings give them.
//!
//! A registry owns its items, so that a program or a test can register its own beside the built-in ones.

mod parameters;
mod registry;
mod seconds;

pub use parameters::{ParameterError, ParameterProblem, parameters, schema_of, within};
pub use registry::{DuplicateName, Registry};
pub use seconds::Seconds;
