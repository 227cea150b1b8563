//! Gower's general coefficient of similarity (Gower 1971, "A General Coefficient of Similarity and Some of Its
//! Properties", Biometrics 27) with weights, and what is computed from it: neighbours, complete linkage, a map.
//!
//! The distance of two rows is the weighted mean, over the features present in both, of |a - b| / range for numbers and
//! of 0 or 1 for categories. It is 1 without common features, and 0 from a row to itself. Distances are f32 and
//! computed in blocks of fixed size, so that results do not depend on the number of threads.

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
