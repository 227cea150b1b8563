//! How well scores tell labelled anomalies from the rest.
//!
//! Figures are those of scikit-learn's `roc_auc_score` and `average_precision_score`; equal scores count
//! as equal, whatever their order. Intervals are of the bootstrap.

mod bootstrap;
mod ranked;

pub use bootstrap::{Estimate, Evaluation, evaluate};
pub use ranked::Ranked;
