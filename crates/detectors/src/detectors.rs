//! The detectors by family.

/// By the frequencies of values and of pairs of values.
pub(crate) mod categorical {
    mod bins;
    pub mod frequency;
    mod pairs;
}
/// By means and covariances.
pub(crate) mod covariance {
    pub mod mcd;
    pub mod mixture;
    pub mod pca;
    mod quadratic;
}
pub(crate) mod ensemble;
pub(crate) mod gower;
/// By the distribution of each feature.
pub(crate) mod marginal {
    mod additive;
    pub mod copod;
    pub mod ecod;
    pub mod hbos;
    pub mod tails;
}
/// By distances.
pub(crate) mod proximity {
    pub mod cblof;
    pub mod knn;
    pub mod lof;
    pub mod neighbors;
    pub mod ocsvm;
}
/// By random splits and projections.
pub(crate) mod random {
    mod extended;
    pub mod forest;
    pub mod loda;
}
