//! The columns of lines that name their cells. They are those of the first lines, in the order of their first appearance,
//! and those that `types` names.

use std::collections::{HashMap, HashSet};

use crate::{
    dialect::{ABSENT, CellBuffer, Span},
    tabular::TextSettings,
};

/// Columns at most.
const MAX_COLUMNS: usize = 2_048;
/// Names without a column in a batch that are reported at most.
const MAX_UNKNOWN: usize = 100;

#[derive(Default)]
pub(super) struct KeyColumns {
    names: Vec<String>,
    places: HashMap<String, usize>,
}

impl KeyColumns {
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Adds a column, unless it is there.
    pub fn add(&mut self, name: &str) {
        if !self.places.contains_key(name) && self.names.len() < MAX_COLUMNS {
            self.places.insert(name.to_owned(), self.names.len());
            self.names.push(name.to_owned());
        }
    }

    /// Adds the columns that the settings name.
    pub fn add_named(&mut self, settings: &TextSettings) {
        settings.types.keys().for_each(|name| self.add(name));
    }

    pub fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }
}

/// Puts the cells of lines in their columns.
pub(super) struct KeyCells<'a> {
    columns: &'a KeyColumns,
    /// Of the line.
    first: usize,
    /// The column that the next cell probably has.
    next: usize,
    unknown: Vec<String>,
    seen: HashSet<String>,
}

impl<'a> KeyCells<'a> {
    pub fn new(columns: &'a KeyColumns) -> Self {
        Self { columns, first: 0, next: 0, unknown: Vec::new(), seen: HashSet::new() }
    }

    /// Begins a line, all of whose cells are absent.
    pub fn begin(&mut self, cells: &mut CellBuffer) {
        (self.first, self.next) = (cells.spans.len(), 0);
        cells.spans.resize(self.first + self.columns.names.len(), ABSENT);
    }

    /// Sets the cell of a column. Of several with one name the last one stays.
    pub fn set(&mut self, cells: &mut CellBuffer, name: &str, cell: Span) {
        let columns = self.columns;
        // Most lines have their names in the same order.
        let place = match columns.names.get(self.next) {
            Some(expected) if expected == name => Some(self.next),
            _ => columns.places.get(name).copied(),
        };
        match place {
            Some(place) => {
                cells.spans[self.first + place] = cell;
                self.next = place + 1;
            }
            None if self.unknown.len() < MAX_UNKNOWN && self.seen.insert(name.to_owned()) => {
                self.unknown.push(name.to_owned());
            }
            None => {}
        }
    }

    pub fn take_unknown(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unknown)
    }
}
