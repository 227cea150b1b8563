//! A document as flat values: objects in objects with dots, what is in lists put together. What is no column is
//! passed over.

use std::fmt;

use serde::{
    Deserialize,
    de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::row::{Node, Plan};

/// Reads a document into `values`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn flatten(plan: &Plan, json: &str, values: &mut Values) -> Result<(), String> {
    let mut path = String::new();
    let root = Node { column: None, below: true };
    let walk = Walk { plan, node: root, path: &mut path, values };
    walk.deserialize(&mut serde_json::Deserializer::from_str(json))
        .map_err(|error| format!("the document is not understood: {error}"))
}

/// Values of one document, by column.
pub(super) struct Values {
    found: Vec<(usize, Value)>,
    /// Where in `found` a column is, from 1.
    places: Vec<usize>,
}

impl Values {
    pub fn new(columns: usize) -> Self {
        Self { found: Vec::new(), places: vec![0; columns] }
    }

    /// A second value makes a list.
    fn put(&mut self, column: usize, value: Value) {
        let place = self.places[column];
        if place == 0 {
            self.found.push((column, value));
            self.places[column] = self.found.len();
            return;
        }
        let known = &mut self.found[place - 1].1;
        match known {
            Value::Array(list) => list.push(value),
            one => {
                let first = one.take();
                *one = Value::Array(vec![first, value]);
            }
        }
    }

    pub fn take(&mut self) -> Vec<(usize, Value)> {
        let found = std::mem::take(&mut self.found);
        for (column, _) in &found {
            self.places[*column] = 0;
        }
        found
    }
}

/// The value at `path`.
struct Walk<'a> {
    plan: &'a Plan,
    node: Node,
    path: &'a mut String,
    values: &'a mut Values,
}

impl Walk<'_> {
    fn put(self, value: impl Into<Value>) {
        if let Some(column) = self.node.column {
            self.values.put(column, value.into());
        }
    }

    /// The column, if its value is one whatever it is.
    fn whole(&self) -> Option<usize> {
        self.node.column.filter(|column| self.plan.columns[*column].field.whole)
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match self.whole() {
            Some(column) if !self.node.below => {
                let value = Value::deserialize(json)?;
                if !value.is_null() {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    self.values.put(column, text.into());
                }
                Ok(())
            }
            _ => json.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.put(value);
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.put(value);
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.put(value);
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.put(value);
        Ok(())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.put(value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { plan, node, path, values } = self;
        loop {
            let item = Walk { plan, node, path: &mut *path, values: &mut *values };
            if list.next_element_seed(item)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if !self.node.below {
            let value = Value::deserialize(de::value::MapAccessDeserializer::new(map))?;
            self.put(value.to_string());
            return Ok(());
        }
        let length = self.path.len();
        while map.next_key_seed(Name(self.path))?.is_some() {
            match self.plan.nodes.get(self.path.as_str()) {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(node) => map.next_value_seed(Walk {
                    plan: self.plan,
                    node: *node,
                    path: self.path,
                    values: self.values,
                })?,
            }
            self.path.truncate(length);
        }
        Ok(())
    }
}

/// Puts a name behind a path.
struct Name<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<(), E> {
        if !self.0.is_empty() {
            self.0.push('.');
        }
        self.0.push_str(name);
        Ok(())
    }
}
