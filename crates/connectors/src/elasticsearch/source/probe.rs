//! Detects columns that are not in the documents: aliases, computed or copied fields, indices without `_source`. Their
//! values are requested as `fields`, which costs the server more.

use anomal_core::Result;
use serde::Deserialize;
use serde_json::{Value, json};

use super::mapping::Field;
use super::snapshot::Snapshot;

/// Searches in a request.
const AT_ONCE: usize = 100;

#[derive(Deserialize)]
struct MultiSearchResponse {
    responses: Vec<SearchResponse>,
}

#[derive(Deserialize)]
struct SearchResponse {
    hits: Option<Hits>,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_source")]
    source: Option<Value>,
}

/// Checks one document with a value of each field.
pub(super) async fn derived(snapshot: &Snapshot, mut fields: Vec<Field>) -> Result<Vec<Field>> {
    for fields in fields.chunks_mut(AT_ONCE) {
        let bodies: Vec<Value> = fields.iter().map(|field| search_body(snapshot, field)).collect();
        let answers: MultiSearchResponse =
            serde_json::from_slice(&snapshot.searches(&bodies).await?)
                .unwrap_or(MultiSearchResponse { responses: Vec::new() });
        for (field, answer) in fields.iter_mut().zip(answers.responses) {
            let hit = answer.hits.and_then(|hits| hits.hits.into_iter().next());
            let Some(hit) = hit else { continue };
            // The source is filtered to the field: empty if the document lacks it.
            let stands =
                hit.source.as_ref().and_then(Value::as_object).is_some_and(|s| !s.is_empty());
            field.derived |= !stands;
        }
    }
    Ok(fields)
}

fn search_body(snapshot: &Snapshot, field: &Field) -> Value {
    let mut filters = snapshot.filters().to_vec();
    filters.push(json!({"exists": {"field": field.name}}));
    json!({
        "size": 1,
        "track_total_hits": false,
        "query": {"bool": {"filter": filters}},
        "_source": [field.name],
    })
}
