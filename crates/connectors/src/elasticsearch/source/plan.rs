//! Which values of a document are wanted, and as what.

use std::collections::HashMap;

use anomal_spec::Arrays;
use polars::prelude::PlHashMap;

use crate::{elasticsearch::mapping::Field, ndjson::StorageType};

/// How a column is read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub field: Field,
    pub stored: StorageType,
}

/// How documents are read.
pub(super) struct Plan {
    pub columns: Vec<Reading>,
    /// The first is the document.
    pub nodes: Vec<Node>,
    pub arrays: Arrays,
}

/// A place in documents.
#[derive(Default)]
pub(super) struct Node {
    pub column: Option<usize>,
    /// What is in it and leads to columns, by name. Documents write `a: {b: 1}` and `a.b: 1` for the same, so that
    /// whatever is further down is here too, with dots.
    pub below: PlHashMap<String, usize>,
}

impl Plan {
    pub fn new(fields: Vec<Field>, arrays: Arrays) -> Self {
        let mut nodes = vec![Node::default()];
        let mut known: HashMap<&str, usize> = HashMap::new();
        for (column, field) in fields.iter().enumerate() {
            let name = field.name.as_str();
            for path in prefixes(name) {
                let node = *known.entry(path).or_insert_with(|| {
                    nodes.push(Node::default());
                    nodes.len() - 1
                });
                nodes[0].below.insert(path.to_owned(), node);
                for (dot, _) in path.match_indices('.') {
                    let above = known[&path[..dot]];
                    nodes[above].below.insert(path[dot + 1..].to_owned(), node);
                }
            }
            nodes[known[name]].column = Some(column);
        }
        let reading = |field: Field| Reading { stored: stored(&field), field };
        Self { columns: fields.into_iter().map(reading).collect(), nodes, arrays }
    }
}

/// `a`, `a.b` and `a.b.c` of the last.
fn prefixes(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').map(|(dot, _)| &name[..dot]).chain([name])
}

/// Where another type is wanted than the mapping has, it is made from the values' text.
pub(super) fn stored(field: &Field) -> StorageType {
    if field.typed && field.of == field.mapped {
        StorageType::new(field.of)
    } else {
        StorageType::Text
    }
}
