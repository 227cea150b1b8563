//! Changes of a settings file that keep everything else byte for byte: comments, order, quotes, line ends.
//!
//! A change is a splice of the text. Its result is parsed again and must be the old settings with the change, else it is
//! refused: the text is never repaired.

mod flow;
mod list;
mod splice;
mod tree;

use std::fmt::{self, Write};

use serde_json::{Map, Value as Json};

pub use flow::to_flow;
pub use list::{ListEntry, entries};

use crate::{Problem, yaml};

/// A step of a path in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Key(String),
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// A change at a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Sets the value. What is missing on the way is made, except items of lists.
    Set(Json),
    /// Inserts an item before this one of the list; its length appends. A list that is missing is made.
    Insert(usize, Json),
    Remove,
    /// Exchanges the item with the next one.
    SwapWithNext,
    /// Turns the item into comments.
    SwitchOff,
    /// Turns the comments at this line, from 1, back into an item of the list.
    SwitchOn(usize),
}

/// Why a change is refused. The text is then as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is no YAML.
    #[error("{}", .0.message)]
    Unreadable(Problem),
    #[error("there is no `{0}` in the settings")]
    Missing(String),
    /// The way that the settings are written is beyond these changes.
    #[error("{0}; edit the YAML itself")]
    Unsupported(&'static str),
}

/// Changes a document of at most [`crate::MAX_BYTES`].
///
/// # Errors
/// If the text cannot be changed so that exactly this differs, such as for values that an anchor gives to several places.
pub fn edit(text: &str, path: &[Step], change: &Change) -> Result<String, EditError> {
    let before = parse(text)?;
    let mut expected = before;
    let edited = match change {
        Change::Set(value) => {
            set(&mut expected, path, value.clone())?;
            splice::set(text, path, value)?
        }
        Change::Insert(index, item) => {
            insert(&mut expected, path, *index, item.clone())?;
            splice::insert(text, path, *index, item)?
        }
        Change::Remove | Change::SwitchOff => {
            remove(&mut expected, path)?;
            splice::remove(text, path, *change == Change::SwitchOff)?
        }
        Change::SwapWithNext => {
            swap(&mut expected, path)?;
            splice::swap(text, path)?
        }
        Change::SwitchOn(line) => {
            let off = entries(text, path)?;
            let entry = off.iter().find(|entry| !entry.on && entry.line == *line);
            let entry = entry.ok_or_else(|| missing(path))?;
            let index = off.iter().filter(|other| other.on && other.line < *line).count();
            insert(&mut expected, path, index, entry.value.clone())?;
            list::switch_on(text, entry)
        }
    };
    match parse(&edited) {
        Ok(after) if after == expected => Ok(edited),
        _ => Err(EditError::Unsupported("what is written there has an effect elsewhere too")),
    }
}

/// The value at a path; none where there is none.
///
/// # Errors
/// If the text is no YAML.
pub fn value(text: &str, path: &[Step]) -> Result<Option<Json>, EditError> {
    Ok(at(&mut parse(text)?, path).cloned())
}

/// The line, from 1, of a path or of the nearest part above it.
///
/// # Errors
/// If the text is no YAML.
pub fn line(text: &str, path: &[Step]) -> Result<usize, EditError> {
    let root = tree::parse(text)?;
    let start = splice::nearest(&root, path).span.start.min(text.len());
    Ok(1 + text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count())
}

/// A path as messages name it.
pub fn display(path: &[Step]) -> impl fmt::Display {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Key(key) if out.is_empty() => out.push_str(key),
            Step::Key(key) => {
                out.push('.');
                out.push_str(key);
            }
            Step::Index(index) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "[{index}]");
            }
        }
    }
    out
}

fn missing(path: &[Step]) -> EditError {
    EditError::Missing(display(path).to_string())
}

fn parse(text: &str) -> Result<Json, EditError> {
    // An empty document is settings without any, which loading refuses with a hint.
    if tree::is_blank(text) {
        return Ok(Json::Object(Map::new()));
    }
    yaml::parse(text.as_bytes()).map(|node| node.value.into()).map_err(EditError::Unreadable)
}

fn at<'a>(value: &'a mut Json, path: &[Step]) -> Option<&'a mut Json> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    })
}

fn set(value: &mut Json, path: &[Step], new: Json) -> Result<(), EditError> {
    let mut place = value;
    for step in path {
        if place.is_null() && matches!(step, Step::Key(_)) {
            *place = Json::Object(Map::new());
        }
        place = match (step, place) {
            (Step::Key(key), Json::Object(map)) => map.entry(key.clone()).or_insert(Json::Null),
            (Step::Index(index), Json::Array(items)) => {
                items.get_mut(*index).ok_or_else(|| missing(path))?
            }
            _ => return Err(missing(path)),
        };
    }
    *place = new;
    Ok(())
}

fn insert(value: &mut Json, path: &[Step], index: usize, item: Json) -> Result<(), EditError> {
    if at(value, path).is_none_or(|list| list.is_null()) {
        set(value, path, Json::Array(Vec::new()))?;
    }
    match at(value, path) {
        Some(Json::Array(items)) if index <= items.len() => items.insert(index, item),
        _ => return Err(missing(path)),
    }
    Ok(())
}

fn remove(value: &mut Json, path: &[Step]) -> Result<(), EditError> {
    let Some((last, above)) = path.split_last() else { return Err(missing(path)) };
    match (at(value, above), last) {
        (Some(Json::Object(map)), Step::Key(key)) if map.contains_key(key) => {
            map.shift_remove(key);
        }
        (Some(Json::Array(items)), Step::Index(index)) if *index < items.len() => {
            items.remove(*index);
        }
        _ => return Err(missing(path)),
    }
    Ok(())
}

fn swap(value: &mut Json, path: &[Step]) -> Result<(), EditError> {
    let Some((Step::Index(index), above)) = path.split_last() else { return Err(missing(path)) };
    match at(value, above) {
        Some(Json::Array(items)) if index + 1 < items.len() => items.swap(*index, index + 1),
        _ => return Err(missing(path)),
    }
    Ok(())
}
