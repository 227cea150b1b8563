//! The items of a bulk request: a line with an action, and a line with a document.

use bytes::{Bytes, BytesMut};
use serde_json::{Map, Value};

use super::super::answer::Refusal;
use crate::{check::json_record, record::NewRecord};

/// An action on a document, as its answer names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Item {
    pub action: &'static str,
    pub index: String,
    pub id: Option<String>,
    /// Why it is not taken. Empty: it is.
    pub refused: String,
}

/// The items of a body with their records. `index`: of items that name none.
///
/// # Errors
/// A line is no action, or the document of one is not there.
pub(in super::super) fn split(
    body: &Bytes,
    index: &str,
) -> Result<Vec<(Item, NewRecord)>, Refusal> {
    let mut lines = body.split(|byte| *byte == b'\n').zip(1_usize..);
    let mut items = Vec::new();
    while let Some((line, number)) = lines.next() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let (action, settings) = action(line).ok_or_else(|| {
            let message = "is no action such as {\"create\": {}} or {\"index\": {}}";
            Refusal::Bad(format!("Malformed action/metadata line [{number}]: it {message}"))
        })?;
        let own = |key: &str| match settings.get(key) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let (id, index) = (own("_id"), own("_index").unwrap_or_else(|| index.to_owned()));
        let document = if action == "delete" {
            None
        } else {
            let message = || format!("the action in line {number} has no document behind it");
            Some(lines.next().ok_or_else(|| Refusal::Bad(message()))?.0.trim_ascii())
        };
        let record = match document {
            Some(document) if action != "update" => {
                with_place(json_record(body.slice_ref(document)), id.as_deref(), &index)
            }
            _ => NewRecord::refused(
                &body.slice_ref(document.unwrap_or(line)),
                format!(
                    "records are added, and not changed: there is `create` and `index`, and no `{action}`"
                ),
            ),
        };
        items.push((Item { action, index, id, refused: record.refused.clone() }, record));
    }
    Ok(items)
}

fn action(line: &[u8]) -> Option<(&'static str, Map<String, Value>)> {
    let object = serde_json::from_slice::<Map<String, Value>>(line).ok()?;
    let mut members = object.into_iter();
    let (Some((name, Value::Object(settings))), None) = (members.next(), members.next()) else {
        return None;
    };
    let known = ["create", "index", "update", "delete"].into_iter().find(|known| *known == name)?;
    Some((known, settings))
}

/// A document with the members `_id` and `_index` at its end, where they go before its own.
fn with_place(record: NewRecord, id: Option<&str>, index: &str) -> NewRecord {
    let places = [("_id", id.unwrap_or_default()), ("_index", index)];
    let Some(open) = record.text.strip_suffix(b"}").filter(|_| !record.is_refused()) else {
        return record;
    };
    let mut is_empty = open.trim_ascii() == b"{";
    let mut text = BytesMut::from(open);
    for (name, value) in places.into_iter().filter(|(_, value)| !value.is_empty()) {
        if !std::mem::replace(&mut is_empty, false) {
            text.extend_from_slice(b",");
        }
        text.extend_from_slice(format!("\"{name}\":{}", Value::from(value)).as_bytes());
    }
    text.extend_from_slice(b"}");
    NewRecord { text: text.freeze(), ..record }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str, index: &str) -> Vec<(String, String)> {
        let items = split(&Bytes::copy_from_slice(body.as_bytes()), index).unwrap();
        let text = |record: &NewRecord| String::from_utf8(record.text.to_vec()).unwrap();
        items.iter().map(|(item, record)| (text(record), item.refused.clone())).collect()
    }

    #[test]
    fn documents_get_their_ids_and_indices() {
        let body = "{\"create\": {\"_index\": \"logs\", \"_id\": \"a\\\"b\", \"pipeline\": \"p\"}}\r\n{\"a\": 1}\r\n\n\
                    {\"index\":{}}\n{ }\n{\"index\":{\"_id\":7}}\n{\"_id\":\"own\"}";
        let texts = |index: &str| -> Vec<String> {
            found(body, index).into_iter().map(|(text, refused)| text + &refused).collect()
        };
        assert_eq!(
            texts("of-path"),
            [
                "{\"a\": 1,\"_id\":\"a\\\"b\",\"_index\":\"logs\"}",
                "{ \"_index\":\"of-path\"}",
                "{\"_id\":\"own\",\"_id\":\"7\",\"_index\":\"of-path\"}",
            ]
        );
        assert_eq!(texts("")[1], "{ }");
    }

    #[test]
    fn what_can_t_be_a_record_is_refused_by_itself() {
        let body = "{\"index\":{}}\nno\n{\"delete\":{\"_id\":\"1\"}}\n{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{}}\n\
                    {\"create\":{}}\n{\"a\":1}\n";
        let found = found(body, "i");
        assert!(found[0].1.contains("no JSON object") && found[3].1.is_empty(), "{found:?}");
        assert!(found[1].1.contains("no `delete`") && found[1].0.contains("delete"), "{found:?}");
        assert!(found[2].1.contains("no `update`") && found[2].0.contains("doc"), "{found:?}");
    }

    #[test]
    fn a_line_that_is_no_action_refuses_all() {
        for body in [
            "no\n{}",
            "{\"a\":1}\n",
            "{\"index\":{},\"create\":{}}\n{}",
            "{\"index\":1}\n{}",
            "[1]",
            "{\"index\":{}}",
        ] {
            let wrong = split(&Bytes::copy_from_slice(body.as_bytes()), "");
            assert!(matches!(wrong, Err(Refusal::Bad(_))), "{body}");
        }
        assert!(split(&Bytes::new(), "").unwrap().is_empty());
    }
}
