//! Where a change is written.

use std::ops::Range;

use serde_json::{Map, Value as Json};

use super::{
    EditError, Step,
    flow::{scalar, to_flow},
    missing,
    tree::{self, Kind, Node, colon},
};

/// The node at a path, or the last one on the way to it.
pub(super) fn nearest<'a>(root: &'a Node, path: &[Step]) -> &'a Node {
    let mut node = root;
    for step in path {
        match child(node, step) {
            Some(next) => node = next,
            None => break,
        }
    }
    node
}

pub(super) fn child<'a>(node: &'a Node, step: &Step) -> Option<&'a Node> {
    match (&node.kind, step) {
        (Kind::Map { entries, .. }, Step::Key(name)) => {
            entries.iter().find(|entry| entry.name == *name).map(|entry| &entry.value)
        }
        (Kind::List { items, .. }, Step::Index(index)) => items.get(*index),
        _ => None,
    }
}

/// The line end of the document.
fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

fn replaced(text: &str, range: Range<usize>, new: &str) -> String {
    format!("{}{new}{}", &text[..range.start], &text[range.end..])
}

pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |end| end + 1)
}

/// After the line break of the line that `at` is on.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

/// Inserts whole lines, the last with its line end.
fn with_lines(text: &str, at: usize, lines: &str) -> String {
    let end = line_end(text);
    let before = if at > 0 && !text[..at].ends_with('\n') { end } else { "" };
    format!("{}{before}{lines}{end}{}", &text[..at], &text[at..])
}

pub(super) fn set(text: &str, path: &[Step], value: &Json) -> Result<String, EditError> {
    let root = tree::parse(text)?;
    let mut node = &root;
    // The key of the node, for values that are not written.
    let mut after_key = None;
    for (depth, step) in path.iter().enumerate() {
        let Some(next) = child(node, step) else {
            return add(text, node, after_key, &path[depth..], value);
        };
        after_key = match (&node.kind, step) {
            (Kind::Map { entries, .. }, Step::Key(name)) => {
                let entry = entries.iter().find(|entry| entry.name == *name);
                entry.and_then(|entry| colon(text, entry.key.end)).map(|colon| colon + 1)
            }
            _ => dash(text, next).map(|dash| dash + 1),
        };
        node = next;
    }
    Ok(replace_value(text, node, after_key, &to_flow(value)))
}

/// Puts `new` in the place of a node.
fn replace_value(text: &str, node: &Node, after_key: Option<usize>, new: &str) -> String {
    match (&node.kind, after_key) {
        (Kind::Empty, Some(at)) => replaced(text, at..at, &format!(" {new}")),
        (_, Some(at)) if node.is_block_collection() => {
            replaced(text, at..node.span.end, &format!(" {new}"))
        }
        _ => replaced(text, node.span.clone(), new),
    }
}

/// Adds what is missing of a path below a node.
fn add(
    text: &str,
    node: &Node,
    after_key: Option<usize>,
    missing_steps: &[Step],
    value: &Json,
) -> Result<String, EditError> {
    let Some((Step::Key(name), below)) = missing_steps.split_first() else {
        return Err(missing(missing_steps));
    };
    let nested = below.iter().rev().try_fold(value.clone(), |value, step| match step {
        Step::Key(key) => Ok(Json::Object(Map::from_iter([(key.clone(), value)]))),
        Step::Index(_) => Err(missing(missing_steps)),
    })?;
    let entry = format!("{}: {}", scalar(name), to_flow(&nested));
    match &node.kind {
        Kind::Map { flow: true, entries } => {
            let last = entries.last().map(|entry| entry.value.span.end.max(entry.key.end));
            Ok(append_flow(text, node, last, &entry))
        }
        Kind::Map { flow: false, entries } => {
            let Some(first) = entries.first() else {
                return Ok(with_lines(text, text.len(), &entry));
            };
            let indent = column(text, first.key.start);
            Ok(with_lines(
                text,
                next_line(text, node.span.end),
                &format!("{}{entry}", " ".repeat(indent)),
            ))
        }
        Kind::Empty => Ok(replace_value(text, node, after_key, &format!("{{{entry}}}"))),
        _ => Err(missing(missing_steps)),
    }
}

