//! A page of hits as columns: objects flattened with dots, each value as its column stores it.
//!
//! Values are those of the documents, brought to the mapping's type as the server brings them: `"5"` is 5 in a
//! column of whole numbers. What stands in no document (a field made of another one), and times in a form of the
//! mapping's own, are the server's.

use std::borrow::Cow;

use anomal_core::Result;
use polars::prelude::{Column, DataFrame};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    fit::fit,
    plan::{Plan, Reading},
    refusal::partial,
    walk::{Found, Values, flatten},
};
use crate::{
    datetime,
    ndjson::{Cell, ColumnBuilder, StorageType},
    source::{RAW_BYTES, raw_text},
};

/// The column of the documents' names, which a page begins with; those of the plan come after it.
pub(super) const ID: &str = "_id";

/// What came of a page: documents in the order of their numbers, equal ones in that of their ids.
pub(super) struct Page {
    /// Of all documents.
    pub rows: Vec<Row>,
    /// Of those that can be read.
    pub frame: DataFrame,
    /// The page was full: documents with this number, some of which may not be on it, and all behind them were left
    /// for the next one.
    pub end: Option<i64>,
    /// Hits of the answer.
    pub hits: usize,
    /// Of the answer.
    pub bytes: usize,
    /// Columns whose values have to be asked of the server: their times are in a form that only it knows.
    pub unclear: Vec<usize>,
}

/// A document.
#[derive(Debug)]
pub(super) struct Row {
    /// Of its values as text, which is what batches are bounded by.
    pub bytes: usize,
    pub bad: Option<Box<Bad>>,
}

/// Why a document can't be read.
#[derive(Debug)]
pub(super) struct Bad {
    pub id: String,
    /// Its name.
    pub column: Option<String>,
    pub reason: String,
    pub raw: String,
}

#[derive(Deserialize)]
struct Answer<'a> {
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
    /// A list that begins with its number.
    #[serde(borrow)]
    sort: &'a RawValue,
}

