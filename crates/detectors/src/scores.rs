//! Scores of rows, with the share of each feature.

/// Scores of rows.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    pub scores: Vec<f64>,
    /// For each feature of the matrix its share in each row's score: non-negative, adding up to 1 over the
    /// features, or all 0.
    pub shares: Vec<Vec<f64>>,
    pub clusters: Option<Vec<u32>>,
    /// The rows of the smallest cluster, for the threshold `smallestCluster`.
    pub smallest_cluster: Option<Vec<bool>>,
}
