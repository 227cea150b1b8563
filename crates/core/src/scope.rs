//! How many other rows a step needs.

use crate::proto;

/// Which rows a step sees together. A step that reads what another one makes has at least the scope of that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Each row by itself: any replica may process any batch, and answers are put back in order.
    Row,
    /// The rows of a key in the order of their times, as far as these are complete.
    Keyed,
    /// All rows of a bounded source, once it has ended.
    Global,
}

impl From<Scope> for proto::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Row => Self::Row,
            Scope::Keyed => Self::Keyed,
            Scope::Global => Self::Global,
        }
    }
}

impl From<proto::Scope> for Scope {
    fn from(scope: proto::Scope) -> Self {
        match scope {
            proto::Scope::Row | proto::Scope::Unspecified => Self::Row,
            proto::Scope::Keyed => Self::Keyed,
            proto::Scope::Global => Self::Global,
        }
    }
}
