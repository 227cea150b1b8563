//! The incident of a row: fields with one value each, by which alerts can be grouped.

use anomal_core::Result;
use polars::prelude::{DataFrame, Int64Chunked, StringChunked, UInt64Chunked};

use crate::json_value::push_text;

/// The incidents of the rows of a batch.
pub(super) struct RowIncidents {
    numbers: UInt64Chunked,
    keys: StringChunked,
    titles: StringChunked,
    severities: StringChunked,
    risks: Int64Chunked,
}

impl RowIncidents {
    /// None where rows are not grouped.
    pub fn find(results: &DataFrame) -> Result<Option<Self>> {
        let Ok(numbers) = results.column("anomal.incident") else { return Ok(None) };
        let text = |name: &str| -> Result<StringChunked> {
            Ok(results.column(&format!("anomal.incidents.{name}"))?.rechunk().str()?.clone())
        };
        if results.column("anomal.incidents.key").is_err() {
            return Ok(None);
        }
        Ok(Some(Self {
            numbers: numbers.rechunk().u64()?.clone(),
            keys: text("key")?,
            titles: text("title")?,
            severities: text("severity")?,
            risks: results.column("anomal.incidents.risk")?.rechunk().i64()?.clone(),
        }))
    }

    /// Appends `,"incident":{…}` if the row has one. Of those beyond the described ones there is the number alone.
    pub fn put(&self, row: usize, run: &str, out: &mut Vec<u8>) {
        let Some(number) = self.numbers.get(row) else { return };
        out.extend_from_slice(b",\"incident\":{\"id\":");
        push_text(out, &format!("{run}-{number}"));
        out.extend_from_slice(format!(",\"number\":{number}").as_bytes());
        for (name, values) in
            [("key", &self.keys), ("title", &self.titles), ("severity", &self.severities)]
        {
            if let Some(value) = values.get(row) {
                out.extend_from_slice(format!(",\"{name}\":").as_bytes());
                push_text(out, value);
            }
        }
        if let Some(risk) = self.risks.get(row) {
            out.extend_from_slice(format!(",\"risk\":{risk}").as_bytes());
        }
        out.push(b'}');
    }
}
