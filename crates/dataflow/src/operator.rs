//! What happens to rows between source and sinks, by how many other rows it needs.

use std::sync::Arc;

use anomal_core::{Batch, Hits, Result, Scope, Statistics, Table};
use async_trait::async_trait;

/// A step of a [`Graph`](crate::Graph).
pub enum Operator {
    Row(Arc<dyn RowOperator>),
    Keyed(Box<dyn KeyedOperator>),
    Global(Box<dyn GlobalOperator>),
}

impl Operator {
    pub fn scope(&self) -> Scope {
        match self {
            Self::Row(_) => Scope::Row,
            Self::Keyed(_) => Scope::Keyed,
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

/// What makes the results of rows that have been through all operators.
#[async_trait]
pub trait ResultsOperator: Send + Sync {
    /// Features that [`ResultsOperator::prepare`] needs.
    fn inputs(&self) -> Vec<String> {
        Vec::new()
    }

    /// Sees all rows before the first of them is processed, where they wait for the end of the source.
    ///
    /// # Errors
    /// `Internal`.
    fn prepare(&self, _rows: &AllRows<'_>) -> Result<()> {
        Ok(())
    }

    /// Adds [`Batch::results`].
    async fn process(&self, batch: Batch) -> Result<Batch>;
}

/// All rows of a run that are left, in order.
pub struct AllRows<'a> {
    /// Their features, of those that an operator needs or has made.
    pub features: &'a Table,
    /// Their scores, where they have any.
    pub scores: Option<&'a Table>,
    /// Sorted.
    pub hits: &'a Hits,
}

/// Columns of rows that an operator needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Of [`Batch::features`], or made by an operator before.
    pub features: Vec<String>,
    /// Of [`Batch::typed`].
    pub typed: Vec<String>,
}

/// An operator that sees the rows of a key in the order of their times, and keeps a state for each key.
#[async_trait]
pub trait KeyedOperator: Send {
    /// Names it in progress and errors.
    fn name(&self) -> &'static str;

    fn inputs(&self) -> &Inputs;

    /// One of the typed inputs: the times of rows, as Datetime(µs).
    fn time_column(&self) -> &str;

    /// As [`GlobalOperator::memory_factor`].
    fn memory_factor(&self) -> u64 {
        3
    }

    /// Processes rows whose order is known: all those with a time up to `watermark` that no call before had, and rows
    /// without a time. `rows` is as in [`GlobalOperator::run`], in the order in which the rows were read. No watermark:
    /// these are the last rows.
    async fn process(&mut self, rows: Table, watermark: Option<i64>) -> Result<OperatorOutput>;

    /// The states of all keys.
    ///
    /// # Errors
    /// `Internal`.
    fn snapshot(&self) -> Result<Vec<u8>>;

    /// Continues from a snapshot, before the first row.
    ///
    /// # Errors
    /// `InvalidRequest` if it is damaged.
    fn restore(&mut self, snapshot: &[u8]) -> Result<()>;
}

/// An operator that needs all rows at once.
#[async_trait]
pub trait GlobalOperator: Send {
    /// Names it in progress and errors.
    fn name(&self) -> &'static str;

    fn inputs(&self) -> &Inputs;

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
    async fn run(&mut self, rows: Table) -> Result<OperatorOutput>;
}

/// What an operator answers for the rows that it was given.
#[derive(Debug, Default)]
pub struct OperatorOutput {
    /// New features of the rows that are left.
    pub features: Option<Table>,
    /// Scores of the rows that are left ([`Batch::scores`]).
    pub scores: Option<Table>,
    /// Rows removed, ascending: by global operators alone.
    pub removed: Vec<u64>,
    pub hits: Hits,
    pub statistics: Statistics,
}

/// A keyed operator over a source that ends: its rows are complete at the end, once.
pub(crate) struct AtEnd(pub Box<dyn KeyedOperator>);

#[async_trait]
impl GlobalOperator for AtEnd {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn inputs(&self) -> &Inputs {
        self.0.inputs()
    }

    fn memory_factor(&self) -> u64 {
        self.0.memory_factor()
    }

    async fn run(&mut self, rows: Table) -> Result<OperatorOutput> {
        self.0.process(rows, None).await
    }
}
