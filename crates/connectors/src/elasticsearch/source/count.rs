//! Counts the documents of a snapshot, with the range of their sequence numbers, per index.

use std::collections::BTreeMap;

use anomal_core::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::search_error::partial;

/// Indices of one input at most.
const MOST_INDICES: usize = 10_000;

/// The documents of an index.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub index: String,
    pub documents: u64,
    /// The lowest and highest sequence number.
    pub first: i64,
    pub last: i64,
    pub sum: f64,
}

/// The search that counts documents.
pub(super) fn request(filters: &[Value]) -> Value {
    json!({
        "size": 0,
        "track_total_hits": true,
        "query": {"bool": {"filter": filters}},
        "aggs": {"indices": {
            "terms": {"field": "_index", "size": MOST_INDICES},
            "aggs": {"numbers": {"stats": {"field": "_seq_no"}}},
        }},
    })
}

#[derive(Deserialize)]
struct Shards {
    failed: u64,
}

#[derive(Deserialize)]
pub(super) struct CountResponse {
    #[serde(default)]
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    hits: Hits,
    /// `None` if there is no shard.
    aggregations: Option<Aggregations>,
}

#[derive(Deserialize)]
struct Hits {
    total: Total,
}

#[derive(Deserialize)]
struct Total {
    value: u64,
}

#[derive(Deserialize)]
struct Aggregations {
    indices: Buckets,
}

#[derive(Deserialize)]
struct Buckets {
    buckets: Vec<Bucket>,
}

#[derive(Deserialize)]
struct Bucket {
    key: String,
    doc_count: u64,
    numbers: Numbers,
}

#[derive(Deserialize)]
struct Numbers {
    count: u64,
    min: Option<f64>,
    max: Option<f64>,
    sum: f64,
}

impl CountResponse {
    /// The counts, sorted by the indices' names.
    ///
    /// # Errors
    /// `Unavailable` if the counts are incomplete.
    pub fn parts(self) -> Result<Vec<Part>> {
        if self.shards.failed > 0 || self.timed_out {
            return Err(partial("not all shards could be counted"));
        }
        let buckets = self.aggregations.map(|found| found.indices.buckets).unwrap_or_default();
        let mut parts: BTreeMap<String, Part> = BTreeMap::new();
        for Bucket { key, doc_count, numbers } in buckets {
            if numbers.count != doc_count {
                return Err(Error::input(
                    "NO_SEQUENCE_NUMBERS",
                    format!(
                        "documents of {key} lack sequence numbers, which are required for reading"
                    ),
                ));
            }
            let (Some(first), Some(last)) = (numbers.min, numbers.max) else { continue };
            #[expect(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
            let (first, last) = (first as i64, last as i64);
            let part =
                Part { index: key.clone(), documents: doc_count, first, last, sum: numbers.sum };
            parts.insert(key, part);
        }
        let counted: u64 = parts.values().map(|part| part.documents).sum();
        if counted == self.hits.total.value {
            return Ok(parts.into_values().collect());
        }
        if parts.len() >= MOST_INDICES {
            return Err(Error::settings(
                "input.elasticsearch.index",
                "TOO_MANY_INDICES",
                format!("more than {MOST_INDICES} indices match; name fewer, or set a time range"),
            ));
        }
        let total = self.hits.total.value;
        Err(partial(&format!("{total} documents match, but only {counted} were counted by index")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(total: u64, buckets: &Value) -> Result<Vec<Part>> {
        let answer = json!({
            "timed_out": false,
            "_shards": {"failed": 0},
            "hits": {"total": {"value": total}},
            "aggregations": {"indices": {"buckets": buckets}},
        });
        serde_json::from_value::<CountResponse>(answer).unwrap().parts()
    }

    #[test]
    fn indices_are_sorted_and_complete() {
        let numbers = |count: u64| json!({"count": count, "min": 3.0, "max": 9.0, "sum": 12.0});
        let buckets = json!([
            {"key": "b", "doc_count": 2, "numbers": numbers(2)},
            {"key": "a", "doc_count": 1, "numbers": numbers(1)},
        ]);
        let parts = counted(3, &buckets).unwrap();
        let found: Vec<(&str, u64, i64, i64)> = parts
            .iter()
            .map(|part| (part.index.as_str(), part.documents, part.first, part.last))
            .collect();
        assert_eq!(found, [("a", 1, 3, 9), ("b", 2, 3, 9)]);
        assert_eq!(counted(4, &buckets).unwrap_err().reason, "ANSWER_PARTIAL");
        let without = json!([{"key": "a", "doc_count": 1, "numbers": {"count": 0, "min": null, "max": null, "sum": 0.0}}]);
        assert_eq!(counted(1, &without).unwrap_err().reason, "NO_SEQUENCE_NUMBERS");
        assert!(counted(0, &json!([])).unwrap().is_empty());
    }
}
