//! Features of type aggregate: the value of a row is that of the rows of its key in the window that ends with it.

mod columns;
mod counts;
mod distinct;
mod exact_sum;
mod extremes;
mod keyed;
mod states;
mod step;
mod sums;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use states::{AggregateStates, frozen_by_name};
pub(crate) use step::{Aggregate, AggregateCache};
