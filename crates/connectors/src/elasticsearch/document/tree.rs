//! The source's columns that the common schema knows, as the nested objects that their names stand for.

use anomal_core::Result;
use polars::prelude::Column;

use super::{
    super::ecs::{Kind, Related, related},
    cells::{Cells, Put},
};

/// Fields below their parents.
#[derive(Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    leaves: Vec<Leaf>,
}

struct Node {
    /// `"name":`.
    key: Vec<u8>,
    name: String,
    below: Below,
}

enum Below {
    Leaf(usize),
    Nodes(Vec<Node>),
}

struct Leaf {
    kind: Kind,
    related: Option<Related>,
    cells: Cells,
    /// The column's place in the source.
    column: usize,
}

/// What else came of writing a row: values of columns that do not fit their fields, and those that are told again
/// as related, by their place in what was written.
#[derive(Default)]
pub(super) struct Found {
    pub unfit: Vec<usize>,
    pub related: Vec<(Related, usize, usize)>,
}

impl Tree {
    /// Adds a column, by its place in the source.
    pub fn add(&mut self, place: usize, column: &Column, kind: Kind) -> Result<()> {
        let leaf = self.leaves.len();
        let related = related(column.name(), kind);
        self.leaves.push(Leaf { kind, related, cells: Cells::new(column)?, column: place });
        insert(&mut self.nodes, column.name(), leaf);
        Ok(())
    }

    pub fn cells(&self, place: usize) -> Option<&Cells> {
        self.leaves.iter().find(|leaf| leaf.column == place).map(|leaf| &leaf.cells)
    }

    /// Writes `,"name":value` for each field that a row has.
    pub fn put(&self, row: usize, out: &mut Vec<u8>, found: &mut Found) {
        for node in &self.nodes {
            let start = out.len();
            out.push(b',');
            if !self.node(node, row, out, found) {
                out.truncate(start);
            }
        }
    }

    /// Whether anything was written.
    fn node(&self, node: &Node, row: usize, out: &mut Vec<u8>, found: &mut Found) -> bool {
        out.extend_from_slice(&node.key);
        match &node.below {
            Below::Leaf(leaf) => {
                let leaf = &self.leaves[*leaf];
                let start = out.len();
                match leaf.cells.put_as(leaf.kind, row, out) {
                    Put::Missing => return false,
                    Put::Unfit => {
                        found.unfit.push(leaf.column);
                        return false;
                    }
                    Put::Written => {}
                }
                found.related.extend(leaf.related.map(|of| (of, start, out.len())));
                true
            }
            Below::Nodes(nodes) => {
                out.push(b'{');
                let inner = out.len();
                for node in nodes {
                    let start = out.len();
                    if start > inner {
                        out.push(b',');
                    }
                    if !self.node(node, row, out, found) {
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
        let below = if below.is_some() { Below::Nodes(Vec::new()) } else { Below::Leaf(leaf) };
        nodes.push(Node { key: key(name), name: name.to_owned(), below });
        nodes.len() - 1
    });
    // A field of the schema is never a parent too.
    if let (Some(path), Below::Nodes(below)) = (below, &mut nodes[place].below) {
        insert(below, path, leaf);
    }
}

/// A name as it stands before its value.
pub(super) fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::new();
    super::cells::push_text(&mut key, name);
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
            columns.iter().zip([Kind::Ip, Kind::Keyword, Kind::Long]).enumerate()
        {
            tree.add(place, column, kind).unwrap();
        }
        let put = |row| {
            let (mut out, mut found) = (Vec::new(), Found::default());
            tree.put(row, &mut out, &mut found);
            (String::from_utf8(out).unwrap(), found.unfit, found.related.len())
        };
        let whole = r#","source":{"ip":"10.0.0.1","port":53},"dns":{"question":{"name":"a.b"}}"#;
        assert_eq!(put(0), (whole.into(), vec![], 2));
        // What does not fit goes elsewhere, and no empty object is left.
        assert_eq!(put(1), (String::new(), vec![0], 0));
        assert_eq!(put(2), (String::new(), vec![], 0));
    }
}
