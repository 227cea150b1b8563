//! The structure tree of the tagged PDF: headings, paragraphs, tables, figures.
//!
//! Layout creates elements in reading order, and drawn items refer to theirs by a [`Mark`]. The writer adds the
//! content of the pages.

use krilla::tagging::{BBox, Identifier, Node, TagGroup, TagKind, TagTree};

/// The structure element or artifact that an item belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// An element of the structure tree.
    Element(usize),
    /// Decoration and repeated table heads.
    Layout,
    /// A page header.
    Header,
    /// A page footer.
    Footer,
}

#[derive(Clone, Debug)]
enum Child {
    Element(usize),
    Content(Identifier),
}

#[derive(Clone, Debug)]
struct Element {
    kind: TagKind,
    children: Vec<Child>,
}

/// The elements of a document. An element has either child elements or content, since content is added last.
#[derive(Clone, Debug, Default)]
pub struct Tags {
    elements: Vec<Element>,
    roots: Vec<usize>,
}

impl Tags {
    /// Adds a top-level element.
    pub fn root(&mut self, kind: impl Into<TagKind>) -> Mark {
        let element = self.push(kind.into());
        self.roots.push(element);
        Mark::Element(element)
    }

    /// Adds a last child. The child of an artifact is that artifact.
    pub fn child(&mut self, parent: Mark, kind: impl Into<TagKind>) -> Mark {
        let Mark::Element(parent) = parent else { return parent };
        let element = self.push(kind.into());
        if let Some(parent) = self.elements.get_mut(parent) {
            parent.children.push(Child::Element(element));
        }
        Mark::Element(element)
    }

    /// Adds drawn content to an element.
    pub fn add_content(&mut self, mark: Mark, content: Identifier) {
        if let Mark::Element(element) = mark
            && let Some(element) = self.elements.get_mut(element)
        {
            element.children.push(Child::Content(content));
        }
    }

    /// Sets the bounding box of a figure.
    pub fn set_area(&mut self, mark: Mark, area: Option<BBox>) {
        if let Mark::Element(element) = mark
            && let Some(Element { kind: TagKind::Figure(figure), .. }) =
                self.elements.get_mut(element)
        {
            figure.set_bbox(area);
        }
    }

    fn push(&mut self, kind: TagKind) -> usize {
        self.elements.push(Element { kind, children: Vec::new() });
        self.elements.len() - 1
    }

    /// The tree without empty elements.
    pub fn to_tree(&self) -> TagTree {
        let mut tree = TagTree::new();
        for root in &self.roots {
            if let Some(group) = self.group(*root) {
                tree.push(group);
            }
        }
        tree
    }

    fn group(&self, element: usize) -> Option<TagGroup> {
        let element = self.elements.get(element)?;
        let children: Vec<Node> = element
            .children
            .iter()
            .filter_map(|child| match child {
                Child::Element(child) => self.group(*child).map(Node::Group),
                Child::Content(content) => Some(Node::Leaf(*content)),
            })
            .collect();
        // Empty cells stay, so that rows have all columns.
        let cell = matches!(element.kind, TagKind::TD(_) | TagKind::TH(_));
        (cell || !children.is_empty())
            .then(|| TagGroup::with_children(element.kind.clone(), children))
    }
}
