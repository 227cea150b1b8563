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
    datetime,
    ndjson::{Cell, ColumnBuilder, StorageType},
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
mod tests {
    use anomal_core::proto::DataType as Type;
    use anomal_spec::Arrays;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::elasticsearch::mapping::Field;

    fn field(name: &str, of: Type) -> Field {
        Field {
            name: name.into(),
            data_type: of,
            mapped: of,
            typed: true,
            whole: name == "whole",
            values: true,
            derived: false,
            differs: None,
        }
    }

    fn plan() -> Plan {
        let fields = vec![
            field("a.b", Type::Integer),
            field("a.c", Type::String),
            field("time", Type::Datetime),
            field("whole", Type::String),
        ];
        Plan::new(fields, Arrays::Text)
    }

    fn hit(id: &str, number: i64, source: &Value) -> Value {
        json!({"_index": "x", "_id": id, "_source": source, "sort": [number, 12]})
    }

    fn page(plan: &Plan, hits: &[Value], asked: &[bool]) -> Page {
        sized(plan, hits, asked, 100)
    }

    fn sized(plan: &Plan, hits: &[Value], asked: &[bool], size: u64) -> Page {
        let body = json!({"timed_out": false, "_shards": {"failed": 0}, "hits": {"hits": hits}});
        plan.page(body.to_string().as_bytes(), asked, size).unwrap()
    }

    /// The readable documents with their values.
    fn readable_rows(page: &Page) -> Vec<String> {
        let row = |row: usize| {
            let cells = page.frame.columns().iter().filter_map(|column| {
                let value = column.get(row).unwrap();
                (!value.is_null()).then(|| format!("{}={}", column.name(), value.str_value()))
            });
            cells.collect::<Vec<_>>().join(" ")
        };
        (0..page.frame.height()).map(row).collect()
    }

    #[test]
    fn documents_are_flattened_and_in_order() {
        let plan = plan();
        let hits = [
            hit("z", 5, &json!({"a": {"b": "7", "c": ["x", "y"]}, "d": {"e": [1]}})),
            hit("b", 4, &json!({"a": [{"b": 1}, {"c": null}], "a.c": "p", "whole": {"k": [1]}})),
            hit(
                "a",
                5,
                &json!({"a.b": 2, "a": {"c": {"d": 1}}, "time": "2026-03-04T05:06:07Z", "whole": [1, 2]}),
            ),
            hit("c", 9, &json!({"a": "no object", "time": null})),
        ];
        let expected = [
            r#"_id=b a.b=1 a.c=p whole={"k":[1]}"#,
            r#"_id=a a.b=2 a.c={"d":1} time=2026-03-04T05:06:07Z whole=[1,2]"#,
            r#"_id=z a.b=7 a.c=[x";"y]"#,
            "_id=c",
        ];
        let whole = page(&plan, &hits, &[false; 4]);
        assert_eq!(readable_rows(&whole), expected);
        assert_eq!((whole.end, whole.hits, whole.unclear.len()), (None, 4, 0));
        assert!(whole.rows.iter().all(|row| row.bad.is_none()));
        // A full page ends before the last number, since more documents may have it.
        let full = sized(&plan, &hits, &[false; 4], 4);
        assert_eq!((readable_rows(&full).len(), full.rows.len(), full.end), (3, 3, Some(9)));
        let equal = sized(&plan, &hits[2..3], &[false; 4], 1);
        assert_eq!((equal.rows.len(), equal.end), (0, Some(5)));
    }

    #[test]
    fn missing_values_come_from_the_server() {
        let plan = plan();
        let mut hit = hit("a", 1, &json!({"time": 5, "a": {"c": "own"}}));
        assert_eq!(page(&plan, &[hit.clone()], &[false; 4]).unclear, [2]);
        hit["fields"] =
            json!({"time": ["1970-01-01T00:00:05Z"], "a.c": ["other"], "a": [{"b": [3]}]});
        let found = page(&plan, &[hit], &[true; 4]);
        assert!(found.unclear.is_empty());
        assert_eq!(readable_rows(&found), ["_id=a a.b=3 a.c=own time=1970-01-01T00:00:05Z"]);
    }

