//! A page of hits as rows: objects flattened with dots, each value as its column stores it.
//!
//! Values are those of the documents, brought to the mapping's type as the server brings them: `"5"` is 5 in a
//! column of whole numbers. What stands in no document (a field made of another one), and times in a form of the
//! mapping's own, are the server's.

use std::{borrow::Cow, collections::HashMap};

use anomal_core::{Code, Error, Result};
use anomal_spec::Arrays;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    fit::fit,
    walk::{Values, flatten},
};
use crate::{
    datetime,
    elasticsearch::mapping::Field,
    ndjson::Stored,
    source::{RAW_BYTES, raw_text},
};

/// A document. `values` are in no order.
#[derive(Debug)]
pub(super) struct Row {
    pub number: i64,
    pub id: String,
    pub values: Vec<(usize, Value)>,
    /// Of the values as text, which is what batches are bounded by.
    pub bytes: usize,
    pub bad: Option<Bad>,
}

/// Why a document can't be read.
#[derive(Debug)]
pub(super) struct Bad {
    pub column: Option<usize>,
    pub reason: String,
    pub raw: String,
}

/// What came of a page.
pub(super) struct Page {
    /// In the order of their numbers, equal ones in that of their ids.
    pub rows: Vec<Row>,
    /// Hits of the answer.
    pub hits: usize,
    pub bytes: usize,
    /// Columns whose values have to be asked of the server: their times are in a form that only it knows.
    pub unclear: Vec<usize>,
}

/// How a column is read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub field: Field,
    pub stored: Stored,
}

/// How documents are read.
pub(super) struct Plan {
    pub columns: Vec<Reading>,
    /// By the path of a value: its column, and whether columns are below it.
    pub nodes: HashMap<String, Node>,
    arrays: Arrays,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Node {
    pub column: Option<usize>,
    pub below: bool,
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
    sort: Vec<i64>,
}

impl Plan {
    pub fn new(fields: Vec<Field>, arrays: Arrays) -> Self {
        let mut nodes: HashMap<String, Node> = HashMap::new();
        for (column, field) in fields.iter().enumerate() {
            for (place, _) in field.name.char_indices().filter(|(_, c)| *c == '.') {
                nodes.entry(field.name[..place].to_owned()).or_default().below = true;
            }
            nodes.entry(field.name.clone()).or_default().column = Some(column);
        }
        let reading = |field: Field| Reading { stored: stored(&field), field };
        Self { columns: fields.into_iter().map(reading).collect(), nodes, arrays }
    }

    /// Reads an answer. `asked`: by column, whether its values were asked of the server.
    ///
    /// # Errors
    /// `Unavailable` if it is not whole; another try may have all of it.
    pub fn page(&self, body: &[u8], asked: &[bool]) -> Result<Page> {
        let answer: Answer = serde_json::from_slice(body).map_err(|error| {
            partial(&format!("an answer is cut off or not understood: {error}"))
        })?;
        if answer.shards.failed > 0 {
            return Err(partial(&format!("{} shards failed", answer.shards.failed)));
        }
        if answer.timed_out {
            return Err(partial("the search timed out"));
        }
        let hits = answer.hits.hits;
        let mut page = Page {
            rows: Vec::with_capacity(hits.len()),
            hits: hits.len(),
            bytes: body.len(),
            unclear: Vec::new(),
        };
        let mut values = [Values::new(self.columns.len()), Values::new(self.columns.len())];
        for hit in &hits {
            let row = self.row(hit, asked, &mut values, &mut page.unclear);
            page.rows.push(row?);
        }
        page.rows.sort_by(|a, b| (a.number, &a.id).cmp(&(b.number, &b.id)));
        page.unclear.sort_unstable();
        page.unclear.dedup();
        Ok(page)
    }

