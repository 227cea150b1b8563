//! Rows that wait for a step.

mod global;
mod keyed;
mod rows;
mod spill;

use anomal_core::{Batch, Code, Error};

pub(crate) use global::GlobalState;
pub(crate) use keyed::KeyedState;
use rows::RowBuffer;

/// Bytes of a batch's rows, without their results.
fn row_bytes(batch: &Batch) -> u64 {
    let parts = [&batch.raw, &batch.typed, &batch.features];
    let columns: usize = parts.iter().map(|part| part.estimated_size()).sum();
    (columns + size_of::<u64>() * batch.height()) as u64
}

/// What bounds the rows that wait, in bytes.
#[derive(Clone, Copy)]
enum Limit {
    /// `--memory`.
    Budget(u64),
    /// What the process may use.
    Process(u64),
}

/// The error of a step whose `rows` need more bytes than there may be.
fn over_limit(step: &str, rows: &str, needed: u64, limit: Limit) -> Error {
    let (bytes, limit, remedy) = match limit {
        Limit::Budget(bytes) => (bytes, "the budget is", "raise --memory"),
        Limit::Process(bytes) => (bytes, "the process may use", "give it more memory"),
    };
    Error::new(
        Code::ResourceExhausted,
        "MEMORY_BUDGET",
        format!(
            "{step}: needs {rows} in memory, about {} MiB; {limit} {} MiB: {remedy}, or let the job read fewer rows or \
             name fewer features",
            needed.div_ceil(1 << 20),
            bytes >> 20
        ),
    )
}
