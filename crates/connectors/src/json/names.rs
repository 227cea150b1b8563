//! The names of the values of records, found again without building or hashing them: records of one producer have their
//! names in the same order, so a name is compared first with the one that followed before.

use std::{collections::HashMap, ops::Range};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A name of a value, by its place among the names.
pub(super) type NameId = u32;
/// A member of an object at a place of the records.
pub(super) type NodeId = u32;

/// The record itself.
pub(super) const ROOT: NodeId = 0;
/// All members beyond [`MAX_TEXT`], whose values have no name.
const OTHERS: NodeId = 1;
const NONE: u32 = u32::MAX;
/// Bytes of names at most, so that records whose names all differ do not fill the memory.
const MAX_TEXT: usize = 64 << 20;

/// Names in the order of their first appearance. A clone costs a few copies of memory.
#[derive(Clone, Debug)]
pub(super) struct Names {
    nodes: Vec<Node>,
    /// The paths of all nodes.
    text: String,
    /// The first node for each hash of parent and key.
    by_key: HashMap<u64, NodeId>,
    /// The paths of names in `text`.
    paths: Vec<Range<u32>>,
    by_path: HashMap<u64, NameId>,
    full: bool,
}

#[derive(Clone, Debug)]
struct Node {
    path: Range<u32>,
    /// Where the key begins in the path.
    key: u32,
    parent: NodeId,
    /// The name of its values, once it has had one.
    name: NameId,
    /// The member of it that came first the last time.
    first: NodeId,
    /// The member of the same object that followed the last time.
    next: NodeId,
    /// Another node with the same hash.
    same_hash: NodeId,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            nodes: vec![Node::new(0..0, 0, NONE), Node::new(0..0, 0, NONE)],
            text: String::new(),
            by_key: HashMap::new(),
            paths: Vec::new(),
            by_path: HashMap::new(),
            full: false,
        }
    }
}

/// Places are below [`MAX_TEXT`].
fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(NONE)
}

impl Node {
    fn new(path: Range<u32>, key: u32, parent: NodeId) -> Self {
        Self { path, key, parent, name: NONE, first: NONE, next: NONE, same_hash: NONE }
    }
}

impl Names {
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(|path| self.part(path))
    }

    /// Whether there are more names than can be followed.
    pub fn is_full(&self) -> bool {
        self.full
    }

    fn part(&self, part: &Range<u32>) -> &str {
        &self.text[part.start as usize..part.end as usize]
    }

    pub fn path(&self, name: NameId) -> &str {
        self.part(&self.paths[name as usize])
    }

    /// The member of an object with this key. `previous`: the member before it in the record.
    #[inline]
    pub fn member(&mut self, parent: NodeId, previous: Option<NodeId>, key: &str) -> NodeId {
        let expected = match previous {
            Some(previous) => self.nodes[previous as usize].next,
            None => self.nodes[parent as usize].first,
        };
        if expected != NONE && self.key(expected) == key {
            return expected;
        }
        let found = self.find(parent, key);
        match previous {
            Some(previous) => self.nodes[previous as usize].next = found,
            None => self.nodes[parent as usize].first = found,
        }
        found
    }

    /// The name of the values of a member; nothing if there are too many names.
    #[inline]
    pub fn name(&mut self, node: NodeId) -> Option<NameId> {
        match self.nodes[node as usize].name {
            NONE if node == OTHERS => None,
            NONE => Some(self.add_name(node)),
            name => Some(name),
        }
    }

    fn key(&self, node: NodeId) -> &str {
        let Node { path, key, .. } = &self.nodes[node as usize];
        &self.text[*key as usize..path.end as usize]
    }

    #[cold]
    fn find(&mut self, parent: NodeId, key: &str) -> NodeId {
        let hash = xxh3_64_with_seed(key.as_bytes(), parent.into());
        let first = self.by_key.get(&hash).copied().unwrap_or(NONE);
        let mut node = first;
        while node != NONE {
            if self.nodes[node as usize].parent == parent && self.key(node) == key {
                return node;
            }
            node = self.nodes[node as usize].same_hash;
        }
        let above = self.nodes[parent as usize].path.clone();
        if parent == OTHERS || self.text.len() + above.len() + key.len() >= MAX_TEXT {
            self.full = true;
            return OTHERS;
        }
        let start = place(self.text.len());
        if !above.is_empty() {
            self.text.extend_from_within(above.start as usize..above.end as usize);
            self.text.push('.');
        }
        let begin = place(self.text.len());
        self.text.push_str(key);
        let added = Node::new(start..place(self.text.len()), begin, parent);
        self.nodes.push(Node { same_hash: first, ..added });
        let node = place(self.nodes.len() - 1);
        self.by_key.insert(hash, node);
        node
    }

    /// Nodes of one path, as of `a.b` and of `b` in `a`, share the name.
    #[cold]
    fn add_name(&mut self, node: NodeId) -> NameId {
        let path = self.nodes[node as usize].path.clone();
        let text = self.part(&path);
        let mut seed = 0;
        let name = loop {
            let hash = xxh3_64_with_seed(text.as_bytes(), seed);
            match self.by_path.get(&hash) {
                Some(name) if self.path(*name) == text => break *name,
                // Another path with the same hash.
                Some(_) => seed += 1,
                None => {
                    let name = place(self.paths.len());
                    self.by_path.insert(hash, name);
                    self.paths.push(path);
                    break name;
                }
            }
        };
        self.nodes[node as usize].name = name;
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_order() {
        let mut names = Names::default();
        let a = names.member(ROOT, None, "a");
        let b = names.member(a, None, "b");
        let dotted = names.member(ROOT, Some(a), "a.b");
        assert_eq!(names.name(b), names.name(dotted));
        assert_eq!(names.paths().collect::<Vec<_>>(), ["a.b"]);
        let c = names.member(ROOT, Some(dotted), "c");
        // Other orders, and members that are left out.
        assert_eq!(names.member(ROOT, None, "c"), c);
        assert_eq!(names.member(ROOT, Some(c), "a"), a);
        assert_eq!(names.member(a, None, "b"), b);
        assert_ne!(names.member(a, Some(b), "c"), c);
        let mut copy = names.clone();
        assert_eq!(copy.member(ROOT, None, "c"), c);
        assert_eq!(copy.member(ROOT, None, "d"), names.member(ROOT, None, "e"));
    }

    #[test]
    fn names_have_a_limited_size() {
        let mut names = Names::default();
        let (long, mut node) = ("x".repeat(1 << 20), ROOT);
        for _ in 0..20 {
            node = names.member(node, None, &long);
        }
        assert_eq!((node, names.name(node), names.is_full()), (OTHERS, None, true));
        assert!(names.text.len() < MAX_TEXT);
        let other = names.member(ROOT, None, "a");
        assert!(names.name(other).is_some());
    }
}
