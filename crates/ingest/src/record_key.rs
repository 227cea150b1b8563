//! By what a record is known that is sent again.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_128;

use crate::record::NewRecord;

/// The value of a member. `field`: names with dots between; a name may have dots itself. Records without it are always new.
pub(crate) fn by_field(records: &mut [NewRecord], field: &str) {
    for record in records.iter_mut().filter(|record| !record.is_refused()) {
        let text = str::from_utf8(&record.text).unwrap_or_default();
        record.key = value(text, field).map(|value| xxh3_128(value.as_bytes()));
    }
}

/// The id of their request, and the place in it, since a part of a request may be there.
pub(crate) fn by_request(records: &mut [NewRecord], id: &[u8]) {
    for (record, place) in records.iter_mut().zip(0_u64..) {
        record.key = Some(xxh3_128(&[&place.to_le_bytes(), id].concat()));
    }
}

/// The text of the value of a member.
fn value<'a>(object: &'a str, field: &str) -> Option<&'a str> {
    let members = serde_json::from_str::<BTreeMap<String, &RawValue>>(object).ok()?;
    let text = |value: &&'a RawValue| value.get();
    if let Some(found) = members.get(field).map(text) {
        return (found != "null").then_some(found);
    }
    let dots = field.match_indices('.');
    let mut inner = dots.filter_map(|(dot, _)| {
        let inner = members.get(&field[..dot]).map(text).filter(|it| it.starts_with('{'))?;
        value(inner, &field[dot + 1..])
    });
    inner.next()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_member_is_found_below_names_with_and_without_dots() {
        for object in [
            r#"{"event.id": "x"}"#,
            r#"{"event": {"id": "x", "a": {"event": 1}}}"#,
            r#"{"event": 1, "event.id": "x"}"#,
            r#"{"event": {}, "event.id":"x"}"#,
        ] {
            assert_eq!(value(object, "event.id"), Some("\"x\""), "{object}");
        }
        for object in [r#"{"event.id": null}"#, r#"{"event": "id"}"#, "{}", "no", r#"{"id": 1}"#] {
            assert_eq!(value(object, "event.id"), None, "{object}");
        }
        assert_eq!(value(r#"{"a": {"b.c": {"d": 7}}}"#, "a.b.c.d"), Some("7"));
    }

    #[test]
    fn records_of_a_request_differ_by_their_places() {
        let record = |text: &'static str| NewRecord::new(Bytes::from_static(text.as_bytes()));
        let mut records = vec![record("{\"id\":1}"), record("{\"id\":1}"), record("{}")];
        by_field(&mut records, "id");
        assert!(records[0].key == records[1].key && records[0].key.is_some());
        assert_eq!(records[2].key, None);
        by_request(&mut records, b"one");
        let keys = |records: &[NewRecord]| -> Vec<_> { records.iter().map(|it| it.key).collect() };
        let first = keys(&records);
        assert!(first[0] != first[1] && first.iter().all(Option::is_some));
        by_request(&mut records, b"one");
        assert_eq!(keys(&records), first);
        by_request(&mut records, b"two");
        assert!(keys(&records).iter().all(|key| !first.contains(key)));
    }
}
