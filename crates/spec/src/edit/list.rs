//! The items of a list, with those that are switched off: comments that are items without their `# `.

use std::ops::Range;

use serde_json::Value as Json;

use super::{
    EditError, Step,
    splice::{child, item_lines, next_line},
    tree::{self, Kind, Node},
    value,
};
use crate::yaml;

/// An item of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListEntry {
    pub value: Json,
    /// Its line, from 1.
    pub line: usize,
    pub on: bool,
    /// Its lines, for one that is off.
    lines: Range<usize>,
}

/// The items of the list at a path in the order of their lines; none where there is no list.
///
/// # Errors
/// If the text is no YAML.
pub fn entries(text: &str, path: &[Step]) -> Result<Vec<ListEntry>, EditError> {
    let Some(Json::Array(values)) = value(text, path)? else { return Ok(Vec::new()) };
    let root = tree::parse(text)?;
    let list = path.iter().try_fold(&root, |node, step| child(node, step));
    let Some(Kind::List { flow, items }) = list.map(|list| &list.kind) else {
        return Ok(Vec::new());
    };
    let line = |at: usize| 1 + text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
    let on = values.into_iter().zip(items).map(|(value, item)| ListEntry {
        value,
        line: line(item.span.start),
        on: true,
        lines: 0..0,
    });
    let mut entries: Vec<ListEntry> = on.collect();
    if !flow {
        let off = switched_off(text, items).into_iter();
        entries.extend(off.map(|(lines, value)| {
            let line = line(lines.start);
            ListEntry { value, line, on: false, lines }
        }));
        entries.sort_by_key(|entry| entry.line);
    }
    Ok(entries)
}

fn switched_off(text: &str, items: &[Node]) -> Vec<(Range<usize>, Json)> {
    let lines: Vec<Range<usize>> =
        items.iter().filter_map(|item| item_lines(text, item).ok()).collect();
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Vec::new() };
    let indent = text[first.clone()].len() - text[first.clone()].trim_start_matches(' ').len();
    let head = format!("{}# - ", " ".repeat(indent));
    let more = format!("{}#   ", " ".repeat(indent));
    let mut found = Vec::new();
    // Comments before the first item and after the last one belong to the list as well.
    let mut at = first_comment(text, first.start, &head, &more);
    while at < text.len() {
        if let Some(item) = lines.iter().find(|lines| lines.contains(&at)) {
            at = item.end;
            continue;
        }
        let line = &text[at..next_line(text, at)];
        if !line.starts_with(&head) {
            let is_comment = line.trim_start().starts_with('#') || line.trim().is_empty();
            if at >= last.end && !is_comment {
                break;
            }
            at += line.len();
            continue;
        }
        let start = at;
        at += line.len();
        while at < text.len() && text[at..].starts_with(&more) {
            at = next_line(text, at);
        }
        let plain = uncommented(&text[start..at]);
        if let Ok(node) = yaml::parse(plain.as_bytes())
            && let Json::Array(mut values) = Json::from(node.value)
            && values.len() == 1
            && let Some(value) = values.pop()
        {
            found.push((start..at, value));
        }
    }
    found
}

/// The first of the comment lines directly above a line that are an item.
fn first_comment(text: &str, mut start: usize, head: &str, more: &str) -> usize {
    while start > 0 {
        let before = text[..start - 1].rfind('\n').map_or(0, |end| end + 1);
        if !text[before..].starts_with(head) && !text[before..].starts_with(more) {
            break;
        }
        start = before;
    }
    start
}

/// The lines without their `# `.
fn uncommented(lines: &str) -> String {
    lines.split_inclusive('\n').map(|line| line.replacen("# ", "", 1)).collect()
}

pub(super) fn switch_on(text: &str, entry: &ListEntry) -> String {
    let lines = entry.lines.clone();
    format!("{}{}{}", &text[..lines.start], uncommented(&text[lines.clone()]), &text[lines.end..])
}
