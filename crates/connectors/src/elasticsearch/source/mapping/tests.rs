use anomal_spec::ColumnType;
use serde_json::json;

use super::*;

fn capabilities(fields: &serde_json::Value) -> Capabilities {
    serde_json::from_value(json!({"indices": ["a", "b"], "fields": fields})).unwrap()
}

fn types(fields: &[Field]) -> Vec<(&str, Type)> {
    fields.iter().map(|field| (field.name.as_str(), field.data_type)).collect()
}

#[test]
fn types_come_from_the_mapping() {
    let of = |kind: &str| json!({kind: {"type": kind, "aggregatable": true}});
    let capabilities = capabilities(&json!({
        "@timestamp": of("date"), "_id": {"_id": {"metadata_field": true}}, "_ignored": of("_ignored"),
        "n": of("short"), "f": of("scaled_float"), "u": of("unsigned_long"), "ok": of("boolean"), "ip": of("ip"),
        "o": of("object"), "o.x": of("keyword"), "m": of("text"), "m.keyword": of("keyword"), "l": of("flattened"),
        "c": of("constant_keyword"), "t": of("date_nanos"),
    }));
    let mut input = ElasticsearchInput::new("http://h:9200", "a,b");
    let fields = capabilities.fields(&input);
    let expected = [
        ("@timestamp", Type::Datetime),
        ("c", Type::String),
        ("f", Type::Float),
        ("ip", Type::String),
        ("l", Type::String),
        ("m", Type::String),
        ("n", Type::Integer),
        ("o.x", Type::String),
        ("ok", Type::Boolean),
        ("t", Type::Datetime),
        ("u", Type::Float),
    ];
    assert_eq!(types(&fields), expected);
    let named = |name: &str| fields.iter().find(|field| field.name == name).unwrap();
    assert!(named("l").whole && !named("m").whole && named("c").derived && !named("m").derived);
    assert!(capabilities.is_time("t") && !capabilities.is_time("n") && !capabilities.is_time("x"));

    input.fields = vec!["m.keyword".into(), "n".into()];
    input.types =
        BTreeMap::from([("n".into(), ColumnType::String), ("z".into(), ColumnType::Float)]);
    let fields = capabilities.fields(&input);
    let named = |name: &str| fields.iter().find(|field| field.name == name).unwrap();
    assert!(named("m.keyword").derived);
    assert_eq!(
        (named("n").data_type, named("n").mapped, named("z").data_type),
        (Type::String, Type::Integer, Type::Float)
    );
}

#[test]
fn types_that_differ_between_indices_become_text_with_a_warning() {
    let capabilities = capabilities(&json!({
        "id": {"keyword": {"indices": ["a", "b", "c", "d", "e"]}, "long": {"indices": ["f"]}},
        "n": {"long": {"indices": ["a"]}, "double": {"indices": ["b"]}},
        "s": {"keyword": {"indices": ["a"]}, "text": {"indices": ["b"]}},
        "h": {"keyword": {"indices": ["a"]}, "object": {"indices": ["b"]}},
    }));
    let input = ElasticsearchInput::new("http://h:9200", "a,b");
    let fields = capabilities.fields(&input);
    let named = |name: &str| fields.iter().find(|field| field.name == name).unwrap();
    assert_eq!(named("id").data_type, Type::String);
    let warning = named("id").differs.as_ref().unwrap();
    assert!(warning.contains("keyword in a, b, c and 2 more, long in f;"), "{warning}");
    assert_eq!((named("n").data_type, &named("n").differs), (Type::Float, &None));
    assert_eq!((named("s").data_type, &named("s").differs), (Type::String, &None));
    assert!(named("h").differs.as_ref().unwrap().contains("object in b"));
}

#[test]
fn only_the_fields_to_read_are_requested() {
    let mut input = ElasticsearchInput::new("http://h:9200", "logs-*,<x-{now/d}>");
    assert_eq!(paths(&input), ["/logs-*,%3Cx-%7Bnow%2Fd%7D%3E/_field_caps?fields=*"]);
    input.fields = vec!["a.*".into(), "b".into()];
    assert_eq!(paths(&input)[0].split_once('=').unwrap().1, "a.*,b,%40timestamp");
    input.fields = (0..500).map(|number| format!("field{number:05}")).collect();
    let asked = paths(&input);
    assert!(asked.len() > 2 && asked.iter().all(|path| path.len() < 2_100), "{asked:?}");
    let names: usize = asked.iter().map(|path| path.matches("field0").count()).sum();
    assert_eq!(names, 500);
}

#[test]
fn requested_fields_must_exist() {
    let capabilities = capabilities(&json!({"o.x": {"keyword": {}}}));
    let mut input = ElasticsearchInput::new("http://h:9200", "a");
    let fields = capabilities.fields(&input);
    input.fields = vec!["o.x".into(), "p*".into()];
    assert!(check_fields(&input, &fields).is_ok());
    input.fields.push("o".into());
    assert!(check_fields(&input, &fields).unwrap_err().message.contains("`o.*` are its fields"));
}
