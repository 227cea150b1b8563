//! The `AnomalyJob` as an object of the API server.

mod crd;
mod figures;
mod object;
mod status;

pub use crd::crd;
pub use figures::{LagFigures, StreamFigures};
pub use object::{AnomalyJob, Spec};
pub use status::{Condition, Phase, Status, Summary, condition};
