//! A step: its work, its inputs and its scope.

use anomal_components::Computation;
use anomal_core::Scope;

use crate::{
    aggregate::Aggregate, columns::Columns, declarative::DeclaredStep, expression::Expression,
    window_flag::WindowFlag,
};

/// The work of a step.
pub(crate) enum Work {
    /// Copies a column.
    Field(String),
    Component {
        computation: Computation,
        inputs: Vec<Option<String>>,
    },
    /// A component of a declarative pack.
    Declared(Box<DeclaredStep>),
    Expression(Expression),
    Aggregate(Aggregate),
    Window(Box<WindowFlag>),
}

/// A step, its inputs and its scope.
pub(crate) struct Step {
    pub name: String,
    pub work: Work,
    pub scope: Scope,
    /// The columns and features that it reads.
    pub reads: Vec<String>,
}

impl Step {
    pub fn new(name: &str, work: Work, scope: Scope) -> Self {
        let reads = match &work {
            Work::Field(column) => vec![column.clone()],
            Work::Component { inputs, .. } => inputs.iter().flatten().cloned().collect(),
            Work::Declared(declared) => declared.reads(),
            Work::Expression(expression) => expression.columns.clone(),
            Work::Aggregate(aggregate) => aggregate.reads(),
            Work::Window(flag) => flag.reads(),
        };
        Self { name: name.to_owned(), work, scope, reads }
    }

    /// Whether it aggregates all rows of a key so far.
    pub fn is_unbounded(&self) -> bool {
        let aggregate = match &self.work {
            Work::Aggregate(aggregate) => Some(aggregate),
            Work::Declared(declared) => declared.aggregate.as_ref().map(|it| &it.aggregate),
            _ => None,
        };
        aggregate.is_some_and(|aggregate| aggregate.window.is_none())
    }

    /// Reads a column under its own name where its text, or its times, are all that is read of it.
    pub fn settle_names(&mut self, columns: &Columns) {
        let settle = |name: &mut String| {
            let settled = columns.settled(name);
            if settled != name {
                *name = settled.to_owned();
            }
        };
        match &mut self.work {
            Work::Field(column) => settle(column),
            Work::Component { inputs, .. } => inputs.iter_mut().flatten().for_each(settle),
            Work::Declared(declared) => declared.columns_mut().for_each(settle),
            Work::Aggregate(aggregate) => settle(&mut aggregate.time),
            Work::Window(flag) => flag.names_mut().for_each(settle),
            Work::Expression(_) => {}
        }
        self.reads.iter_mut().for_each(settle);
    }
}
