//! The values to read from a document, and their types.

use std::collections::HashMap;

use anomal_spec::Arrays;
use polars::prelude::PlHashMap;

use super::mapping::Field;
use crate::column::StorageType;

/// How a column is read.
#[derive(Clone, Debug)]
pub(super) struct ColumnPlan {
    pub field: Field,
    pub stored: StorageType,
}

/// Plans how documents are read: a tree of the wanted fields.
pub(super) struct Plan {
    pub columns: Vec<ColumnPlan>,
    /// The first node is the document.
    pub nodes: Vec<Node>,
    pub arrays: Arrays,
}

/// A position in documents.
#[derive(Default)]
pub(super) struct Node {
    pub column: Option<usize>,
    /// The descendants that lead to columns, by name. Documents may write `a: {b: 1}` or `a.b: 1` for the same field, so
    /// deeper descendants are included, with dots in their names.
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
        let reading = |field: Field| ColumnPlan { stored: stored(&field), field };
        Self { columns: fields.into_iter().map(reading).collect(), nodes, arrays }
    }
}

/// The prefixes `a`, `a.b` and `a.b.c` of the name `a.b.c`.
fn prefixes(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').map(|(dot, _)| &name[..dot]).chain([name])
}

/// The storage type of a field. A type that differs from the mapping's is parsed from text.
pub(super) fn stored(field: &Field) -> StorageType {
    if field.typed && field.data_type == field.mapped {
        StorageType::new(field.data_type)
    } else {
        StorageType::Text
    }
}
