//! Rows that wait for a global step.

mod global;
mod rows;
mod spill;

pub(crate) use global::GlobalState;
use rows::RowBuffer;
