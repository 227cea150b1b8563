//! Answers as Elasticsearch gives them.

use axum::{http::StatusCode, response::Response};
use serde_json::{Value, json};

use super::{
    super::answer::{Refusal, json_response},
    items::Item,
};
use crate::journal::{AppendError, Appended};

/// Records that are on disk: 201, 200 where they were there before, 400 where they can't be records.
pub(super) fn taken(items: &[Item], appended: &Appended) -> Response {
    let mut known = appended.known.iter().copied().peekable();
    let answers = items.iter().enumerate().map(|(place, item)| {
        let is_known = known.next_if_eq(&place).is_some();
        if !item.refused.is_empty() {
            return (400, problem("document_parsing_exception", &item.refused));
        }
        let (status, result) = if is_known { (200, "noop") } else { (201, "created") };
        let shards = json!({"total": 1, "successful": 1, "failed": 0});
        (status, json!({"result": result, "_version": 1, "_shards": shards}))
    });
    answer(items, answers)
}

/// There is no room: 429 for all.
pub(super) fn rejected(items: &[Item]) -> Response {
    let reason = AppendError::Full.to_string();
    let full = || problem("es_rejected_execution_exception", &reason);
    answer(items, items.iter().map(|_| (429, full())))
}

/// A request of which nothing is taken.
pub(super) fn refused(refusal: &Refusal) -> Response {
    let kind = match refusal {
        Refusal::Unauthorized => "security_exception",
        Refusal::TooMany | Refusal::Full | Refusal::Later(_) => "es_rejected_execution_exception",
        _ => "illegal_argument_exception",
    };
    let mut response = error(refusal.status(), kind, &refusal.to_string());
    refusal.add_headers(response.headers_mut());
    response
}

pub(super) fn error(status: StatusCode, kind: &str, reason: &str) -> Response {
    let mut error = cause(kind, reason);
    error["root_cause"] = json!([cause(kind, reason)]);
    json_response(status, &json!({"error": error, "status": status.as_u16()}))
}

fn cause(kind: &str, reason: &str) -> Value {
    json!({"type": kind, "reason": reason})
}

fn problem(kind: &str, reason: &str) -> Value {
    json!({"error": cause(kind, reason)})
}

fn answer(items: &[Item], answers: impl Iterator<Item = (u16, Value)>) -> Response {
    let mut errors = false;
    let items: Vec<Value> = items
        .iter()
        .zip(answers)
        .map(|(item, (status, mut answer))| {
            errors |= status >= 400;
            answer["_index"] = item.index.as_str().into();
            answer["_id"] = item.id.as_deref().into();
            answer["status"] = status.into();
            json!({item.action: answer})
        })
        .collect();
    json_response(StatusCode::OK, &json!({"took": 0, "errors": errors, "items": items}))
}
