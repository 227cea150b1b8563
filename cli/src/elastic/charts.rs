//! What a panel looks like, and the aggregations that it asks for: the state of a visualization.

use serde_json::{Value, json};

/// The colours of severities; `none` is a row that is suspicious and was hit by no flag.
const COLOURS: [(&str, &str); 4] =
    [("high", "#BD271E"), ("medium", "#E7A33C"), ("low", "#D6BF57"), (NONE, "#79AAD9")];
pub const NONE: &str = "none";

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Upright bars, one above the other.
    Bars,
    /// Lying bars, one for each value.
    Rows,
    Table,
    /// A few figures.
    Figures,
}

/// One aggregation: `schema` is its place in the picture, `params` what it is about.
fn aggregation(id: &str, kind: &str, schema: &str, params: &Value) -> Value {
    json!({"id": id, "enabled": true, "type": kind, "schema": schema, "params": params})
}

pub fn count(label: &str) -> Value {
    aggregation("1", "count", "metric", &json!({"customLabel": label}))
}

pub fn metric(id: &str, kind: &str, field: &str, label: &str) -> Value {
    aggregation(id, kind, "metric", &json!({"field": field, "customLabel": label}))
}

/// The values with the most of the metric `order_by`; `missing`: what rows without one are told as.
pub fn terms(
    id: &str,
    schema: &str,
    (field, label): (&str, &str),
    size: u32,
    order_by: &str,
    missing: Option<&str>,
) -> Value {
    let params = json!({
        "field": field,
        "size": size,
        "order": "desc",
        "orderBy": order_by,
        "otherBucket": false,
        "otherBucketLabel": "others",
        "missingBucket": missing.is_some(),
        "missingBucketLabel": missing.unwrap_or("none"),
        "customLabel": label,
    });
    aggregation(id, "terms", schema, &params)
}

pub fn over_time(id: &str, label: &str) -> Value {
    let params = json!({
        "field": "@timestamp",
        "useNormalizedEsInterval": true,
        "scaleMetricValues": false,
        "interval": "auto",
        "drop_partials": false,
        "min_doc_count": 1,
        "extended_bounds": {},
        "customLabel": label,
    });
    aggregation(id, "date_histogram", "segment", &params)
}

/// Over the values that there are, in as many steps as are readable.
pub fn histogram(id: &str, field: &str, label: &str) -> Value {
    let params = json!({
        "field": field,
        "interval": "auto",
        "maxBars": 50,
        "min_doc_count": false,
        "has_extended_bounds": false,
        "extended_bounds": {"min": "", "max": ""},
        "customLabel": label,
    });
    aggregation(id, "histogram", "segment", &params)
}

/// The state of a visualization.
pub fn state(look: Look, title: &str, aggregations: &[Value]) -> Value {
    let (kind, params) = match look {
        Look::Bars => ("histogram", axes("histogram", ["bottom", "left"], "stacked")),
        Look::Rows => ("horizontal_bar", axes("histogram", ["left", "bottom"], "normal")),
        Look::Table => ("table", table()),
        Look::Figures => ("metric", figures()),
    };
    json!({"title": title, "type": kind, "params": params, "aggs": aggregations})
}

/// What a user may change in a panel: here, the colours of severities.
pub fn ui_state() -> Value {
    let colours: serde_json::Map<String, Value> =
        COLOURS.iter().map(|(name, colour)| ((*name).to_owned(), json!(colour))).collect();
    json!({"vis": {"colors": colours}})
}

/// Where the axis of the values counted is, and that of the counts.
fn axes(kind: &str, [category, value]: [&str; 2], mode: &str) -> Value {
    let labels =
        |rotate: u32| json!({"show": true, "rotate": rotate, "filter": true, "truncate": 100});
    let name = if value == "left" { "LeftAxis-1" } else { "BottomAxis-1" };
    json!({
        "type": kind,
        "grid": {"categoryLines": false},
        "categoryAxes": [{
            "id": "CategoryAxis-1",
            "type": "category",
            "position": category,
            "show": true,
            "style": {},
            "scale": {"type": "linear"},
            "labels": labels(0),
            "title": {},
        }],
        "valueAxes": [{
            "id": "ValueAxis-1",
            "name": name,
            "type": "value",
            "position": value,
            "show": true,
            "style": {},
            "scale": {"type": "linear", "mode": "normal"},
            "labels": labels(0),
            "title": {"text": ""},
        }],
        "seriesParams": [{
            "show": true,
            "type": kind,
            "mode": mode,
            "data": {"label": "", "id": "1"},
            "valueAxis": "ValueAxis-1",
            "drawLinesBetweenPoints": true,
            "lineWidth": 2,
            "showCircles": true,
        }],
        "addTooltip": true,
        "addLegend": mode == "stacked",
        "legendPosition": "right",
        "times": [],
        "addTimeMarker": false,
        "labels": {"show": false},
        "thresholdLine": {"show": false, "value": 10, "width": 1, "style": "full", "color": "#E7664C"},
    })
}

fn table() -> Value {
    json!({
        "perPage": 10,
        "showPartialRows": false,
        "showMetricsAtAllLevels": false,
        "showTotal": false,
        "totalFunc": "sum",
        "percentageCol": "",
    })
}

fn figures() -> Value {
    json!({
        "addTooltip": true,
        "addLegend": false,
        "type": "metric",
        "metric": {
            "percentageMode": false,
            "useRanges": false,
            "colorSchema": "Green to Red",
            "metricColorMode": "None",
            "colorsRange": [{"from": 0, "to": 10000}],
            "labels": {"show": true},
            "invertColors": false,
            "style": {"bgFill": "#000", "bgColor": false, "labelColor": false, "subText": "", "fontSize": 36},
        },
    })
}
