//! The panels of the dashboard.

use serde_json::{Value, json};

use super::charts::{ChartType, NONE, count, histogram, metric, over_time, state, terms};

/// Rows that are suspicious or flagged.
const ALERTS: &str = "event.kind : \"alert\"";
const SCORE: &str = "event.risk_score_norm";
/// Columns of the table of suspects.
pub const COLUMNS: [&str; 8] = [
    "event.risk_score_norm",
    "anomal.severity",
    "anomal.flags",
    "event.reason",
    "related.hosts",
    "related.ip",
    "anomal.job",
    "event.url",
];

/// A part of the dashboard.
pub struct Panel {
    pub id: &'static str,
    pub title: &'static str,
    pub about: &'static str,
    /// From the left, from the top, width, height; 48 is the whole width.
    pub place: [u32; 4],
    /// The documents of the panel, as a query of the search bar.
    pub query: &'static str,
    pub content: Content,
}

pub enum Content {
    Visualization(Value),
    /// A table of the documents themselves.
    Documents,
}

/// All panels, for the indices of a pattern.
pub fn panels(index: &str) -> Vec<Panel> {
    vec![
        guide(),
        figures(),
        over_time_by_severity(),
        scores(),
        incidents(),
        reasons(index),
        flags(),
        suspects(),
        jobs(),
        entity("anomal-by-address", "By address", ("related.ip", "address"), 0),
        entity("anomal-by-host", "By host", ("related.hosts", "host"), 16),
        entity("anomal-by-user", "By user", ("related.user", "user"), 32),
    ]
}

fn guide() -> Panel {
    let title = "How to read this";
    let text = "**Alerts** are rows that stand out from the others, or that a flag has hit. The *risk* is the share of \
                the rows that score lower, in percent; *reasons* are what makes a row stand out, by their share in it. \
                Click a value to see only its rows. A row's link leads to its row in the report.";
    let params = json!({"fontSize": 12, "openLinksInNewTab": false, "markdown": text});
    Panel {
        id: "anomal-guide",
        title,
        about: "The terms of the dashboard",
        place: [0, 0, 24, 7],
        query: "",
        content: Content::Visualization(
            json!({"title": title, "type": "markdown", "params": params, "aggs": []}),
        ),
    }
}

fn figures() -> Panel {
    let aggregations = [
        count("alerts"),
        metric("2", "cardinality", "anomal.run", "runs"),
        metric("3", "cardinality", "anomal.job", "jobs"),
        metric("4", "max", SCORE, "highest risk"),
    ];
    let title = "At a glance";
    Panel {
        id: "anomal-figures",
        title,
        about: "How many alerts, of how many runs and jobs",
        place: [24, 0, 24, 7],
        query: ALERTS,
        content: Content::Visualization(state(ChartType::Figures, title, &aggregations)),
    }
}

fn over_time_by_severity() -> Panel {
    let severity = ("anomal.severity", "severity");
    let aggregations = [
        count("alerts"),
        over_time("2", "time"),
        terms("3", "group", severity, 5, "1", Some(NONE)),
    ];
    let title = "Alerts over time by severity";
    Panel {
        id: "anomal-over-time",
        title,
        about: "By the rows' own time, where the job names its time column",
        place: [0, 7, 32, 14],
        query: ALERTS,
        content: Content::Visualization(state(ChartType::Bars, title, &aggregations)),
    }
}

fn scores() -> Panel {
    let aggregations = [count("rows"), histogram("2", "anomal.score", "score")];
    let title = "Scores";
    Panel {
        id: "anomal-scores",
        title,
        about: "How the scores are distributed: those far to the right stand out. Choose one job, for detectors have \
                scales of their own",
        place: [32, 7, 16, 14],
        query: "",
        content: Content::Visualization(state(ChartType::Bars, title, &aggregations)),
    }
}

/// A table of what the alerts have in common.
fn table(
    id: &'static str,
    title: &'static str,
    about: &'static str,
    place: [u32; 4],
    aggregations: &[Value],
) -> Panel {
    let content = Content::Visualization(state(ChartType::Table, title, aggregations));
    Panel { id, title, about, place, query: ALERTS, content }
}

