//! The state of a visualization: its chart type and its aggregations.

use serde_json::{Value, json};

/// The colours of severities; `none` is a suspicious row without flags.
const COLOURS: [(&str, &str); 4] =
    [("high", "#BD271E"), ("medium", "#E7A33C"), ("low", "#D6BF57"), (NONE, "#79AAD9")];
pub const NONE: &str = "none";

/// How a panel is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChartType {
    /// Vertical bars, stacked.
    Bars,
    /// Horizontal bars, one for each value.
    Rows,
    Table,
    /// A few figures.
    Figures,
}

/// An aggregation; `schema` is its role in the chart.
fn aggregation(id: &str, kind: &str, schema: &str, params: &Value) -> Value {
    json!({"id": id, "enabled": true, "type": kind, "schema": schema, "params": params})
}

pub fn count(label: &str) -> Value {
    aggregation("1", "count", "metric", &json!({"customLabel": label}))
}

pub fn metric(id: &str, kind: &str, field: &str, label: &str) -> Value {
    aggregation(id, kind, "metric", &json!({"field": field, "customLabel": label}))
}

/// The values with the highest metric `order_by`; `missing` is the label for rows without a value.
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

/// A histogram of a field, with at most 50 bars.
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
pub fn state(chart: ChartType, title: &str, aggregations: &[Value]) -> Value {
    let (kind, params) = match chart {
        ChartType::Bars => ("histogram", axes("histogram", ["bottom", "left"], "stacked")),
        ChartType::Rows => ("horizontal_bar", axes("histogram", ["left", "bottom"], "normal")),
        ChartType::Table => ("table", table()),
        ChartType::Figures => ("metric", figures()),
    };
    json!({"title": title, "type": kind, "params": params, "aggs": aggregations})
}

/// The state that users can change in a panel: the colours of severities.
pub fn ui_state() -> Value {
    let colours: serde_json::Map<String, Value> =
        COLOURS.iter().map(|(name, colour)| ((*name).to_owned(), json!(colour))).collect();
    json!({"vis": {"colors": colours}})
}

/// The axes of a bar chart; `category` and `value` are their positions.
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
