//! Flattens a document: nested names are joined with dots, values in lists are collected. Values without a column are
//! skipped.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize,
    de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::plan::{Node, Plan};

/// Reads a document into `values`.
///
/// # Errors
/// Why the document is invalid.
pub(super) fn flatten<'a>(
    plan: &Plan,
    json: &'a str,
    values: &mut Values<'a>,
) -> Result<(), String> {
    let walk = Walk { plan, node: &plan.nodes[0], values };
    walk.deserialize(&mut serde_json::Deserializer::from_str(json))
        .map_err(|error| format!("the document is not understood: {error}"))
}

/// The value of a column in a document.
#[derive(Debug)]
pub(super) enum DocumentValue<'a> {
    /// Text, borrowed from the document where possible.
    Text(Cow<'a, str>),
    /// A value that is neither text nor null.
    Other(Value),
}

impl DocumentValue<'_> {
    fn take(&mut self) -> Value {
        match self {
            Self::Text(text) => std::mem::take(text).into_owned().into(),
            Self::Other(value) => value.take(),
        }
    }
}

/// The values of one document, by column. [`Values::drain`] prepares it for the next document.
pub(super) struct Values<'a> {
    found: Vec<(usize, DocumentValue<'a>)>,
    /// The position of each column in `found`, from 1.
    places: Vec<usize>,
}

impl<'a> Values<'a> {
    pub fn new(columns: usize) -> Self {
        Self { found: Vec::new(), places: vec![0; columns] }
    }

    /// A second value makes a list.
    fn put(&mut self, column: usize, value: DocumentValue<'a>) {
        match self.get(column) {
            None => {
                self.found.push((column, value));
                self.places[column] = self.found.len();
            }
            Some(known) => {
                let (mut first, mut second) = (known.take(), value);
                let list = match &mut first {
                    Value::Array(list) => {
                        list.push(second.take());
                        first
                    }
                    _ => Value::Array(vec![first, second.take()]),
                };
                *known = DocumentValue::Other(list);
            }
        }
    }

    /// Sets a value, replacing the present one.
    pub fn set(&mut self, column: usize, value: DocumentValue<'a>) {
        match self.get(column) {
            Some(known) => *known = value,
            None => self.put(column, value),
        }
    }

    pub fn get(&mut self, column: usize) -> Option<&mut DocumentValue<'a>> {
        let place = self.places[column].checked_sub(1)?;
        Some(&mut self.found[place].1)
    }

    pub fn drain(&mut self) -> impl Iterator<Item = (usize, DocumentValue<'a>)> {
        for (column, _) in &self.found {
            self.places[*column] = 0;
        }
        self.found.drain(..)
    }
}

/// Visits the value of a node.
struct Walk<'p, 'v, 'a> {
    plan: &'p Plan,
    node: &'p Node,
    values: &'v mut Values<'a>,
}

impl<'a> Walk<'_, '_, 'a> {
    fn text(self, text: Cow<'a, str>) {
        if let Some(column) = self.node.column {
            self.values.put(column, DocumentValue::Text(text));
        }
    }

    fn other(self, value: impl Into<Value>) {
        if let Some(column) = self.node.column {
            self.values.put(column, DocumentValue::Other(value.into()));
        }
    }

    /// Whether the value is stored as a whole.
    fn is_whole(&self) -> bool {
        let whole = |column: usize| self.plan.columns[column].field.whole;
        self.node.below.is_empty() && self.node.column.is_some_and(whole)
    }
}

impl<'a> DeserializeSeed<'a> for Walk<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<(), D::Error> {
        if !self.is_whole() {
            return json.deserialize_any(self);
        }
        match Value::deserialize(json)? {
            Value::Null => {}
            Value::String(text) => self.text(text.into()),
            other => self.text(other.to_string().into()),
        }
        Ok(())
    }
}

impl<'a> Visitor<'a> for Walk<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.other(value);
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.other(value);
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.other(value);
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.other(value);
        Ok(())
    }

    fn visit_borrowed_str<E: de::Error>(self, value: &'a str) -> Result<(), E> {
        self.text(value.into());
        Ok(())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.text(value.to_owned().into());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { plan, node, values } = self;
        while list.next_element_seed(Walk { plan, node, values: &mut *values })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        if self.node.below.is_empty() {
            let value = Value::deserialize(de::value::MapAccessDeserializer::new(map))?;
            self.text(value.to_string().into());
            return Ok(());
        }
        let Self { plan, node, values } = self;
        while let Some(below) = map.next_key_seed(Name(node))? {
            match below {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(below) => {
                    let node = &plan.nodes[below];
                    map.next_value_seed(Walk { plan, node, values: &mut *values })?;
                }
            }
        }
        Ok(())
    }
}

/// Resolves a name in a node to a child node.
struct Name<'p>(&'p Node);

impl<'a> DeserializeSeed<'a> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.below.get(name).copied())
    }
}
