//! What happens to rows between source and sinks, by how many other rows it needs.

use std::sync::Arc;

use anomal_core::{Batch, Hits, Result, Statistics, Table};
use async_trait::async_trait;

/// Which rows an operator sees together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Each row by itself: any replica may process any batch, and answers are put back in order.
    Row,
    /// All rows of a bounded source, once it has ended.
    Global,
}

/// A step of a [`Graph`](crate::Graph).
pub enum Operator {
    Row(Arc<dyn RowOperator>),
    Global(Box<dyn GlobalOperator>),
}

impl Operator {
    pub fn scope(&self) -> Scope {
        match self {
            Self::Row(_) => Scope::Row,
            Self::Global(_) => Scope::Global,
        }
    }
}

/// An operator without state.
#[async_trait]
pub trait RowOperator: Send + Sync {
    /// How many batches it can process at once, now.
    fn parallelism(&self) -> usize {
        1
    }

    /// Adds parts to a batch, or removes rows.
    async fn process(&self, batch: Batch) -> Result<Batch>;
}

/// Columns that a [`GlobalOperator`] needs of all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GlobalInputs {
    /// Of [`Batch::features`], or made by a global operator before.
    pub features: Vec<String>,
    /// Of [`Batch::typed`].
    pub typed: Vec<String>,
}

/// An operator that needs all rows at once.
#[async_trait]
pub trait GlobalOperator: Send {
    /// Names it in progress and errors.
    fn name(&self) -> &'static str;

    fn inputs(&self) -> &GlobalInputs;

    /// What it holds at its peak, as a multiple of its inputs: them, a copy in one chunk or as an engine encodes them,
    /// and its answer.
    fn memory_factor(&self) -> u64 {
        3
    }

    /// Whether its answer may have fewer rows.
    fn removes_rows(&self) -> bool {
        false
    }

    /// `rows`: the features, then the typed columns of [`GlobalOperator::inputs`], in that order and each in one
    /// chunk. Not called where no row is left.
    async fn run(&mut self, rows: Table) -> Result<GlobalOutput>;
}

/// What a global operator answers.
#[derive(Debug, Default)]
pub struct GlobalOutput {
    /// New features of the rows that are left.
    pub features: Option<Table>,
    /// Scores of the rows that are left ([`Batch::scores`]).
    pub scores: Option<Table>,
    /// Rows removed, ascending.
    pub removed: Vec<u64>,
    pub hits: Hits,
    pub statistics: Statistics,
}
