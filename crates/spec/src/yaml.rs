//! YAML with places: a tree of values with their lines and columns.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Number, Value as Json};
use serde_saphyr::{Error, Location, MessageFormatter, Spanned, UserMessageFormatter};

use crate::{MAX_BYTES, Place, Problem};

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub place: Place,
    pub value: Value,
}

impl Node {
    /// A tree from JSON. All of its values have the same place.
    pub fn from_json(json: Json, place: Place) -> Self {
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(value),
            Json::Number(value) => Value::Number(value),
            Json::String(value) => Value::String(value),
            Json::Array(items) => {
                Value::List(items.into_iter().map(|item| Self::from_json(item, place)).collect())
            }
            Json::Object(entries) => {
                let entry = |(key, value)| (key, place, Self::from_json(value, place));
                Value::Map(entries.into_iter().map(entry).collect())
            }
        };
        Self { place, value }
    }

    /// A node with another value at this place.
    pub fn with(&self, value: Value) -> Self {
        Self { place: self.place, value }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    List(Vec<Node>),
    /// In the order of the file: the key, its place, the value.
    Map(Vec<(String, Place, Node)>),
}

impl Value {
    /// The name of the type in messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::String(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => value.into(),
            Value::Number(value) => value.into(),
            Value::String(value) => value.into(),
            Value::List(items) => items.into_iter().map(|item| Self::from(item.value)).collect(),
            Value::Map(entries) => {
                entries.into_iter().map(|(key, _, node)| (key, Self::from(node.value))).collect()
            }
        }
    }
}

/// Parses one document.
///
/// # Errors
/// The document is too large, too deep or expands too much by aliases; duplicate keys; several documents; numbers
/// that are not finite.
pub(crate) fn parse(bytes: &[u8]) -> Result<Node, Problem> {
    let text = text(bytes)?;
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Err(Problem::whole(
            "the file is empty; `anomal init INPUT` prints settings to start from",
        ));
    }
    // Far above the needs of settings, and low enough to refuse a hostile file in milliseconds.
    let budget = serde_saphyr::budget! {
        max_depth: 32,
        max_nodes: 100_000,
        max_aliases: 1_000,
        max_anchors: 1_000,
    };
    let options = serde_saphyr::options! { strict_booleans: true, budget: budget };
    let node: Result<Spanned<Raw>, _> = serde_saphyr::from_str_with_options(text, options);
    node.map(Node::from).map_err(|error| {
        let place = error.location().map_or(Place { line: 1, column: 1 }, place);
        Problem::at(place, "", parse_message(&error, text, place))
    })
}

fn text(bytes: &[u8]) -> Result<&str, Problem> {
    if bytes.len() > MAX_BYTES {
        let tenths = (bytes.len() * 10).div_ceil(1 << 20);
        return Err(Problem::whole(format!(
            "the file has {}.{} MiB; a settings file has at most 1 MiB; is it the data itself?",
            tenths / 10,
            tenths % 10
        )));
    }
    let line = |end: usize| bytes[..end].iter().filter(|byte| **byte == b'\n').count() + 1;
    let at = |end, message| Problem::at(Place { line: line(end), column: 1 }, "", message);
    if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
        return Err(at(end, "not a text file (it contains a NUL byte); is it the data itself?"));
    }
    std::str::from_utf8(bytes)
        .map_err(|error| at(error.valid_up_to(), "not UTF-8; save the file as UTF-8 text"))
}

fn place(location: Location) -> Place {
    let number = |number| usize::try_from(number).unwrap_or(1);
    Place { line: number(location.line()), column: number(location.column()) }
}

/// The parser's error in words for the author of the file.
fn parse_message(error: &Error, text: &str, place: Place) -> String {
    let line = text.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
    if line.trim_start_matches(' ').starts_with('\t') {
        return "a tab; YAML is indented by spaces".into();
    }
    match error.without_snippet() {
        Error::AliasError { error, .. } => parse_message(error, text, place),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("duplicate key `{key}`; remove one of them")
        }
        Error::MultipleDocuments { .. } => {
            "a second document begins here; a settings file has one document".into()
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "settings this long, this deep or with this many aliases are refused; write them out"
                .into()
        }
        Error::Unexpected { expected: "string scalar", .. } => "a key is plain text".into(),
        other => {
            let message = UserMessageFormatter.format_message(other).into_owned();
            let parts = ["block mapping", "block collection", "block sequence", "indent"];
            if parts.iter().any(|part| message.contains(part)) {
                format!(
                    "{message}; check the indentation: keys of one map begin in the same column"
                )
            } else {
                message
            }
        }
    }
}

/// A value from the parser, before it is converted to a [`Node`].
enum Raw {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl From<Spanned<Raw>> for Node {
    fn from(raw: Spanned<Raw>) -> Self {
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(value),
            Raw::Number(value) => Value::Number(value),
            Raw::String(value) => Value::String(value),
            Raw::List(items) => Value::List(items.into_iter().map(Self::from).collect()),
            Raw::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (key.value, place(key.referenced), Self::from(value)))
                    .collect(),
            ),
        };
        Self { place: place(raw.referenced), value }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    /// A number that JSON cannot represent (`.inf`, `.nan`) stays text, which no number field accepts.
    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Number::from_f64(value).map_or_else(|| Raw::String(value.to_string()), Raw::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
