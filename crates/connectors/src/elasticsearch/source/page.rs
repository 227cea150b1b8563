//! Parses a page of hits into columns. Objects are flattened with dots.
//!
//! Values are those of the documents, converted to the mapping's type as the server does: `"5"` is 5 in a column of whole
//! numbers. Values that are not in the document (derived fields), and times in a custom format, come from the server.

use std::borrow::Cow;

use anomal_core::Result;
use polars::prelude::{Column, DataFrame};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    convert::convert,
    flatten::{DocumentValue, Values, flatten},
    plan::{ColumnPlan, Plan},
    search_error::partial,
};
use crate::{
    column::{Cell, ColumnBuilder, StorageType},
    datetime,
    source::{RAW_BYTES, raw_text},
};

/// The column of the documents' ids, the first one of a page; the plan's columns follow.
pub(super) const ID: &str = "_id";

/// A page: documents sorted by sequence number, then by id.
pub(super) struct Page {
    /// All documents.
    pub rows: Vec<Row>,
    /// The columns of the readable documents.
    pub frame: DataFrame,
    /// Set if the page was full: documents from this number on were left for the next page, since some with this number
    /// may be missing.
    pub end: Option<i64>,
    /// Hits in the response.
    pub hits: usize,
    /// Bytes in the response.
    pub bytes: usize,
    /// Columns whose values have to be requested from the server, since their times have a custom format.
    pub unclear: Vec<usize>,
}

/// A document.
#[derive(Debug)]
pub(super) struct Row {
    /// Bytes of the values as text, by which batches are limited.
    pub bytes: usize,
    pub bad: Option<Box<BadDocument>>,
}

/// A document that can't be read.
#[derive(Debug)]
pub(super) struct BadDocument {
    pub id: String,
    /// The name of the column at fault.
    pub column: Option<String>,
    pub reason: String,
    pub raw: String,
}

#[derive(Deserialize)]
struct SearchResponse<'a> {
    #[serde(default)]
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Deserialize)]
struct Shards {
    failed: u64,
}

#[derive(Deserialize)]
struct Hits<'a> {
    #[serde(borrow)]
    hits: Vec<Hit<'a>>,
}

#[derive(Deserialize)]
struct Hit<'a> {
    #[serde(rename = "_id", borrow)]
    id: Cow<'a, str>,
    #[serde(rename = "_source", borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    fields: Option<&'a RawValue>,
    /// A list that starts with the sequence number.
    #[serde(borrow)]
    sort: &'a RawValue,
}

/// Reads the documents of a page.
struct PageReader<'p, 'a> {
    plan: &'p Plan,
    /// For each column, whether its values were requested from the server.
    asked: &'p [bool],
    values: Values<'a>,
    served: Values<'a>,
    cells: Vec<(usize, Cell<'a>)>,
    ids: ColumnBuilder,
    columns: Vec<ColumnBuilder>,
    height: usize,
    unclear: Vec<bool>,
}

impl Plan {
    /// Parses the response to a search for at most `size` documents. `asked`: for each column, whether its values were
    /// requested from the server.
    ///
    /// # Errors
    /// `Unavailable` if the response is incomplete; another attempt may succeed.
    pub fn page(&self, body: &[u8], asked: &[bool], size: u64) -> Result<Page> {
        let answer: SearchResponse = serde_json::from_slice(body).map_err(|error| {
            partial(&format!("a response is truncated or not understood: {error}"))
        })?;
        if answer.shards.failed > 0 {
            return Err(partial(&format!("{} shards failed", answer.shards.failed)));
        }
        if answer.timed_out {
            return Err(partial("the search timed out"));
        }
        let count = answer.hits.hits.len();
        let mut hits = Vec::with_capacity(count);
        for hit in answer.hits.hits {
            hits.push((hit.number()?, hit));
        }
        hits.sort_by(|(a, hit), (b, other)| (a, &hit.id).cmp(&(b, &other.id)));
        let end = hits.last().map(|(number, _)| *number).filter(|_| count as u64 >= size);
        if let Some(end) = end {
            hits.retain(|(number, _)| *number < end);
        }
        let mut reader = PageReader::new(self, asked, hits.len());
        let rows = hits.iter().map(|(_, hit)| reader.read(hit)).collect();
        let unclear = reader.unclear.iter().enumerate();
        let unclear = unclear.filter_map(|(column, unclear)| unclear.then_some(column)).collect();
        let frame = reader.finish()?;
        Ok(Page { rows, frame, end, hits: count, bytes: body.len(), unclear })
    }
}

impl<'p, 'a> PageReader<'p, 'a> {
    fn new(plan: &'p Plan, asked: &'p [bool], capacity: usize) -> Self {
        let columns = plan.columns.len();
        let builder =
            |column: &ColumnPlan| ColumnBuilder::new(&column.field.name, column.stored, capacity);
        Self {
            plan,
            asked,
            values: Values::new(columns),
            served: Values::new(columns),
            cells: Vec::with_capacity(columns),
            ids: ColumnBuilder::new(ID, StorageType::Text, capacity),
            columns: plan.columns.iter().map(builder).collect(),
            height: 0,
            unclear: vec![false; columns],
        }
    }

