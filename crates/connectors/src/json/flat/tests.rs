use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// The names and JSON texts of a record.
fn parse(line: &str, duplicates_are_errors: bool) -> Result<Vec<(String, String)>, String> {
    let mut chunk = FlatChunk::new(Names::default(), duplicates_are_errors);
    chunk.push(line)?;
    let (values, texts) = chunk.record(0, line);
    let pair = |(name, value): &(NameId, Scalar)| {
        (chunk.names.path(*name).to_owned(), value.token(texts).into_owned())
    };
    Ok(values.iter().map(pair).collect())
}

fn flat(line: &str) -> String {
    text(parse(line, true))
}

fn text(parsed: Result<Vec<(String, String)>, String>) -> String {
    let text = |flat: Vec<(String, String)>| {
        flat.into_iter().flat_map(|(name, value)| [name, "=".into(), value, " ".into()]).collect()
    };
    parsed.map_or_else(|reason| reason, text)
}

#[test]
fn names_are_joined_and_lists_are_text() {
    let line = r#" {"a": {"b": 1, "c": {"d": null, "e": {}}}, "f": [1, {"x": "ü"}], "g.h": -2.5, "i": "\u00fc"}"#;
    assert_eq!(flat(line), r#"a.b=1 a.c.d=null f=[1,{"x":"ü"}] g.h=-2.5 i="ü" "#);
    assert_eq!(flat("{}"), "");
}

#[test]
fn numbers_keep_their_text() {
    let line = r#"{"a": 1.50, "b": 18446744073709551615, "c": 1e3, "d": -0, "e": 1e999, "f": [1.50, 1E+2]}"#;
    assert_eq!(flat(line), "a=1.50 b=18446744073709551615 c=1e3 d=-0 e=1e999 f=[1.50,1E+2] ");
}

#[test]
fn invalid_records_have_a_reason() {
    for (line, reason) in [
        ("[1]", "the record is not a JSON object"),
        ("7", "the record is not a JSON object"),
        ("{\"a\": ", "EOF"),
        ("{\"a\": \"x", "EOF"),
        ("{\"a\": \"x\\", "EOF"),
        ("{\"a\": 1} x", "trailing characters"),
        ("{\"a\": 1,}", "trailing comma"),
        ("{\"a\": [1,]}", "trailing comma"),
        ("{\"a\": 01}", "leading zero"),
        ("{\"a\": 1.}", "a digit"),
        ("{\"a\": \"\\é\"}", "escape"),
        ("{\"a\": \"\\ud800\"}", "escape"),
        ("{\"a\": \"\t\"}", "control character"),
        ("{\"a\" 1}", "expected `:`"),
        ("{\"a\": NaN}", "expected a value"),
        ("{\"a\": 1, \"a\": 2}", "duplicate name `a`"),
        ("{\"a.b\": 1, \"a\": {\"b\": 2}}", "duplicate name `a.b`"),
    ] {
        assert!(flat(line).contains(reason), "{line}: {}", flat(line));
    }
    for deep in ["{\"a\":".repeat(10_000), format!("{{\"a\":{}", "[".repeat(10_000))] {
        assert!(flat(&deep).contains("nested deeper than 64"), "{}", flat(&deep));
    }
}

#[test]
fn the_last_of_equal_names_is_read() {
    let text = |line| text(parse(line, false));
    assert_eq!(text(r#"{"a": 1, "b": 2, "a": "x"}"#), r#"a="x" b=2 "#);
    assert_eq!(text(r#"{"a.b": 1, "a": {"b": [2]}}"#), "a.b=[2] ");
    let mut chunk = FlatChunk::new(Names::default(), false);
    for record in
        [r#"{"a": 1}"#, r#"{"a": 1, "a": 2"#, r#"{"a": 3}"#, r#"{"b": 1, "a": 1, "a": 2}"#]
    {
        let _ = chunk.push(record);
    }
    // A refused record leaves nothing behind.
    assert_eq!((chunk.len(), chunk.record(2, r#"{"b": 1, "a": 1, "a": 2}"#).0.len()), (3, 2));
    let duplicates: Vec<(&str, usize)> =
        chunk.duplicates.iter().map(|(name, record)| (chunk.names.path(*name), *record)).collect();
    assert_eq!(duplicates, [("a", 2)]);
}

#[test]
fn a_record_has_a_limited_number_of_names() {
    let record = |names: usize| {
        let members: Vec<String> = (0..names).map(|name| format!("\"{name}\":1")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert_eq!(parse(&record(10_000), true).unwrap().len(), 10_000);
    assert!(flat(&record(10_001)).contains("more than 10000 names"));
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9_f64..1e9).prop_map(Value::from),
        "[a\"\\\\\n é]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c\"]{1,2}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The flat form, by another parser.
fn expected(path: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                expected(&path, value, out);
            }
        }
        value => out.push((path.to_owned(), value.to_string())),
    }
}

proptest! {
    #[test]
    fn agrees_with_serde_json(members in prop::collection::btree_map("[a-c]{1,3}", json(), 0..5), pretty: bool) {
        let value = Value::Object(members.into_iter().collect());
        let line = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let mut wanted = Vec::new();
        expected("", &value, &mut wanted);
        prop_assert_eq!(parse(&line, true).unwrap(), wanted);
        // Every cut-off prefix is refused.
        for end in (1..line.trim_end().len()).filter(|end| line.is_char_boundary(*end)) {
            prop_assert!(parse(&line[..end], true).is_err(), "{}", &line[..end]);
        }
    }

    #[test]
    fn names_that_are_expected_make_no_difference(
        records in prop::collection::vec(prop::collection::vec(("[ab]{1,2}|a[.]b", any::<u8>()), 0..5), 1..6),
    ) {
        let object = |members: &[(String, u8)]| {
            let members: Vec<String> = members.iter().map(|(name, value)| match value % 3 {
                0 => format!("\"{name}\": {{\"b\": {value}}}"),
                _ => format!("\"{name}\": {value}"),
            }).collect();
            format!("{{{}}}", members.join(", "))
        };
        let mut chunk = FlatChunk::new(Names::default(), false);
        for (index, record) in records.iter().enumerate() {
            let line = object(record);
            chunk.push(&line).unwrap();
            let (values, texts) = chunk.record(index, &line);
            let found: Vec<(String, String)> = values.iter().map(|(name, value)| {
                (chunk.names.path(*name).to_owned(), value.token(texts).into_owned())
            }).collect();
            prop_assert_eq!(found, parse(&line, false).unwrap());
        }
    }

    #[test]
    fn any_text_is_parsed_or_refused_as_by_serde_json(line in "[{}\\[\\]\",:0-9.eE+\\-a\\\\u é\n]{0,24}") {
        let line = format!("{{\"a\":{line}");
        if parse(&line, true).is_ok() {
            prop_assert!(serde_json::from_str::<Value>(&line).is_ok_and(|value| value.is_object())
                || line.contains(['e', 'E']), "{}", line);
        }
    }
}
