//! What a job does to its rows: the operators of its graph.

pub(crate) mod classify;
mod details;
pub(crate) mod extract;
pub(crate) mod global;
pub(crate) mod keyed;
pub(crate) mod results;