    fn read(&mut self, hit: &Hit<'a>) -> Row {
        let source = hit.source.map_or("{}", RawValue::get);
        let flat = flatten(self.plan, source, &mut self.values).and_then(|()| match hit.fields {
            Some(fields) => flatten(self.plan, fields.get(), &mut self.served),
            None => Ok(()),
        });
        self.merge();
        let (bytes, mismatch) = self.convert();
        let bytes = bytes + hit.id.len();
        // The server stores documents as they came, and its JSON parser accepts more than this one.
        let bad = flat.err().map(|reason| (None, reason));
        let bad = bad.or(mismatch.map(|(column, reason)| (Some(column), reason)));
        let bad = bad.map(|(column, reason)| {
            let name = |column: usize| self.plan.columns[column].field.name.clone();
            let (id, raw) = (hit.id.clone().into_owned(), begin(source));
            Box::new(BadDocument { id, column: column.map(name), reason, raw })
        });
        if bad.is_some() {
            self.cells.clear();
            return Row { bytes, bad };
        }
        self.ids.put(self.height, Cell::Text(hit.id.as_ref().into()));
        for (column, cell) in self.cells.drain(..) {
            self.columns[column].put(self.height, cell);
        }
        self.height += 1;
        Row { bytes, bad }
    }

    /// Adds values from the server for columns that the document lacks or whose times are ambiguous.
    fn merge(&mut self) {
        for (column, value) in self.served.drain() {
            let date = self.plan.columns[column].field.is_date();
            if self.values.get(column).is_none_or(|known| date && !is_clear(known)) {
                self.values.set(column, value);
            }
        }
    }

    /// Converts the values. Returns their size, and the first column whose value is not of its type.
    fn convert(&mut self) -> (usize, Option<(usize, String)>) {
        let (mut bytes, mut mismatch) = (0, None::<(usize, String)>);
        for (column, value) in self.values.drain() {
            let column_plan = &self.plan.columns[column];
            let field = &column_plan.field;
            if field.is_date() && field.values && !self.asked[column] && !is_clear(&value) {
                self.unclear[column] = true;
            }
            match convert(value, column_plan, self.plan.arrays) {
                Ok(cell) => {
                    bytes += cell.bytes();
                    self.cells.push((column, cell));
                }
                Err(_) if mismatch.as_ref().is_some_and(|(first, _)| *first < column) => {}
                Err(reason) => mismatch = Some((column, reason)),
            }
        }
        (bytes, mismatch)
    }

    fn finish(self) -> Result<DataFrame> {
        let columns = [self.ids].into_iter().chain(self.columns);
        let columns: Vec<Column> = columns.map(|column| column.finish(self.height)).collect();
        Ok(DataFrame::new(self.height, columns)?)
    }
}

impl Hit<'_> {
    fn number(&self) -> Result<i64> {
        let first = self.sort.get().trim_matches(['[', ']']).split(',').next();
        let number = first.and_then(|first| first.trim().parse().ok());
        number.ok_or_else(|| partial("a hit has no sequence number"))
    }
}

fn begin(text: &str) -> String {
    raw_text(&text.as_bytes()[..text.len().min(RAW_BYTES)])
}

/// Whether a time is unambiguous, independent of the mapping's format.
fn is_clear(found: &DocumentValue<'_>) -> bool {
    match found {
        DocumentValue::Text(text) => is_clear_text(text),
        DocumentValue::Other(Value::Array(list)) => {
            list.iter().all(|value| value.as_str().is_some_and(is_clear_text))
        }
        DocumentValue::Other(_) => false,
    }
}

fn is_clear_text(text: &str) -> bool {
    text.len() >= 10 && datetime::parse(text).is_some()
}

#[cfg(test)]
mod tests;
