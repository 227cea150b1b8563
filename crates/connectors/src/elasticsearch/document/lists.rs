//! The lists in a row's results: its flags, and the features that contributed most.

use anomal_core::Result;
use polars::prelude::{Column, Float64Chunked, ListChunked, StringChunked};
use polars_arrow::array::Array;

use super::{cells::list, object::optional};
use crate::json_value::push_text;

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

/// What flags found in rows.
pub(super) struct Details {
    lists: ListChunked,
    flags: StringChunked,
    names: StringChunked,
    numbers: Float64Chunked,
    texts: StringChunked,
}

impl Details {
    pub fn new(column: &Column) -> Result<Self> {
        let lists = column.list()?.rechunk().into_owned();
        let inner = lists.get_inner();
        let all = inner.struct_()?;
        let text =
            |name: &str| -> Result<StringChunked> { Ok(all.field_by_name(name)?.str()?.clone()) };
        let numbers = all.field_by_name("number")?.f64()?.clone();
        Ok(Self {
            flags: text("flag")?,
            names: text("name")?,
            texts: text("text")?,
            numbers,
            lists,
        })
    }

    /// Appends `,"details":[{"flag":…,"name":…,"number":…,"text":…},…]` if the row has some.
    pub fn put(&self, row: usize, out: &mut Vec<u8>) {
        let places = range(&self.lists, row);
        if places.is_empty() {
            return;
        }
        out.extend_from_slice(b",\"details\":");
        list(out, places, |out, place| {
            out.extend_from_slice(b"{\"flag\":");
            push_text(out, self.flags.get(place).unwrap_or_default());
            out.extend_from_slice(b",\"name\":");
            push_text(out, self.names.get(place).unwrap_or_default());
            optional(out, b",\"number\":", self.numbers.get(place));
            if let Some(text) = self.texts.get(place) {
                out.extend_from_slice(b",\"text\":");
                push_text(out, text);
            }
            out.push(b'}');
        });
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
