//! `POST /v1/records`: lines of JSON objects, or an array of them.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{json, value::RawValue};

use super::{
    answer::{Refusal, json_response},
    door::{Door, Sender},
};
use crate::{check::json_record, journal::Appended, record::NewRecord};

/// Rejected records that an answer names.
const NAMED: usize = 100;

pub(super) async fn take(
    State(door): State<Arc<Door>>,
    Extension(sender): Extension<Sender>,
    request: Request,
) -> Response {
    let taken = async {
        let received = door.receive(request).await?;
        let (places, records): (Vec<usize>, Vec<NewRecord>) =
            split(&received.body)?.into_iter().unzip();
        let refused: Vec<(usize, String)> = places
            .into_iter()
            .zip(&records)
            .filter(|(_, record)| record.is_refused())
            .map(|(place, record)| (place, record.refused.clone()))
            .collect();
        let count = records.len();
        let appended = door.append(sender, &received.headers, records).await?;
        Ok(answer(count, &refused, door.options.dedupe.is_some().then_some(&appended)))
    };
    taken.await.unwrap_or_else(|refusal: Refusal| refusal.into_response())
}

/// The answer for so many records that are on disk now. `appended`: where those that are sent again are known.
fn answer(count: usize, refused: &[(usize, String)], appended: Option<&Appended>) -> Response {
    let named = refused.iter().take(NAMED);
    let named: Vec<_> =
        named.map(|(line, reason)| json!({"line": line, "reason": reason})).collect();
    let known = appended.map_or(0, |appended| appended.known.len());
    let accepted = count.saturating_sub(refused.len() + known);
    let mut answer = json!({"accepted": accepted});
    if appended.is_some() {
        answer["duplicates"] = known.into();
    }
    answer["rejectedCount"] = refused.len().into();
    answer["rejected"] = named.into();
    json_response(StatusCode::OK, &answer)
}

/// The records with their lines, or of an array with their places, from 1.
///
/// # Errors
/// It begins as an array and is none.
pub(super) fn split(body: &Bytes) -> Result<Vec<(usize, NewRecord)>, Refusal> {
    let start = body.iter().position(|byte| !byte.is_ascii_whitespace());
    if start.is_some_and(|start| body[start] == b'[') {
        return array(body);
    }
    let lines = body.split(|byte| *byte == b'\n').zip(1..);
    let lines = lines.map(|(line, number)| (number, line.trim_ascii()));
    Ok(lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(number, line)| (number, json_record(body.slice_ref(line))))
        .collect())
}

fn array(body: &Bytes) -> Result<Vec<(usize, NewRecord)>, Refusal> {
    let values: Vec<&RawValue> = serde_json::from_slice(body)
        .map_err(|error| Refusal::Bad(format!("the body is no JSON array: {error}")))?;
    let values = values.into_iter().zip(1..);
    Ok(values
        .map(|(value, place)| (place, json_record(body.slice_ref(value.get().as_bytes()))))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_text(body: &str) -> Vec<(usize, String, bool)> {
        let records = split(&Bytes::copy_from_slice(body.as_bytes())).unwrap();
        let record = |(line, record): (usize, NewRecord)| {
            (line, String::from_utf8_lossy(&record.text).into_owned(), record.is_refused())
        };
        records.into_iter().map(record).collect()
    }

    #[test]
    fn lines_and_arrays_have_the_same_records() {
        let good = |line: usize, text: &str| (line, text.to_owned(), false);
        assert_eq!(
            split_text("{\"a\":1}\r\n\n {\"a\":2}"),
            [good(1, "{\"a\":1}"), good(3, "{\"a\":2}")]
        );
        assert_eq!(
            split_text(" [{\"a\":1},\n{\"a\":\n2}]\n"),
            [good(1, "{\"a\":1}"), good(2, "{\"a\":\n2}")]
        );
        assert!(split_text(" \n").is_empty() && split_text("[]").is_empty());
    }

    #[test]
    fn what_is_no_object_is_refused_by_itself() {
        let bad = |line: usize, text: &str| (line, text.to_owned(), true);
        let deep = format!("{{\"a\":{}}}", "[".repeat(10_000));
        let body = format!("{{\"a\":1}}\nno\n[1]\n{{\"a\":}}\n{deep}\n");
        let found = split_text(&body);
        assert_eq!(found[1..4], [bad(2, "no"), bad(3, "[1]"), bad(4, "{\"a\":}")]);
        assert!(found[4].2 && found[4].1.len() == 4096 && !found[0].2);
        assert_eq!(split_text("[1,{}]"), [bad(1, "1"), (2, "{}".to_owned(), false)]);
        let invalid = split(&Bytes::from_static(b"{\"a\":\"\xff\"}\n{}")).unwrap();
        assert!(invalid[0].1.is_refused() && !invalid[1].1.is_refused());
        let broken = split(&Bytes::from_static(b"[{\"a\":1},"));
        assert!(matches!(broken, Err(Refusal::Bad(_))));
    }
}