    fn row(
        &self,
        hit: &Hit<'_>,
        asked: &[bool],
        [values, served]: &mut [Values; 2],
        unclear: &mut Vec<usize>,
    ) -> Result<Row> {
        let number = hit.sort.first().ok_or_else(|| partial("a hit has no number"))?;
        let mut row = Row {
            number: *number,
            id: hit.id.clone().into_owned(),
            values: Vec::new(),
            bytes: 0,
            bad: None,
        };
        let source = hit.source.map_or("{}", RawValue::get);
        if let Err(reason) = flatten(self, source, values).and_then(|()| match hit.fields {
            Some(fields) => flatten(self, fields.get(), served),
            None => Ok(()),
        }) {
            // The server keeps the document as it came; what it takes for JSON is not always what we do.
            row.bad = Some(Bad { column: None, reason, raw: begin(source) });
        }
        let mut found = values.take();
        for (column, value) in served.take() {
            let at = found.iter().position(|(known, _)| *known == column);
            match at {
                Some(at) if self.columns[column].field.is_date() && !is_clear(&found[at].1) => {
                    found[at].1 = value;
                }
                Some(_) => {}
                None => found.push((column, value)),
            }
        }
        for (column, value) in found {
            let reading = &self.columns[column];
            if reading.field.is_date()
                && !asked[column]
                && !is_clear(&value)
                && reading.field.values
            {
                unclear.push(column);
            }
            match fit(value, reading, self.arrays) {
                Ok(value) => {
                    row.bytes += value.as_str().map_or(8, str::len);
                    row.values.push((column, value));
                }
                Err(reason)
                    if row
                        .bad
                        .as_ref()
                        .is_none_or(|bad| bad.column.is_some_and(|c| c > column)) =>
                {
                    row.bad = Some(Bad { column: Some(column), reason, raw: begin(source) });
                }
                Err(_) => {}
            }
        }
        if row.bad.is_some() {
            row.values.clear();
        }
        Ok(row)
    }
}

/// Where another type is wanted than the mapping has, it is made from the values' text.
pub(super) fn stored(field: &Field) -> Stored {
    if field.typed && field.of == field.mapped { Stored::new(field.of) } else { Stored::Text }
}

pub(super) fn partial(why: &str) -> Error {
    Error::new(
        Code::Unavailable,
        "ANSWER_PARTIAL",
        format!("the server does not give all documents: {why}; nothing was left out, try again"),
    )
}

fn begin(text: &str) -> String {
    raw_text(&text.as_bytes()[..text.len().min(RAW_BYTES)])
}

/// Whether a time means the same whatever form the mapping gives times.
fn is_clear(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() >= 10 && datetime::parse(text).is_some(),
        Value::Array(list) => list.iter().all(is_clear),
        Value::Null => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use anomal_core::proto::DataType as Type;
    use serde_json::json;

    use super::*;

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
        let body = json!({"timed_out": false, "_shards": {"failed": 0}, "hits": {"hits": hits}});
        plan.page(body.to_string().as_bytes(), asked).unwrap()
    }

    fn told(row: &Row) -> String {
        let mut values: Vec<String> =
            row.values.iter().map(|(c, value)| format!("{c}={value}")).collect();
        values.sort();
        values.join(" ")
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
        let page = page(&plan, &hits, &[false; 4]);
        let rows: Vec<(i64, &str, String)> =
            page.rows.iter().map(|row| (row.number, row.id.as_str(), told(row))).collect();
        let expected = [
            (4, "b", r#"0=1 1="p" 3="{\"k\":[1]}""#),
            (5, "a", r#"0=2 1="{\"d\":1}" 2="2026-03-04T05:06:07Z" 3="[1,2]""#),
            (5, "z", r#"0=7 1="[x\";\"y]""#),
            (9, "c", ""),
        ];
        assert_eq!(rows, expected.map(|(number, id, values)| (number, id, values.to_owned())));
        assert!(page.unclear.is_empty() && page.rows.iter().all(|row| row.bad.is_none()));
    }

    #[test]
    fn what_the_document_does_not_say_the_server_does() {
        let plan = plan();
        let mut hit = hit("a", 1, &json!({"time": 5, "a": {"c": "own"}}));
        let found = page(&plan, &[hit.clone()], &[false; 4]);
        assert_eq!(found.unclear, [2]);
        hit["fields"] =
            json!({"time": ["1970-01-01T00:00:05Z"], "a.c": ["other"], "a": [{"b": [3]}]});
        let found = page(&plan, &[hit], &[true; 4]);
        assert!(found.unclear.is_empty());
        assert_eq!(told(&found.rows[0]), r#"0=3 1="own" 2="1970-01-01T00:00:05Z""#);
    }

    #[test]
    fn a_value_of_the_wrong_type_makes_the_document_a_bad_one() {
        let plan = plan();
        let found = page(&plan, &[hit("a", 1, &json!({"a": {"b": "x", "c": "y"}}))], &[false; 4]);
        let row = &found.rows[0];
        let bad = row.bad.as_ref().unwrap();
        assert_eq!((bad.column, bad.reason.as_str()), (Some(0), "`x` is not a whole number"));
        assert!(row.values.is_empty() && bad.raw.contains(r#""b":"x""#));
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
            let error = plan.page(body.as_bytes(), &[false; 4]).err().unwrap();
            assert_eq!(error.reason, "ANSWER_PARTIAL", "{body}");
        }
    }
}
