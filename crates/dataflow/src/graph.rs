//! A job as a chain: a source, operators, sinks.

use std::sync::Arc;

use anomal_core::{Error, Result, Scope};

use crate::{
    operator::{AtEnd, GlobalOperator, KeyedOperator, Operator, ResultsOperator, RowOperator},
    sink::Sink,
    source::Source,
};

/// Operators run in their order, which is that of their scopes: row operators in parallel while the source is read, keyed
/// ones as times are complete, then global ones.
pub struct Graph {
    pub source: Box<dyn Source>,
    pub operators: Vec<Operator>,
    /// Makes the results of rows that have been through all operators, and of none.
    pub results: Arc<dyn ResultsOperator>,
    pub sinks: Vec<Box<dyn Sink>>,
    /// Takes the records that could not be read; committed before the other sinks, since results without it would be
    /// taken for complete.
    pub dead_letters: Box<dyn Sink>,
}

/// A graph's operators by the stage in which they run.
pub(crate) struct Stages {
    pub row: Vec<Arc<dyn RowOperator>>,
    /// Where rows are complete before the end.
    pub keyed: Vec<Box<dyn KeyedOperator>>,
    /// At the end of the source.
    pub global: Vec<Box<dyn GlobalOperator>>,
}

impl Stages {
    /// # Errors
    /// `InvalidSettings` for an operator whose rows are never complete, because the source does not end or does not
    /// know how far its times are; `Internal` for operators that are not in the order of their scopes.
    pub fn new(operators: Vec<Operator>, source: &dyn Source) -> Result<Self> {
        let scopes: Vec<Scope> = operators.iter().map(Operator::scope).collect();
        if !scopes.is_sorted() {
            return Err(Error::internal("an operator behind one of a larger scope"));
        }
        let widest = scopes.last().copied().unwrap_or(Scope::Row);
        if !source.is_bounded() {
            refuse_unbounded(widest, source.has_watermarks())?;
        }
        let before_end = widest == Scope::Keyed && source.has_watermarks();
        let mut stages = Self { row: Vec::new(), keyed: Vec::new(), global: Vec::new() };
        for operator in operators {
            match operator {
                Operator::Row(row) => stages.row.push(row),
                Operator::Keyed(keyed) if before_end => stages.keyed.push(keyed),
                Operator::Keyed(keyed) => stages.global.push(Box::new(AtEnd(keyed))),
                Operator::Global(global) => stages.global.push(global),
            }
        }
        Ok(stages)
    }
}

fn refuse_unbounded(widest: Scope, has_watermarks: bool) -> Result<()> {
    let message = match widest {
        Scope::Global => "a step needs all rows and the input never ends; give the step a window",
        Scope::Keyed if !has_watermarks => {
            "a step has windows of time and the input neither ends nor has times; give it a time column"
        }
        Scope::Row | Scope::Keyed => return Ok(()),
    };
    Err(Error::settings("input", "UNBOUNDED_INPUT", message))
}