fn column(text: &str, at: usize) -> usize {
    text[line_start(text, at)..at].chars().count()
}

/// Adds an element to a flow collection, after its last one.
fn append_flow(text: &str, node: &Node, last: Option<usize>, element: &str) -> String {
    match last {
        None => {
            let inside = node.span.start + 1;
            replaced(text, inside..inside, element)
        }
        Some(last) => replaced(text, last..last, &format!(", {element}")),
    }
}

pub(super) fn insert(
    text: &str,
    path: &[Step],
    index: usize,
    item: &Json,
) -> Result<String, EditError> {
    let root = tree::parse(text)?;
    let list = path.iter().try_fold(&root, |node, step| child(node, step));
    let item_text = to_flow(item);
    let Some(list) = list.filter(|list| !matches!(list.kind, Kind::Empty)) else {
        return set(text, path, &Json::Array(vec![item.clone()]));
    };
    match &list.kind {
        Kind::List { items, .. } if items.is_empty() => {
            Ok(replaced(text, list.span.clone(), &format!("[{item_text}]")))
        }
        Kind::List { flow: true, items } => Ok(match items.get(index) {
            Some(next) => {
                let at = next.span.start;
                replaced(text, at..at, &format!("{item_text}, "))
            }
            None => append_flow(text, list, items.last().map(|item| item.span.end), &item_text),
        }),
        Kind::List { flow: false, items } => {
            let neighbour = items.get(index).or(items.last()).ok_or_else(|| missing(path))?;
            let dash = own_line_dash(text, neighbour)?;
            let indent = " ".repeat(column(text, dash));
            let at = if index < items.len() {
                line_start(text, dash)
            } else {
                next_line(text, neighbour.span.end)
            };
            Ok(with_lines(text, at, &format!("{indent}- {item_text}")))
        }
        _ => Err(missing(path)),
    }
}

/// The dash before an item of a block list.
pub(super) fn dash(text: &str, item: &Node) -> Option<usize> {
    let start = line_start(text, item.span.start);
    let before = text[start..item.span.start].trim_end();
    before.ends_with('-').then(|| start + before.len() - 1)
}

const SAME_LINE: EditError = EditError::Unsupported("it shares a line with something else");

/// The dash of an item whose line has nothing before it.
fn own_line_dash(text: &str, item: &Node) -> Result<usize, EditError> {
    let dash = dash(text, item).ok_or(SAME_LINE)?;
    let before = &text[line_start(text, dash)..dash];
    if before.bytes().all(|byte| byte == b' ') { Ok(dash) } else { Err(SAME_LINE) }
}

/// The lines of an item of a block list.
pub(super) fn item_lines(text: &str, item: &Node) -> Result<Range<usize>, EditError> {
    let dash = own_line_dash(text, item)?;
    Ok(line_start(text, dash)..next_line(text, item.span.end))
}

