//! The searches that Kibana and OpenSearch Dashboards send for a saved visualization.

use std::collections::BTreeMap;

use anomal_tests::elastic::Server;
use serde_json::{Value, json};

/// The maximum number of bars in a histogram.
const MAX_BARS: f64 = 50.0;

/// The response to a visualization's search.
#[derive(Debug)]
pub struct SearchResponse {
    pub total: u64,
    aggregations: Value,
}

impl SearchResponse {
    pub fn value(&self, id: &str) -> f64 {
        self.aggregations[id]["value"].as_f64().unwrap_or_else(|| panic!("no {id} in {self:?}"))
    }

    /// The buckets of the aggregation at this path.
    pub fn buckets_at(&self, path: &[&str]) -> Vec<Value> {
        let place = path.iter().fold(&self.aggregations, |place, id| &place[id]);
        place["buckets"].as_array().unwrap_or_else(|| panic!("{path:?}: {self:?}")).clone()
    }

    /// The response as the server sends it.
    pub fn to_json(&self) -> Value {
        json!({"aggregations": self.aggregations})
    }

    pub fn buckets(&self, path: &[&str]) -> Vec<(f64, u64)> {
        let buckets = self.buckets_at(path);
        let one = |bucket: &Value| {
            (bucket["key"].as_f64().unwrap(), bucket["doc_count"].as_u64().unwrap())
        };
        buckets.iter().map(one).collect()
    }

    pub fn terms(&self, path: &[&str]) -> BTreeMap<String, u64> {
        let buckets = self.buckets_at(path);
        let one = |bucket: &Value| {
            (bucket["key"].as_str().unwrap().to_owned(), bucket["doc_count"].as_u64().unwrap())
        };
        buckets.iter().map(one).collect()
    }
}

/// The query of a saved object's search bar, for the two forms that the panels use: empty, or `field : "value"`.
pub fn kuery(object: &Value) -> Value {
    let source =
        object["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"].as_str().unwrap();
    let source: Value = serde_json::from_str(source).unwrap();
    assert_eq!(source["query"]["language"], "kuery");
    match source["query"]["query"].as_str().unwrap() {
        "" => json!({"match_all": {}}),
        typed => {
            let (field, value) = typed.split_once(" : ").unwrap();
            let phrase = json!({"match_phrase": {field: value.trim_matches('"')}});
            json!({"bool": {"should": [phrase], "minimum_should_match": 1}})
        }
    }
}

/// The aggregations of a visualization; a Vega specification contains its own. `None` for a panel without data.
pub fn aggregations_of(object: &Value, bounds: &impl Fn(&Value) -> (f64, f64)) -> Option<Value> {
    let state = object["attributes"]["visState"].as_str()?;
    let state: Value = serde_json::from_str(state).unwrap();
    match state["type"].as_str().unwrap() {
        "markdown" => None,
        "vega" => {
            let spec: Value =
                serde_json::from_str(state["params"]["spec"].as_str().unwrap()).unwrap();
            Some(spec["data"]["url"]["body"]["aggs"].clone())
        }
        _ => Some(aggregations(state["aggs"].as_array().unwrap(), bounds)),
    }
}

/// Sends the search of a visualization.
pub fn search(server: &Server, index: &str, object: &Value) -> SearchResponse {
    let state = object["attributes"]["visState"].as_str().unwrap();
    let state: Value = serde_json::from_str(state).unwrap();
    // The range of the time picker, here a year.
    let time = json!({"range": {"@timestamp": {
        "gte": "2026-01-01T00:00:00.000Z", "lte": "2026-12-31T23:59:59.999Z", "format": "strict_date_optional_time",
    }}});
    let query = json!({"bool": {"must": [], "filter": [kuery(object), time], "should": [], "must_not": []}});
    let send = |aggregations: &Value| {
        let body =
            json!({"size": 0, "track_total_hits": true, "query": query, "aggs": aggregations});
        server.admin().post(&format!("/{index}/_search"), &body)
    };
    if state["type"] == "vega" {
        let spec: Value = serde_json::from_str(state["params"]["spec"].as_str().unwrap()).unwrap();
        let url = &spec["data"]["url"];
        assert_eq!((&url["%context%"], &url["%timefield%"]), (&json!(true), &json!("@timestamp")));
        assert_eq!(url["index"], index);
        // The context becomes the query; a second query would be refused.
        assert!(url["body"].get("query").is_none());
    }
    let bounds = |field: &Value| {
        let bounds = json!({"min": {"min": {"field": field}}, "max": {"max": {"field": field}}});
        let answer = send(&bounds);
        let value = |name: &str| answer["aggregations"][name]["value"].as_f64().unwrap();
        (value("min"), value("max"))
    };
    let mut answer = send(&aggregations_of(object, &bounds).expect("a panel with data"));
    assert_eq!(answer["_shards"]["failed"], 0, "{answer}");
    let total = answer["hits"]["total"]["value"].as_u64().unwrap();
    SearchResponse { total, aggregations: answer["aggregations"].take() }
}

/// Nests the buckets in their order, with the metrics in the innermost.
fn aggregations(parts: &[Value], bounds: &impl Fn(&Value) -> (f64, f64)) -> Value {
    let select =
        |metric: bool| parts.iter().filter(move |part| (part["schema"] == "metric") == metric);
    let mut metrics = serde_json::Map::new();
    for part in select(true).filter(|part| part["type"] != "count") {
        let kind = part["type"].as_str().unwrap();
        metrics.insert(name(part), json!({kind: {"field": part["params"]["field"]}}));
    }
    let mut inner = Value::Object(metrics);
    let buckets: Vec<&Value> = select(false).collect();
    for part in buckets.into_iter().rev() {
        let mut aggregation = bucket(part, parts, bounds);
        if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
            aggregation["aggs"] = inner;
        }
        inner = json!({name(part): aggregation});
    }
    inner
}

fn name(part: &Value) -> String {
    part["id"].as_str().unwrap().to_owned()
}

fn bucket(part: &Value, parts: &[Value], bounds: &impl Fn(&Value) -> (f64, f64)) -> Value {
    let params = &part["params"];
    let field = &params["field"];
    match part["type"].as_str().unwrap() {
        "terms" => {
            let metric = parts.iter().find(|one| one["id"] == params["orderBy"]).unwrap();
            let by = if metric["type"] == "count" { "_count".into() } else { name(metric) };
            let mut terms = json!({
                "field": field,
                "size": params["size"],
                "order": {by: params["order"]},
            });
            if params["missingBucket"] == true {
                terms["missing"] = json!("__missing__");
            }
            json!({"terms": terms})
        }
        // What `auto` means for a range of a day or two.
        "date_histogram" => {
            assert_eq!(params["interval"], "auto");
            json!({"date_histogram": {
                "field": field,
                "fixed_interval": "1h",
                "time_zone": "UTC",
                "min_doc_count": params["min_doc_count"],
            }})
        }
        "histogram" => {
            assert_eq!(params["interval"], "auto");
            let (least, most) = bounds(field);
            // A round step: 1, 2 or 5 times a power of ten.
            let step = (most - least) / MAX_BARS;
            let power = 10_f64.powf(step.log10().floor());
            let step = [1.0, 2.0, 5.0, 10.0]
                .map(|factor| factor * power)
                .into_iter()
                .find(|round| *round >= step);
            let least = u8::from(params["min_doc_count"] != true);
            json!({"histogram": {"field": field, "interval": step.unwrap(), "min_doc_count": least}})
        }
        other => panic!("no panel has {other}"),
    }
}