/// By the incident of each row, so that its rows are a click away.
fn incidents() -> Panel {
    let aggregations = [
        metric("2", "max", "anomal.incident.risk", "risk"),
        count("rows"),
        metric("3", "min", "@timestamp", "first"),
        metric("4", "max", "@timestamp", "last"),
        terms("5", "bucket", ("anomal.incident.title", "incident"), 50, "2", None),
    ];
    let about = "What rows are about, the highest risk first; the index anomal-incidents-… has a document for each";
    table("anomal-incidents", "Incidents", about, [0, 21, 48, 14], &aggregations)
}

/// A Vega chart, since no other type of visualization can aggregate nested objects.
fn reasons(index: &str) -> Panel {
    let title = "Top reasons";
    let contributions = json!({
        "nested": {"path": "anomal.contributions"},
        "aggs": {"features": {
            "terms": {"field": "anomal.contributions.feature", "size": 15, "order": {"share": "desc"}},
            "aggs": {"share": {"sum": {"field": "anomal.contributions.share"}}},
        }},
    });
    let alerts =
        json!({"filter": {"term": {"event.kind": "alert"}}, "aggs": {"reasons": contributions}});
    let body = json!({"size": 0, "aggs": {"alerts": alerts}});
    let bar = |field: &str, kind: &str, more: Value| {
        let mut channel = json!({"field": field, "type": kind});
        if let (Some(channel), Value::Object(more)) = (channel.as_object_mut(), more) {
            channel.extend(more);
        }
        channel
    };
    let spec = json!({
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {
            "url": {"%context%": true, "%timefield%": "@timestamp", "index": index, "body": body},
            "format": {"property": "aggregations.alerts.reasons.features.buckets"},
        },
        "mark": {"type": "bar", "tooltip": true},
        "encoding": {
            "y": bar("key", "nominal", json!({"sort": "-x", "axis": {"title": Value::Null}})),
            "x": bar("share.value", "quantitative", json!({"axis": {"title": "alerts that it explains"}})),
            "tooltip": [
                bar("key", "nominal", json!({"title": "feature"})),
                bar("share.value", "quantitative", json!({"title": "alerts that it explains", "format": ".1f"})),
                bar("doc_count", "quantitative", json!({"title": "alerts that it is a reason of"})),
            ],
        },
    });
    let params = json!({"spec": format!("{spec:#}")});
    Panel {
        id: "anomal-reasons",
        title,
        about: "The shares of the features in what makes rows stand out, added up",
        place: [0, 35, 24, 14],
        query: "",
        content: Content::Visualization(
            json!({"title": title, "type": "vega", "params": params, "aggs": []}),
        ),
    }
}

fn flags() -> Panel {
    let aggregations = [count("rows"), terms("2", "segment", ("rule.name", "flag"), 15, "1", None)];
    let title = "Top flags";
    Panel {
        id: "anomal-flags",
        title,
        about: "How many rows each flag has hit",
        place: [24, 35, 24, 14],
        query: ALERTS,
        content: Content::Visualization(state(ChartType::Rows, title, &aggregations)),
    }
}

fn suspects() -> Panel {
    Panel {
        id: "anomal-suspects",
        title: "Suspects",
        about: "The rows that stand out most, with their reasons and the link to their row of the report",
        place: [0, 49, 48, 18],
        query: ALERTS,
        content: Content::Documents,
    }
}

fn jobs() -> Panel {
    let aggregations = [
        count("alerts"),
        metric("2", "max", SCORE, "highest risk"),
        metric("3", "cardinality", "anomal.run", "runs"),
        metric("4", "max", "event.created", "last run"),
        terms("5", "bucket", ("anomal.job", "job"), 50, "1", None),
    ];
    table("anomal-by-job", "By job", "What each job has found", [0, 67, 48, 10], &aggregations)
}

fn entity(
    id: &'static str,
    title: &'static str,
    field: (&'static str, &'static str),
    left: u32,
) -> Panel {
    let aggregations = [
        count("alerts"),
        metric("2", "max", SCORE, "highest risk"),
        metric("3", "cardinality", "rule.name", "flags"),
        terms("4", "bucket", field, 50, "1", None),
    ];
    let about = "Who or what is named in the most alerts";
    table(id, title, about, [left, 77, 16, 14], &aggregations)
}
