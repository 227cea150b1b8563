//! What the rows of a report say about one thing beside the others.

use super::{Record, incidents::Timeline};

/// An entity beside the others of its kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntityDetails {
    /// What its rows are about on the other side, those with more rows first: the first of them.
    pub partners: Vec<Shared>,
    /// All of them.
    pub partner_count: usize,
    /// Flags that have hit its rows, those with more rows first.
    pub flags: Vec<Shared>,
    /// The quartiles of its values, for each of the report's features, in order; none of what is no number.
    pub features: Vec<Option<[f64; 3]>>,
    /// Whether these are of all its rows; else of those that stand out.
    pub has_all_values: bool,
    /// All its rows by time, in the intervals of the report's timeline; none where they are not known.
    pub timeline: Option<Timeline>,
}

/// What an entity has in common with others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    pub name: String,
    /// Its rows with it that stand out.
    pub rows: u64,
    /// All its rows with it; 0: that is not known.
    pub all_rows: u64,
    /// The others with it that stand out, those with more rows first: the first of them.
    pub others: Vec<String>,
    /// All of them.
    pub other_count: usize,
}

/// Rows of an entity that do not stand out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OtherRows {
    /// Those nearest to what was asked for, in the order of their times.
    pub items: Vec<Record>,
    /// All of them.
    pub total: u64,
    /// Whether some that are nearer were not read, as they are in too many parts of the table.
    pub is_partial: bool,
}

/// Where to look for other rows of an entity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Around {
    /// Microseconds since the epoch; rows without times are near by their numbers.
    pub time: Option<i64>,
    pub row: u64,
    /// Columns of the records, by their places in the report.
    pub columns: Vec<usize>,
    pub limit: usize,
}
