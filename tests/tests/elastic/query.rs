//! What Kibana and OpenSearch Dashboards make of a saved visualization: the search that they send.

use std::collections::BTreeMap;

use anomal_tests::elastic::Server;
use serde_json::{Value, json};

/// How many bars are drawn at most.
const BARS: f64 = 50.0;

/// The answer.
#[derive(Debug)]
pub struct Asked {
    pub total: u64,
    aggregations: Value,
}

impl Asked {
    pub fn value(&self, id: &str) -> f64 {
        self.aggregations[id]["value"].as_f64().unwrap_or_else(|| panic!("no {id} in {self:?}"))
    }

    /// Buckets below one aggregation after another.
    pub fn below(&self, path: &[&str]) -> Vec<Value> {
        let place = path.iter().fold(&self.aggregations, |place, id| &place[id]);
        place["buckets"].as_array().unwrap_or_else(|| panic!("{path:?}: {self:?}")).clone()
    }

    /// As the server has it.
    pub fn answer(&self) -> Value {
        json!({"aggregations": self.aggregations})
    }

    pub fn buckets(&self, path: &[&str]) -> Vec<(f64, u64)> {
        let buckets = self.below(path);
        let one = |bucket: &Value| {
            (bucket["key"].as_f64().unwrap(), bucket["doc_count"].as_u64().unwrap())
        };
        buckets.iter().map(one).collect()
    }

    pub fn terms(&self, path: &[&str]) -> BTreeMap<String, u64> {
        let buckets = self.below(path);
        let one = |bucket: &Value| {
            (bucket["key"].as_str().unwrap().to_owned(), bucket["doc_count"].as_u64().unwrap())
        };
        buckets.iter().map(one).collect()
    }
}

/// The query of a saved object's search bar, for what is typed into the panels: nothing, or `field : "value"`.
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

/// The aggregations of a visualization; what is in a specification is as it stands there. None of what has no data.
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
pub fn ask(server: &Server, index: &str, object: &Value) -> Asked {
    let state = object["attributes"]["visState"].as_str().unwrap();
    let state: Value = serde_json::from_str(state).unwrap();
    // As the time picker is put, here to a year.
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
        // The context becomes the query; a query of its own would be refused.
        assert!(url["body"].get("query").is_none());
    }
    let bounds = |field: &Value| {
        let bounds = json!({"min": {"min": {"field": field}}, "max": {"max": {"field": field}}});
        let answer = send(&bounds);
        let of = |name: &str| answer["aggregations"][name]["value"].as_f64().unwrap();
        (of("min"), of("max"))
    };
    let mut answer = send(&aggregations_of(object, &bounds).expect("a panel with data"));
    assert_eq!(answer["_shards"]["failed"], 0, "{answer}");
    let total = answer["hits"]["total"]["value"].as_u64().unwrap();
    Asked { total, aggregations: answer["aggregations"].take() }
}

/// Buckets within buckets in their order, and the metrics within the last.
fn aggregations(parts: &[Value], bounds: &impl Fn(&Value) -> (f64, f64)) -> Value {
    let of = |metric: bool| parts.iter().filter(move |part| (part["schema"] == "metric") == metric);
    let mut metrics = serde_json::Map::new();
    for part in of(true).filter(|part| part["type"] != "count") {
        let kind = part["type"].as_str().unwrap();
        metrics.insert(name(part), json!({kind: {"field": part["params"]["field"]}}));
    }
    let mut inner = Value::Object(metrics);
    let buckets: Vec<&Value> = of(false).collect();
    for part in buckets.into_iter().rev() {
        let mut made = bucket(part, parts, bounds);
        if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
            made["aggs"] = inner;
        }
        inner = json!({name(part): made});
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
        // What `auto` comes to for a day or two.
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
            // A round step: 1, 2 or 5 of a power of ten.
            let step = (most - least) / BARS;
            let power = 10_f64.powf(step.log10().floor());
            let step =
                [1.0, 2.0, 5.0, 10.0].map(|of| of * power).into_iter().find(|of| *of >= step);
            let least = u8::from(params["min_doc_count"] != true);
            json!({"histogram": {"field": field, "interval": step.unwrap(), "min_doc_count": least}})
        }
        other => panic!("no panel has {other}"),
    }
}
