//! What a report shows of any detector's result: features by group, and how they go together.

mod correlations;
mod summaries;

pub(crate) use correlations::correlations;
pub(crate) use summaries::summaries;