pub(super) fn remove(text: &str, path: &[Step], as_comment: bool) -> Result<String, EditError> {
    let root = tree::parse(text)?;
    let Some((last, above)) = path.split_last() else { return Err(missing(path)) };
    let parent = above.iter().try_fold(&root, |node, step| child(node, step));
    let parent = parent.ok_or_else(|| missing(path))?;
    let elements = elements(parent);
    let index = match (&parent.kind, last) {
        (Kind::Map { entries, .. }, Step::Key(name)) => {
            entries.iter().position(|entry| entry.name == *name)
        }
        (Kind::List { items, .. }, Step::Index(index)) => Some(*index).filter(|i| *i < items.len()),
        _ => None,
    };
    let index = index.ok_or_else(|| missing(path))?;
    if parent.is_flow() {
        if as_comment {
            return Err(EditError::Unsupported(
                "an item on a line with others can't be switched off",
            ));
        }
        return Ok(replaced(text, flow_element(text, &elements, index), ""));
    }
    if elements.len() == 1 {
        if as_comment {
            return Err(EditError::Unsupported("the last one of a list can't be switched off"));
        }
        let empty = match parent.kind {
            Kind::List { .. } => Json::Array(Vec::new()),
            _ => Json::Object(Map::new()),
        };
        return set(text, above, &empty);
    }
    let element = elements[index].clone();
    let lines = match &parent.kind {
        Kind::List { items, .. } => item_lines(text, &items[index])?,
        _ => {
            let start = line_start(text, element.start);
            if text[start..element.start].bytes().any(|byte| byte != b' ') {
                // The first entry of an item: the next one takes its place behind the dash.
                let next = elements.get(index + 1).ok_or(SAME_LINE)?;
                return Ok(replaced(text, element.start..next.start, ""));
            }
            start..next_line(text, element.end)
        }
    };
    if !as_comment {
        return Ok(replaced(text, lines, ""));
    }
    let indent = text[lines.clone()].len() - text[lines.clone()].trim_start_matches(' ').len();
    let commented: Vec<[&str; 3]> = text[lines.clone()]
        .split_inclusive('\n')
        .map(|line| {
            let blank = line.len() - line.trim_start_matches(' ').len();
            let (indent, rest) = line.split_at(blank.min(indent));
            [indent, "# ", rest]
        })
        .collect();
    let commented = commented.as_flattened().concat();
    Ok(replaced(text, lines, &commented))
}

/// The ranges of the elements of a collection, with their keys.
fn elements(node: &Node) -> Vec<Range<usize>> {
    match &node.kind {
        Kind::List { items, .. } => items.iter().map(|item| item.span.clone()).collect(),
        Kind::Map { entries, .. } => {
            entries.iter().map(|e| e.key.start..e.value.span.end.max(e.key.end)).collect()
        }
        _ => Vec::new(),
    }
}

/// An element of a flow collection with the comma that goes with it.
fn flow_element(text: &str, elements: &[Range<usize>], index: usize) -> Range<usize> {
    let element = elements[index].clone();
    match (elements.get(index + 1), index.checked_sub(1)) {
        (Some(next), _) => element.start..next.start,
        (None, Some(before)) => elements[before].end..element.end,
        (None, None) => {
            let rest = &text[element.end..];
            let comma = rest.trim_start().starts_with(',');
            let blank = rest.len() - rest.trim_start().len();
            element.start..element.end + if comma { blank + 1 } else { 0 }
        }
    }
}

pub(super) fn swap(text: &str, path: &[Step]) -> Result<String, EditError> {
    let root = tree::parse(text)?;
    let Some((Step::Index(index), above)) = path.split_last() else { return Err(missing(path)) };
    let list = above.iter().try_fold(&root, |node, step| child(node, step));
    let Some(Kind::List { flow, items }) = list.map(|list| &list.kind) else {
        return Err(missing(path));
    };
    let (Some(a), Some(b)) = (items.get(*index), items.get(index + 1)) else {
        return Err(missing(path));
    };
    let (a, b) = if *flow {
        (a.span.clone(), b.span.clone())
    } else {
        (item_lines(text, a)?, item_lines(text, b)?)
    };
    let end = line_end(text);
    let (first, second) = (&text[a.clone()], &text[b.clone()]);
    // The last line of the file may lack its end.
    let missing_end = if *flow || second.ends_with('\n') { "" } else { end };
    let first = if missing_end.is_empty() { first } else { first.trim_end_matches(['\r', '\n']) };
    Ok([&text[..a.start], second, missing_end, &text[a.end..b.start], first, &text[b.end..]]
        .concat())
}
