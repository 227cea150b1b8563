//! Gower's general coefficient of similarity (Gower 1971, "A General Coefficient of Similarity and Some
//! of Its Properties", Biometrics 27) with weights, and what is made of it: neighbours, complete
//! linkage, a map.
//!
//! The distance of two rows is the weighted mean, over the features that both have, of |a - b| / range
//! for numbers and of 0 or 1 for categories; 1 where they share none, 0 of a row to itself. All is f32 and
//! by blocks of fixed size, so that results do not depend on the number of threads.

mod classical;
pub(crate) mod clusters;
pub(crate) mod distances;
pub(crate) mod encoding;
pub(crate) mod linkage;
pub(crate) mod map;
mod merging;
pub(crate) mod neighbors;
mod nmds;
mod packed_rows;
pub(crate) mod representatives;
pub(crate) mod tiles;

#[cfg(test)]
mod tests;
