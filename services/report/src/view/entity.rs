//! What rows that stand out say about one thing beside the others.

/// An entity beside the others of its kind, from the rows that stand out.
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
}

/// What an entity has in common with others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    pub name: String,
    /// Its rows with it.
    pub rows: u64,
    /// The others with it, those with more rows first: the first of them.
    pub others: Vec<String>,
    /// All of them.
    pub other_count: usize,
}
