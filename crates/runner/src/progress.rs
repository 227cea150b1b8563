//! Progress of a run.

use anomal_core::FitStep;
use serde::Serialize;
use tracing::{Span, info_span};

/// The stages of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// The settings are checked against the input's columns.
    Plan,
    /// Records are read and their row-wise features and flags computed (and, where nothing needs the
    /// whole table, written).
    Extract,
    /// Aggregates by key and time, and what reads them.
    Aggregate,
    /// Features and flags that need all rows.
    WholeTable,
    /// Rows are compared and scored.
    Classify,
    /// Results are written.
    Write,
    /// The report goes to where it is kept.
    Publish,
}

impl Stage {
    pub const ALL: [Self; 7] = [
        Self::Plan,
        Self::Extract,
        Self::Aggregate,
        Self::WholeTable,
        Self::Classify,
        Self::Write,
        Self::Publish,
    ];

    pub fn label(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Extract => "read and extract",
            Self::Aggregate => "aggregates by key and time",
            Self::WholeTable => "whole-table features and flags",
            Self::Classify => "classify",
            Self::Write => "write",
            Self::Publish => "publish",
        }
    }

    /// Its place in the trace of a run.
    pub(crate) fn span(self) -> Span {
        match self {
            Self::Plan => info_span!("plan"),
            Self::Extract => info_span!("extract"),
            Self::Aggregate => info_span!("aggregate"),
            Self::WholeTable => info_span!("whole_table"),
            Self::Classify => info_span!("classify"),
            Self::Write => info_span!("write"),
            Self::Publish => info_span!("publish"),
        }
    }
}

/// Receives a run's progress, from several threads.
pub trait Observer: Send + Sync {
    fn stage(&self, stage: Stage);

    /// `rows` so far in this stage; `done` of `total` in the stage's own unit (bytes read, rows).
    fn progress(&self, rows: u64, done: u64, total: Option<u64>);

    /// A step of [`Stage::Classify`] over `rows` has begun.
    fn step(&self, rows: u64, step: &FitStep);
}

/// Reports nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Observer for Quiet {
    fn stage(&self, _: Stage) {}

    fn progress(&self, _: u64, _: u64, _: Option<u64>) {}

    fn step(&self, _: u64, _: &FitStep) {}
}
