//! What a stream learns of its scores as they come: how unusual each is among those before it, and when they change.
//!
//! Everything here is a function of the rows in their order, and its state can be saved, so that a replay gives the same bits.

mod admission;
mod bytes;
mod calibration;
mod change;
mod covariance;
mod cut_forest;
mod cut_forest_of_all;
mod discoveries;
mod forest;
mod profiles;
mod rate;
mod spot;

pub use admission::Admission;
pub use calibration::Calibration;
pub use change::ChangeDetector;
pub use covariance::{Distance, MOST_COVARIANCE_FEATURES, OnlineCovariance};
pub use cut_forest::{Displacement, MOST_CUT_FEATURES};
pub use cut_forest_of_all::{MOST_FOREST_FEATURES, OnlineCutForest};
pub use discoveries::Discoveries;
pub use forest::OnlineForest;
pub use profiles::{EntityParts, Kind, ProfileOptions, Profiles, SEGMENTS, Surprise, Value};
pub use rate::Rate;
pub use spot::Spot;