/// Documents as they are read, one after the other.
struct Reader<'p, 'a> {
    plan: &'p Plan,
    /// By column, whether its values were asked of the server.
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
    /// Reads an answer to a question for at most `size` documents. `asked`: by column, whether its values were asked
    /// of the server.
    ///
    /// # Errors
    /// `Unavailable` if it is not whole; another try may have all of it.
    pub fn page(&self, body: &[u8], asked: &[bool], size: u64) -> Result<Page> {
        let answer: Answer = serde_json::from_slice(body).map_err(|error| {
            partial(&format!("an answer is cut off or not understood: {error}"))
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
        let mut reader = Reader::new(self, asked, hits.len());
        let rows = hits.iter().map(|(_, hit)| reader.read(hit)).collect();
        let unclear = reader.unclear.iter().enumerate();
        let unclear = unclear.filter_map(|(column, unclear)| unclear.then_some(column)).collect();
        let frame = reader.finish()?;
        Ok(Page { rows, frame, end, hits: count, bytes: body.len(), unclear })
    }
}

impl<'p, 'a> Reader<'p, 'a> {
    fn new(plan: &'p Plan, asked: &'p [bool], capacity: usize) -> Self {
        let columns = plan.columns.len();
        let builder =
            |column: &Reading| ColumnBuilder::new(&column.field.name, column.stored, capacity);
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
        let (bytes, misfit) = self.fit();
        let bytes = bytes + hit.id.len();
        // The server keeps the document as it came; what it takes for JSON is not always what we do.
        let bad = flat.err().map(|reason| (None, reason));
        let bad = bad.or(misfit.map(|(column, reason)| (Some(column), reason)));
        let bad = bad.map(|(column, reason)| {
            let name = |column: usize| self.plan.columns[column].field.name.clone();
            let (id, raw) = (hit.id.clone().into_owned(), begin(source));
            Box::new(Bad { id, column: column.map(name), reason, raw })
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

    /// What the document does not say, the server does, and when its own times are unclear.
    fn merge(&mut self) {
        for (column, value) in self.served.drain() {
            let date = self.plan.columns[column].field.is_date();
            if self.values.get(column).is_none_or(|known| date && !is_clear(known)) {
                self.values.set(column, value);
            }
        }
    }

    /// Brings the values to their types: their size, and the first column that has a value that is none of its type.
    fn fit(&mut self) -> (usize, Option<(usize, String)>) {
        let (mut bytes, mut misfit) = (0, None::<(usize, String)>);
        for (column, value) in self.values.drain() {
            let reading = &self.plan.columns[column];
            let field = &reading.field;
            if field.is_date() && field.values && !self.asked[column] && !is_clear(&value) {
                self.unclear[column] = true;
            }
            match fit(value, reading, self.plan.arrays) {
                Ok(cell) => {
                    bytes += cell.bytes();
                    self.cells.push((column, cell));
                }
                Err(_) if misfit.as_ref().is_some_and(|(first, _)| *first < column) => {}
                Err(reason) => misfit = Some((column, reason)),
            }
        }
        (bytes, misfit)
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
        number.ok_or_else(|| partial("a hit has no number"))
    }
}

fn begin(text: &str) -> String {
    raw_text(&text.as_bytes()[..text.len().min(RAW_BYTES)])
}

/// Whether a time means the same whatever form the mapping gives times.
fn is_clear(found: &Found<'_>) -> bool {
    match found {
        Found::Text(text) => is_clear_text(text),
        Found::Other(Value::Array(list)) => {
            list.iter().all(|value| value.as_str().is_some_and(is_clear_text))
        }
        Found::Other(_) => false,
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
            of,
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

    /// The documents that can be read, with what they have.
    fn told(page: &Page) -> Vec<String> {
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
        assert_eq!(told(&whole), expected);
        assert_eq!((whole.end, whole.hits, whole.unclear.len()), (None, 4, 0));
        assert!(whole.rows.iter().all(|row| row.bad.is_none()));
        // A full page ends before the last number, which more documents may have.
        let full = sized(&plan, &hits, &[false; 4], 4);
        assert_eq!((told(&full).len(), full.rows.len(), full.end), (3, 3, Some(9)));
        let equal = sized(&plan, &hits[2..3], &[false; 4], 1);
        assert_eq!((equal.rows.len(), equal.end), (0, Some(5)));
    }

    #[test]
    fn what_the_document_does_not_say_the_server_does() {
        let plan = plan();
        let mut hit = hit("a", 1, &json!({"time": 5, "a": {"c": "own"}}));
        assert_eq!(page(&plan, &[hit.clone()], &[false; 4]).unclear, [2]);
        hit["fields"] =
            json!({"time": ["1970-01-01T00:00:05Z"], "a.c": ["other"], "a": [{"b": [3]}]});
        let found = page(&plan, &[hit], &[true; 4]);
        assert!(found.unclear.is_empty());
        assert_eq!(told(&found), ["_id=a a.b=3 a.c=own time=1970-01-01T00:00:05Z"]);
    }

    #[test]
    fn a_value_of_the_wrong_type_makes_the_document_a_bad_one() {
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
        assert_eq!(told(&found), ["_id=b a.b=2"]);
    }

    #[test]
    fn an_answer_that_is_not_whole_is_none() {
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

    /// All text and numbers of a value by their path, as text: all paths lead to some.
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

    /// Names with and without dots that meet each other.
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
        fn whatever_an_answer_is_it_is_read_or_refused(
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
            let told = plan.page(&body, &[false; 4], 2).map(|page| page.rows.len());
            prop_assert!(told.is_err_and(|error| error.reason == "ANSWER_PARTIAL") || cut > 100);
        }

        #[test]
        fn whatever_is_nested_is_found_by_its_path(document in document()) {
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
