//! How a value stands among those of all rows.

/// How often values like it occur.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// More often than the others.
    #[default]
    Common,
    /// A number outside of 5 %..95 % of the rows; a category of at most 5 % of the rows.
    Unusual,
    /// A number outside of 1 %..99 % of the rows; a category of at most 1 % of the rows, or not among the listed.
    Rare,
}

impl State {
    /// The state of a value that `share` (0..1) of all rows have.
    pub fn from_share(share: f64) -> Self {
        match share {
            _ if share <= 0.01 => Self::Rare,
            _ if share <= 0.05 => Self::Unusual,
            _ => Self::Common,
        }
    }
}

/// On which side of the others a value is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Side {
    #[default]
    High,
    Low,
    Missing,
    /// A category, or the text of a number that stands for something else.
    Value(String),
}

/// Of a value of a feature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub state: State,
    pub side: Side,
}
