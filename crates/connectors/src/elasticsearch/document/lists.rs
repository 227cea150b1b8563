//! The lists in a row's results: its flags, and the features that contributed most.

use anomal_core::Result;
use polars::prelude::{Column, Float64Chunked, ListChunked, StringChunked};
use polars_arrow::array::Array;

/// The flags of rows.
pub(super) struct Flags {
    lists: ListChunked,
    names: StringChunked,
}

/// The reasons of rows: feature and share.
pub(super) struct Reasons {
    lists: ListChunked,
    features: StringChunked,
    shares: Float64Chunked,
}

impl Flags {
    pub fn new(column: &Column) -> Result<Self> {
        let lists = column.list()?.rechunk().into_owned();
        let names = lists.get_inner().str()?.clone();
        Ok(Self { lists, names })
    }

    pub fn get(&self, row: usize) -> impl Iterator<Item = &str> + Clone {
        range(&self.lists, row).filter_map(|place| self.names.get(place))
    }
}

impl Reasons {
    pub fn new(column: &Column) -> Result<Self> {
        let lists = column.list()?.rechunk().into_owned();
        let inner = lists.get_inner();
        let pairs = inner.struct_()?;
        let features = pairs.field_by_name("feature")?.str()?.clone();
        let shares = pairs.field_by_name("share")?.f64()?.clone();
        Ok(Self { lists, features, shares })
    }

    pub fn get(&self, row: usize) -> impl Iterator<Item = (&str, f64)> {
        let pair = |place| Some((self.features.get(place)?, self.shares.get(place)?));
        range(&self.lists, row).filter_map(pair)
    }
}

/// The range of a row's items among the items of all rows.
fn range(lists: &ListChunked, row: usize) -> std::ops::Range<usize> {
    let chunk = lists.downcast_as_array();
    if !chunk.is_valid(row) {
        return 0..0;
    }
    let (start, end) = chunk.offsets().start_end(row);
    start..end
}
