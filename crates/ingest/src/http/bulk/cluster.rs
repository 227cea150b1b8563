//! What clients of Elasticsearch ask before they send, and what they want to install.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{Method, StatusCode},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    super::{answer::json_response, door::Door},
    answer::{error, refused},
};

/// Below the last ones is what can be installed.
pub(super) const PATHS: [&str; 10] = [
    "/",
    "/_license",
    "/_xpack",
    "/_cluster/health",
    "/_index_template/{*name}",
    "/_component_template/{*name}",
    "/_template/{*name}",
    "/_ilm/{*name}",
    "/_ingest/{*name}",
    "/_data_stream/{*name}",
];
/// The version whose requests are understood.
const VERSION: &str = "8.19.0";

/// Templates, policies, pipelines and streams are not there, and are acknowledged when they are installed: a record is judged
/// whatever its index is.
pub(super) async fn ask(State(door): State<Arc<Door>>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    // Whoever sends a template waits until it is read.
    if let Err(refusal) = door.receive(request).await {
        return refused(&refusal);
    }
    let is_question = matches!(method, Method::GET | Method::HEAD);
    match (path.as_str(), is_question) {
        ("/", true) => json_response(StatusCode::OK, &info()),
        ("/_license", true) => json_response(StatusCode::OK, &license()),
        ("/_xpack", true) => json_response(StatusCode::OK, &features()),
        ("/_cluster/health", true) => json_response(StatusCode::OK, &cluster_health()),
        ("/" | "/_license" | "/_xpack" | "/_cluster/health", false) => {
            let reason = format!("{path} is not changed");
            error(StatusCode::METHOD_NOT_ALLOWED, "illegal_argument_exception", &reason)
        }
        (_, true) => {
            let reason = format!("{path} is not there; nothing is installed here");
            error(StatusCode::NOT_FOUND, "resource_not_found_exception", &reason)
        }
        (_, false) => json_response(StatusCode::OK, &json!({"acknowledged": true})),
    }
}

fn info() -> Value {
    json!({
        "name": "anomal",
        "cluster_name": "anomal",
        "cluster_uuid": "anomal",
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "docker",
            "build_hash": "anomal",
            "build_date": "2026-01-01T00:00:00Z",
            "build_snapshot": false,
            "lucene_version": "9.12.1",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    })
}

fn license() -> Value {
    let license = json!({"uid": "anomal", "type": "basic", "mode": "basic", "status": "active"});
    json!({"license": license})
}

fn features() -> Value {
    let license = license();
    let ilm = json!({"available": true, "enabled": true});
    json!({"license": license["license"], "features": {"ilm": ilm}, "tagline": ""})
}

fn cluster_health() -> Value {
    json!({"cluster_name": "anomal", "status": "green", "timed_out": false, "number_of_nodes": 1})
}
