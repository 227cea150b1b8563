//! Rows that wait for a step.

mod global;
mod keyed;
mod rows;
mod spill;

use anomal_core::{Code, Error};

pub(crate) use global::GlobalState;
pub(crate) use keyed::KeyedState;
use rows::RowBuffer;

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
