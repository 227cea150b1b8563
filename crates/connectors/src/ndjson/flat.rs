//! Flattens a JSON object into names and values: names of nested objects are joined with dots, lists become JSON text.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor,
    value::SeqAccessDeserializer,
};
use serde_json::Value;

/// Names and scalar values in the order of the record.
pub(super) type FlatRecord = Vec<(String, Value)>;

/// # Errors
/// A reason: not JSON, not an object, a duplicate name.
pub(super) fn parse(line: &str) -> Result<FlatRecord, String> {
    if !line.trim_start().starts_with('{') {
        return Err("the line is not a JSON object".to_owned());
    }
    let mut flat = FlatRecord::new();
    let mut path = String::new();
    let mut json = serde_json::Deserializer::from_str(line);
    let read =
        Node { path: &mut path, flat: &mut flat }.deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|error| format!("the line is not a JSON object: {error}"))?;
    Ok(flat)
}

/// A value under the name `path`.
struct Node<'a> {
    path: &'a mut String,
    flat: &'a mut FlatRecord,
}

impl Node<'_> {
    fn put<E: Error>(self, value: impl Into<Value>) -> Result<(), E> {
        if self.flat.iter().any(|(name, _)| name == self.path) {
            return Err(E::custom(format!("duplicate name `{}`", self.path)));
        }
        self.flat.push((self.path.clone(), value.into()));
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.put(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.put(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.put(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.put(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.put(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.put(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        use serde::Deserialize;
        let list = Value::deserialize(SeqAccessDeserializer::new(list))?;
        self.put(list.to_string())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let length = self.path.len();
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(&name);
            map.next_value_seed(Node { path: self.path, flat: self.flat })?;
            self.path.truncate(length);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(line: &str) -> String {
        match parse(line) {
            Ok(flat) => {
                let pairs = flat.iter().map(|(name, value)| format!("{name}={value} "));
                pairs.collect::<Vec<_>>().concat()
            }
            Err(reason) => reason,
        }
    }

    #[test]
    fn names_are_joined_and_lists_are_text() {
        let line = r#" {"a": {"b": 1, "c": {"d": null, "e": {}}}, "f": [1, {"x": "ü"}], "g.h": -2.5, "i": "\u00fc"}"#;
        assert_eq!(flat(line), r#"a.b=1 a.c.d=null f="[1,{\"x\":\"ü\"}]" g.h=-2.5 i="ü" "#);
        assert_eq!(flat("{}"), "");
    }

    #[test]
    fn invalid_records_have_a_reason() {
        for (line, reason) in [
            ("[1]", "the line is not a JSON object"),
            ("7", "the line is not a JSON object"),
            ("{\"a\": ", "EOF"),
            ("{\"a\": 1} x", "trailing characters"),
            ("{\"a\": 1, \"a\": 2}", "duplicate name `a`"),
            ("{\"a.b\": 1, \"a\": {\"b\": 2}}", "duplicate name `a.b`"),
            ("{\"a\": 1e999}", "number out of range"),
        ] {
            assert!(flat(line).contains(reason), "{line}: {}", flat(line));
        }
        let deep = "{\"a\":".repeat(10_000);
        assert!(flat(&deep).contains("recursion limit"), "{}", flat(&deep));
    }
}