    #[test]
    fn a_value_of_the_wrong_type_rejects_the_document() {
        let plan = plan();
        let hits = [
            hit("a", 1, &json!({"a": {"c": "y", "b": "x"}})),
            hit("b", 2, &json!({"a": {"b": 2}})),
        ];
        let found = page(&plan, &hits, &[false; 4]);
        let bad = found.rows[0].bad.as_ref().unwrap();
        let told_of = (bad.id.as_str(), bad.column.as_deref(), bad.reason.as_str());
        assert_eq!(told_of, ("a", Some("a.b"), "`x` is not a whole number"));
        assert!(bad.raw.contains(r#""b":"x""#) && found.rows[1].bad.is_none());
        assert_eq!(readable_rows(&found), ["_id=b a.b=2"]);
    }

    #[test]
    fn an_incomplete_response_is_an_error() {
        let plan = plan();
        for body in [
            r#"{"timed_out": true, "_shards": {"failed": 0}, "hits": {"hits": []}}"#,
            r#"{"timed_out": false, "_shards": {"failed": 1}, "hits": {"hits": []}}"#,
            r#"{"timed_out": false, "_shards": {"failed": 0}, "hits": {"hits": [{"_id": "a", "sort": []}]}}"#,
            r#"{"timed_out": false, "_shards": {"failed": 0}, "hits": {"#,
        ] {
            let error = plan.page(body.as_bytes(), &[false; 4], 9).err().unwrap();
            assert_eq!(error.reason, "ANSWER_PARTIAL", "{body}");
        }
    }

    /// All texts and numbers of a value by path, as text.
    fn flat(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
        match value {
            Value::Object(object) => {
                for (name, value) in object {
                    let path =
                        if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    flat(&path, value, found);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| flat(path, value, found)),
            Value::String(text) => found.push((path.to_owned(), text.clone())),
            other => found.push((path.to_owned(), other.to_string())),
        }
    }

    /// Documents whose names with and without dots collide.
    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::from),
            "[a\"\\\\é]{0,3}".prop_map(Value::from)
        ];
        let name = proptest::sample::select(vec!["a", "b", "a.b", "b.a", "b.a.b"]);
        let nested = leaf.prop_recursive(4, 24, 4, move |inner| {
            let object =
                proptest::collection::vec((name.clone(), inner.clone()), 1..4).prop_map(|pairs| {
                    json!(pairs.into_iter().collect::<std::collections::BTreeMap<_, _>>())
                });
            prop_oneof![object, proptest::collection::vec(inner, 1..3).prop_map(Value::from)]
        });
        nested.prop_map(|value| json!({"a": value}))
    }

    proptest! {
        #[test]
        fn any_response_is_read_or_refused(
            cut in 0_usize..400, changed in 0_usize..400, byte in any::<u8>(), document in document(),
        ) {
            let hits = [hit("a", 1, &document), hit("b", 2, &json!({"time": 5, "whole": [1]}))];
            let body = json!({"_shards": {"failed": 0}, "hits": {"hits": hits}}).to_string();
            let mut body = body.into_bytes();
            if let Some(at) = body.get_mut(changed) {
                *at = byte;
            }
            let plan = plan();
            let _ = plan.page(&body, &[false; 4], 2);
            body.truncate(cut);
            let rows = plan.page(&body, &[false; 4], 2).map(|page| page.rows.len());
            prop_assert!(rows.is_err_and(|error| error.reason == "ANSWER_PARTIAL") || cut > 100);
        }

        #[test]
        fn nested_values_are_found_by_path(document in document()) {
            let mut found = Vec::new();
            flat("", &document, &mut found);
            let mut names: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            let fields = names.iter().map(|name| field(name, Type::String)).collect();
            let page = page(&Plan::new(fields, Arrays::Text), &[hit("a", 1, &document)], &vec![false; names.len()]);
            for name in names {
                let values: Vec<&str> = found.iter().filter(|(path, _)| path == name).map(|(_, text)| text.as_str()).collect();
                let expected = match values.as_slice() {
                    [one] => (*one).to_owned(),
                    many => format!("[{}]", many.join("\";\"")),
                };
                let column = page.frame.column(name).unwrap();
                prop_assert_eq!(column.get(0).unwrap().str_value(), expected);
            }
        }
    }
}
