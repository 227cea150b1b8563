//! A job as a chain: a source, operators, sinks.

use std::sync::Arc;

use anomal_core::{Error, Result};

use crate::{
    operator::{GlobalOperator, Operator, RowOperator, Scope},
    sink::Sink,
    source::Source,
};

/// Operators run in their order: row operators in parallel while the source is read, then global ones.
pub struct Graph {
    pub source: Box<dyn Source>,
    pub operators: Vec<Operator>,
    /// Makes the results of rows that have been through all operators, and of none.
    pub results: Arc<dyn RowOperator>,
    pub sinks: Vec<Box<dyn Sink>>,
    /// Takes the records that could not be read; committed before the other sinks, since results without it would be
    /// taken for complete.
    pub dead_letters: Box<dyn Sink>,
}

/// A graph's operators by the stage in which they run.
pub(crate) struct Stages {
    pub row: Vec<Arc<dyn RowOperator>>,
    pub global: Vec<Box<dyn GlobalOperator>>,
}

impl Stages {
    /// # Errors
    /// `InvalidSettings` for a global operator behind a source that never ends; `Internal` for a row operator behind a
    /// global one.
    pub fn new(operators: Vec<Operator>, is_bounded: bool) -> Result<Self> {
        let mut stages = Self { row: Vec::new(), global: Vec::new() };
        for operator in operators {
            if operator.scope() == Scope::Global && !is_bounded {
                return Err(Error::settings(
                    "input",
                    "UNBOUNDED_INPUT",
                    "a step needs all rows and the input never ends; give the step a window",
                ));
            }
            match operator {
                Operator::Row(row) if stages.global.is_empty() => stages.row.push(row),
                Operator::Row(_) => {
                    return Err(Error::internal("a row operator behind a global one"));
                }
                Operator::Global(global) => stages.global.push(global),
            }
        }
        Ok(stages)
    }
}
