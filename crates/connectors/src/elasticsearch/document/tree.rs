//! Encodes the source's columns that are in the common schema as nested objects.

use anomal_core::Result;
use polars::prelude::Column;

use super::{
    cells::{Cells, PutOutcome},
    ecs::{FieldType, RelatedKind, related_kind},
};
use crate::json_value::push_text;

/// A tree of fields.
#[derive(Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    leaves: Vec<Leaf>,
}

struct Node {
    /// `"name":`.
    key: Vec<u8>,
    name: String,
    children: Children,
}

enum Children {
    Leaf(usize),
    Nodes(Vec<Node>),
}

struct Leaf {
    kind: FieldType,
    related: Option<RelatedKind>,
    cells: Cells,
    /// The column's place in the source.
    column: usize,
}

/// Notes from encoding a row: columns whose values have the wrong type, and the byte ranges of values that `related`
/// repeats.
#[derive(Default)]
pub(super) struct RowNotes {
    pub mismatched: Vec<usize>,
    pub related: Vec<(RelatedKind, usize, usize)>,
}

impl Tree {
    /// Adds a column at this position in the source.
    pub fn add(&mut self, place: usize, column: &Column, kind: FieldType) -> Result<()> {
        let leaf = self.leaves.len();
        let related = related_kind(column.name(), kind);
        self.leaves.push(Leaf { kind, related, cells: Cells::new(column)?, column: place });
        insert(&mut self.nodes, column.name(), leaf);
        Ok(())
    }

    pub fn cells(&self, place: usize) -> Option<&Cells> {
        self.leaves.iter().find(|leaf| leaf.column == place).map(|leaf| &leaf.cells)
    }

    /// Appends `,"name":value` for each field of the row.
    pub fn put(&self, row: usize, out: &mut Vec<u8>, notes: &mut RowNotes) {
        for node in &self.nodes {
            let start = out.len();
            out.push(b',');
            if !self.node(node, row, out, notes) {
                out.truncate(start);
            }
        }
    }

    /// Returns whether anything was appended.
    fn node(&self, node: &Node, row: usize, out: &mut Vec<u8>, notes: &mut RowNotes) -> bool {
        out.extend_from_slice(&node.key);
        match &node.children {
            Children::Leaf(leaf) => {
                let leaf = &self.leaves[*leaf];
                let start = out.len();
                match leaf.cells.put_as(leaf.kind, row, out) {
                    PutOutcome::Missing => return false,
                    PutOutcome::Mismatch => {
                        notes.mismatched.push(leaf.column);
                        return false;
                    }
                    PutOutcome::Written => {}
                }
                notes.related.extend(leaf.related.map(|of| (of, start, out.len())));
                true
            }
            Children::Nodes(nodes) => {
                out.push(b'{');
                let inner = out.len();
                for node in nodes {
                    let start = out.len();
                    if start > inner {
                        out.push(b',');
                    }
                    if !self.node(node, row, out, notes) {
                        out.truncate(start);
                    }
                }
                out.push(b'}');
                out.len() > inner + 1
            }
        }
    }
}

fn insert(nodes: &mut Vec<Node>, path: &str, leaf: usize) {
    let (name, below) = match path.split_once('.') {
        Some((name, below)) => (name, Some(below)),
        None => (path, None),
    };
    let place = nodes.iter().position(|node| node.name == name).unwrap_or_else(|| {
        let children =
            if below.is_some() { Children::Nodes(Vec::new()) } else { Children::Leaf(leaf) };
        nodes.push(Node { key: key(name), name: name.to_owned(), children });
        nodes.len() - 1
    });
    // No field of the schema is also a parent.
    if let (Some(path), Children::Nodes(children)) = (below, &mut nodes[place].children) {
        insert(children, path, leaf);
    }
}

/// A name as a JSON key with its colon.
pub(super) fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::new();
    push_text(&mut key, name);
    key.push(b':');
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_hold_what_a_row_has_and_no_more() {
        let columns = [
            Column::new("source.ip".into(), [Some("10.0.0.1"), Some("-"), None]),
            Column::new("dns.question.name".into(), [Some("a.b"), None, None]),
            Column::new("source.port".into(), [Some(53_i64), None, None]),
        ];
        let mut tree = Tree::default();
        for (place, (column, kind)) in
            columns.iter().zip([FieldType::Ip, FieldType::Keyword, FieldType::Long]).enumerate()
        {
            tree.add(place, column, kind).unwrap();
        }
        let put = |row| {
            let (mut out, mut notes) = (Vec::new(), RowNotes::default());
            tree.put(row, &mut out, &mut notes);
            (String::from_utf8(out).unwrap(), notes.mismatched, notes.related.len())
        };
        let whole = r#","source":{"ip":"10.0.0.1","port":53},"dns":{"question":{"name":"a.b"}}"#;
        assert_eq!(put(0), (whole.into(), vec![], 2));
        // Values of the wrong type are noted, and empty objects are omitted.
        assert_eq!(put(1), (String::new(), vec![0], 0));
        assert_eq!(put(2), (String::new(), vec![], 0));
    }
}
