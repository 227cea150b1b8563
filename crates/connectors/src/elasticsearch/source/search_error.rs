//! Interprets the server's errors for searches.

use anomal_core::{Code, Error};
use serde::Deserialize;
use serde_json::Value;

use crate::elasticsearch::client::{Response, truncate};

#[derive(Deserialize)]
struct Failure {
    error: Value,
}

fn causes(answer: &Response) -> Vec<Value> {
    let Ok(failure) = serde_json::from_slice::<Failure>(&answer.body) else { return Vec::new() };
    let roots = failure.error["root_cause"].as_array().cloned().unwrap_or_default();
    let shards = failure.error["failed_shards"].as_array().cloned().unwrap_or_default();
    let shards = shards.into_iter().map(|mut shard| shard["reason"].take());
    roots.into_iter().chain(shards).chain([failure.error]).collect()
}

/// The types of all causes.
pub(super) fn types(answer: &Response) -> Vec<String> {
    let types = causes(answer).into_iter();
    types.filter_map(|cause| cause["type"].as_str().map(str::to_owned)).collect()
}

/// Whether the point in time no longer exists.
pub(super) fn is_lost(answer: &Response) -> bool {
    if answer.is_success() {
        return false;
    }
    let types = types(answer);
    let is = |name: &str| types.iter().any(|kind| kind == name);
    is("search_context_missing_exception") && !is("index_not_found_exception")
}

/// A description of the innermost cause.
pub(super) fn reason(answer: &Response) -> String {
    let causes = causes(answer);
    let mut deepest = causes.iter().find(|cause| cause["caused_by"].is_object()).or(causes.first());
    while let Some(below) = deepest.and_then(|cause| cause.get("caused_by")) {
        deepest = Some(below);
    }
    let text =
        |key: &str| deepest.and_then(|cause| cause[key].as_str()).unwrap_or_default().to_owned();
    match (text("type"), text("reason")) {
        (kind, reason) if kind.is_empty() && reason.is_empty() => answer.describe(),
        (kind, reason) => {
            let first =
                causes.first().and_then(|cause| cause["reason"].as_str()).unwrap_or_default();
            let first = if first == reason { String::new() } else { format!("{first}: ") };
            truncate(&format!("{first}{kind}: {reason}"))
        }
    }
}

/// The error for an incomplete response.
pub(super) fn partial(why: &str) -> Error {
    Error::new(
        Code::Unavailable,
        "ANSWER_PARTIAL",
        format!("the server does not return all documents: {why}; try again"),
    )
}
