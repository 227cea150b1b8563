use anomal_core::proto::DataType as Type;
use anomal_spec::Arrays;
use proptest::prelude::*;
use serde_json::json;

use super::super::mapping::Field;
use super::*;

fn field(name: &str, of: Type) -> Field {
    Field {
        name: name.into(),
        data_type: of,
        mapped: of,
        typed: true,
        whole: name == "whole",
        values: true,
        derived: false,
        differs: None,
    }
}

fn plan() -> Plan {
    let fields = vec![
        field("a.b", Type::Integer),
        field("a.c", Type::String),
        field("time", Type::Datetime),
        field("whole", Type::String),
    ];
    Plan::new(fields, Arrays::Text)
}

fn hit(id: &str, number: i64, source: &Value) -> Value {
    json!({"_index": "x", "_id": id, "_source": source, "sort": [number, 12]})
}

fn page(plan: &Plan, hits: &[Value], asked: &[bool]) -> Page {
    sized(plan, hits, asked, 100)
}

fn sized(plan: &Plan, hits: &[Value], asked: &[bool], size: u64) -> Page {
    let body = json!({"timed_out": false, "_shards": {"failed": 0}, "hits": {"hits": hits}});
    plan.page(body.to_string().as_bytes(), asked, size).unwrap()
}

/// The readable documents with their values.
fn readable_rows(page: &Page) -> Vec<String> {
    let row = |row: usize| {
        let cells = page.frame.columns().iter().filter_map(|column| {
            let value = column.get(row).unwrap();
            (!value.is_null()).then(|| format!("{}={}", column.name(), value.str_value()))
        });
        cells.collect::<Vec<_>>().join(" ")
    };
    (0..page.frame.height()).map(row).collect()
}

#[test]
fn documents_are_flattened_and_in_order() {
    let plan = plan();
    let hits = [
        hit("z", 5, &json!({"a": {"b": "7", "c": ["x", "y"]}, "d": {"e": [1]}})),
        hit("b", 4, &json!({"a": [{"b": 1}, {"c": null}], "a.c": "p", "whole": {"k": [1]}})),
        hit(
            "a",
            5,
            &json!({"a.b": 2, "a": {"c": {"d": 1}}, "time": "2026-03-04T05:06:07Z", "whole": [1, 2]}),
        ),
        hit("c", 9, &json!({"a": "no object", "time": null})),
    ];
    let expected = [
        r#"_id=b a.b=1 a.c=p whole={"k":[1]}"#,
        r#"_id=a a.b=2 a.c={"d":1} time=2026-03-04T05:06:07Z whole=[1,2]"#,
        r#"_id=z a.b=7 a.c=[x";"y]"#,
        "_id=c",
    ];
    let whole = page(&plan, &hits, &[false; 4]);
    assert_eq!(readable_rows(&whole), expected);
    assert_eq!((whole.end, whole.hits, whole.unclear.len()), (None, 4, 0));
    assert!(whole.rows.iter().all(|row| row.bad.is_none()));
    // A full page ends before the last number, since more documents may have it.
    let full = sized(&plan, &hits, &[false; 4], 4);
    assert_eq!((readable_rows(&full).len(), full.rows.len(), full.end), (3, 3, Some(9)));
    let equal = sized(&plan, &hits[2..3], &[false; 4], 1);
    assert_eq!((equal.rows.len(), equal.end), (0, Some(5)));
}

#[test]
fn missing_values_come_from_the_server() {
    let plan = plan();
    let mut hit = hit("a", 1, &json!({"time": 5, "a": {"c": "own"}}));
    assert_eq!(page(&plan, &[hit.clone()], &[false; 4]).unclear, [2]);
    hit["fields"] = json!({"time": ["1970-01-01T00:00:05Z"], "a.c": ["other"], "a": [{"b": [3]}]});
    let found = page(&plan, &[hit], &[true; 4]);
    assert!(found.unclear.is_empty());
    assert_eq!(readable_rows(&found), ["_id=a a.b=3 a.c=own time=1970-01-01T00:00:05Z"]);
}

