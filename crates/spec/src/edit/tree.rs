//! The document as a tree with the byte range of each node.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

use super::EditError;
use crate::{MAX_BYTES, Problem};

/// As deep as [`crate::yaml`] reads.
const MAX_DEPTH: usize = 32;

#[derive(Debug)]
pub(super) struct Node {
    /// Of a block collection: up to the end of its last node.
    pub span: Range<usize>,
    pub kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A value on one or several lines, or an alias.
    Scalar,
    /// A value that is not written.
    Empty,
    List {
        flow: bool,
        items: Vec<Node>,
    },
    Map {
        flow: bool,
        entries: Vec<Entry>,
    },
}

#[derive(Debug)]
pub(super) struct Entry {
    pub name: String,
    pub key: Range<usize>,
    pub value: Node,
}

impl Node {
    pub fn is_flow(&self) -> bool {
        matches!(self.kind, Kind::List { flow: true, .. } | Kind::Map { flow: true, .. })
    }

    pub fn is_block_collection(&self) -> bool {
        matches!(self.kind, Kind::List { flow: false, .. } | Kind::Map { flow: false, .. })
    }
}

/// Whether there are only comments.
pub(super) fn is_blank(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

/// Parses the only document.
///
/// # Errors
/// If the text is no YAML, or has keys that are no text.
pub(super) fn parse(text: &str) -> Result<Node, EditError> {
    if text.len() > MAX_BYTES {
        return Err(EditError::Unsupported("the file has more than 1 MiB"));
    }
    if is_blank(text) {
        let kind = Kind::Map { flow: false, entries: Vec::new() };
        return Ok(Node { span: text.len()..text.len(), kind });
    }
    let mut events = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| EditError::Unreadable(Problem::whole(error.info())))?;
        match event {
            Event::Comment(..)
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd => {}
            other => events.push((other, range(text, &span)?)),
        }
    }
    let mut events = events.into_iter();
    let first = events.next();
    node(text, first, &mut events, 0)
}

fn range(text: &str, span: &Span) -> Result<Range<usize>, EditError> {
    let range = span.byte_range().filter(|range| text.get(range.clone()).is_some());
    range.ok_or(EditError::Unsupported("the place of a value is unknown"))
}

type Located<'a> = (Event<'a>, Range<usize>);

fn node<'a>(
    text: &str,
    event: Option<Located<'a>>,
    rest: &mut impl Iterator<Item = Located<'a>>,
    depth: usize,
) -> Result<Node, EditError> {
    const CUT: EditError = EditError::Unsupported("the settings end too early");
    if depth > MAX_DEPTH {
        return Err(EditError::Unsupported("the settings are too deep"));
    }
    let (event, span) = event.ok_or(CUT)?;
    Ok(match event {
        Event::Alias(_) => Node { span, kind: Kind::Scalar },
        Event::Scalar(_, style, ..) => scalar(text, span, style),
        Event::SequenceStart(style, ..) => {
            let mut items = Vec::new();
            let end = loop {
                match rest.next().ok_or(CUT)? {
                    (Event::SequenceEnd, end) => break end,
                    item => items.push(node(text, Some(item), rest, depth + 1)?),
                }
            };
            let flow = style == StructureStyle::Flow;
            let last = items.last().map_or(span.end, |item| item.span.end);
            let end = if flow { end.end } else { last };
            Node { span: span.start..end.max(span.start), kind: Kind::List { flow, items } }
        }
        Event::MappingStart(style, ..) => {
            let mut entries: Vec<Entry> = Vec::new();
            let end = loop {
                match rest.next().ok_or(CUT)? {
                    (Event::MappingEnd, end) => break end,
                    (Event::Scalar(name, ..), key) => {
                        let event = rest.next();
                        let mut value = node(text, event, rest, depth + 1)?;
                        if matches!(value.kind, Kind::Empty) {
                            // After its colon, wherever the parser has noticed that there is nothing.
                            let end = colon(text, key.end).map_or(key.end, |colon| colon + 1);
                            value.span = end..end;
                        }
                        entries.push(Entry { name: name.into_owned(), key, value });
                    }
                    _ => return Err(EditError::Unsupported("a key is no text")),
                }
            };
            let flow = style == StructureStyle::Flow;
            let start = if flow {
                span.start
            } else {
                entries.first().map_or(span.start, |entry| entry.key.start)
            };
            let last = entries.last().map_or(span.end, |entry| entry.value.span.end);
            let end = if flow { end.end } else { last };
            Node { span: start..end.max(start), kind: Kind::Map { flow, entries } }
        }
        _ => return Err(EditError::Unsupported("an unknown part of YAML")),
    })
}

fn scalar(text: &str, span: Range<usize>, style: ScalarStyle) -> Node {
    let written = &text[span.clone()];
    if written.is_empty() {
        return Node { span, kind: Kind::Empty };
    }
    let span = match style {
        // The line ends after a block belong to what follows.
        ScalarStyle::Literal | ScalarStyle::Folded => {
            let header = |c: char| matches!(c, '|' | '>');
            let start = if written.starts_with(header) {
                Some(span.start)
            } else {
                text[..span.start].rfind(header)
            };
            let end = span.start + written.trim_end_matches(['\n', '\r', ' ']).len();
            start.unwrap_or(span.start)..end
        }
        _ => span,
    };
    Node { span, kind: Kind::Scalar }
}

/// The colon of a key that ends at `from`.
pub(super) fn colon(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    rest[blank..].starts_with(':').then_some(from + blank)
}
