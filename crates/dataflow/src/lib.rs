//! The dataflow of a job: a [`Graph`] of one source, operators and sinks, and the executor that runs it.
//!
//! A batch job is a stream that ends: its source sends [`Element::End`](anomal_core::Element), and what needs all rows
//! (scope [`Global`](anomal_core::Scope)) runs then. Nothing here knows settings, a file format or an engine's protocol.

mod executor;
mod graph;
mod operator;
mod sink;
mod source;
mod state;

pub use executor::{Execution, ExecutorOptions, Monitor, Step, execute};
pub use graph::Graph;
pub use operator::{
    AllRows, GlobalOperator, Inputs, KeyedOperator, Operator, OperatorOutput, ResultsOperator,
    RowOperator,
};
pub use sink::{Capabilities, PreparedEpoch, Sink, WriteOutcome};
pub use source::{
    ChunkDecoder, Reader, RecordAttributes, SkipTo, Source, Split, TextChunk, read_batches,
};