#[test]
fn a_value_of_the_wrong_type_rejects_the_document() {
    let plan = plan();
    let hits =
        [hit("a", 1, &json!({"a": {"c": "y", "b": "x"}})), hit("b", 2, &json!({"a": {"b": 2}}))];
    let found = page(&plan, &hits, &[false; 4]);
    let bad = found.rows[0].bad.as_ref().unwrap();
    let told_of = (bad.id.as_str(), bad.column.as_deref(), bad.reason.as_str());
    assert_eq!(told_of, ("a", Some("a.b"), "`x` is not a whole number"));
    assert!(bad.raw.contains(r#""b":"x""#) && found.rows[1].bad.is_none());
    assert_eq!(readable_rows(&found), ["_id=b a.b=2"]);
}

#[test]
fn an_incomplete_response_is_an_error() {
    let plan = plan();
    for body in [
        r#"{"timed_out": true, "_shards": {"failed": 0}, "hits": {"hits": []}}"#,
        r#"{"timed_out": false, "_shards": {"failed": 1}, "hits": {"hits": []}}"#,
        r#"{"timed_out": false, "_shards": {"failed": 0}, "hits": {"hits": [{"_id": "a", "sort": []}]}}"#,
        r#"{"timed_out": false, "_shards": {"failed": 0}, "hits": {"#,
    ] {
        let error = plan.page(body.as_bytes(), &[false; 4], 9).err().unwrap();
        assert_eq!(error.reason, "ANSWER_PARTIAL", "{body}");
    }
}

/// All texts and numbers of a value by path, as text.
fn flat(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flat(&path, value, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| flat(path, value, found)),
        Value::String(text) => found.push((path.to_owned(), text.clone())),
        other => found.push((path.to_owned(), other.to_string())),
    }
}

/// Documents whose names with and without dots collide.
fn document() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![any::<i64>().prop_map(Value::from), "[a\"\\\\é]{0,3}".prop_map(Value::from)];
    let name = proptest::sample::select(vec!["a", "b", "a.b", "b.a", "b.a.b"]);
    let nested = leaf.prop_recursive(4, 24, 4, move |inner| {
        let object =
            proptest::collection::vec((name.clone(), inner.clone()), 1..4).prop_map(|pairs| {
                json!(pairs.into_iter().collect::<std::collections::BTreeMap<_, _>>())
            });
        prop_oneof![object, proptest::collection::vec(inner, 1..3).prop_map(Value::from)]
    });
    nested.prop_map(|value| json!({"a": value}))
}

proptest! {
    #[test]
    fn any_response_is_read_or_refused(
        cut in 0_usize..400, changed in 0_usize..400, byte in any::<u8>(), document in document(),
    ) {
        let hits = [hit("a", 1, &document), hit("b", 2, &json!({"time": 5, "whole": [1]}))];
        let body = json!({"_shards": {"failed": 0}, "hits": {"hits": hits}}).to_string();
        let mut body = body.into_bytes();
        if let Some(at) = body.get_mut(changed) {
            *at = byte;
        }
        let plan = plan();
        let _ = plan.page(&body, &[false; 4], 2);
        body.truncate(cut);
        let rows = plan.page(&body, &[false; 4], 2).map(|page| page.rows.len());
        prop_assert!(rows.is_err_and(|error| error.reason == "ANSWER_PARTIAL") || cut > 100);
    }

    #[test]
    fn nested_values_are_found_by_path(document in document()) {
        let mut found = Vec::new();
        flat("", &document, &mut found);
        let mut names: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let fields = names.iter().map(|name| field(name, Type::String)).collect();
        let page = page(&Plan::new(fields, Arrays::Text), &[hit("a", 1, &document)], &vec![false; names.len()]);
        for name in names {
            let values: Vec<&str> = found.iter().filter(|(path, _)| path == name).map(|(_, text)| text.as_str()).collect();
            let expected = match values.as_slice() {
                [one] => (*one).to_owned(),
                many => format!("[{}]", many.join("\";\"")),
            };
            let column = page.frame.column(name).unwrap();
            prop_assert_eq!(column.get(0).unwrap().str_value(), expected);
        }
    }
}
