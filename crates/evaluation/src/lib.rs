//! Evaluation of scores against labelled anomalies.
//!
//! Figures equal those of scikit-learn's `roc_auc_score` and `average_precision_score`; the order of equal scores does
//! not matter. Intervals come from a bootstrap.

mod bootstrap;
mod ranking;

pub use bootstrap::{Estimate, Evaluation, evaluate};
pub use ranking::Ranking;
