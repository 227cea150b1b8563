//! Header lines that name the columns of the records behind them.

use std::sync::{Arc, PoisonError, RwLock};

use anomal_core::{Error, Result};
use anomal_spec::{Columns, LogFormat};

use super::{line::Bad, w3c, zeek};
use crate::{
    dialect::{ABSENT, CellBuffer, Span},
    records::HeaderLines,
    tabular::TextSettings,
};

/// Different layouts of one input at most.
const MAX_LAYOUTS: usize = 1_000;

/// The formats with header lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    Zeek,
    W3c,
}

impl Syntax {
    fn format(self) -> LogFormat {
        match self {
            Self::Zeek => LogFormat::Zeek,
            Self::W3c => LogFormat::W3c,
        }
    }
}

/// What header lines say of the records behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    pub names: Vec<String>,
    /// The types of Zeek, if the header has them.
    pub types: Vec<String>,
    /// What separates cells; nothing: tabs, or else blanks.
    pub separator: Option<u8>,
    /// The texts of a field without a value and of an empty one.
    pub unset: String,
    pub empty: String,
    /// The day of the records, where they have times alone.
    pub date: String,
}

impl Layout {
    /// Numbers equal names, and removes names that are empty with their types.
    fn clean(&mut self) {
        let typed = self.types.len() == self.names.len();
        let mut types = std::mem::take(&mut self.types).into_iter();
        let mut names: Vec<String> = Vec::with_capacity(self.names.len());
        for name in std::mem::take(&mut self.names) {
            let data_type = types.next().unwrap_or_default();
            if name.is_empty() {
                continue;
            }
            let mut free = name.clone();
            let mut number = 2;
            while names.contains(&free) {
                free = format!("{name}_{number}");
                number += 1;
            }
            names.push(free);
            if typed {
                self.types.push(data_type);
            }
        }
        self.names = names;
    }
}

/// The layouts of an input in the order of their first appearance. The first is that of records without header lines.
#[derive(Clone, Debug)]
pub(super) struct Layouts(Arc<RwLock<Vec<Arc<Layout>>>>);

impl Layouts {
    pub fn new() -> Self {
        Self(Arc::new(RwLock::new(vec![Arc::default()])))
    }

    /// Those so far.
    pub fn all(&self) -> Vec<Arc<Layout>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of a layout; nothing if there are too many.
    fn number(&self, layout: &Layout) -> Option<u32> {
        let mut layouts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let number = match layouts.iter().position(|known| **known == *layout) {
            Some(number) => number,
            None if layouts.len() > MAX_LAYOUTS => return None,
            None => {
                layouts.push(Arc::new(layout.clone()));
                layouts.len() - 1
            }
        };
        u32::try_from(number).ok()
    }
}

/// Reads header lines.
pub(super) struct HeaderReader {
    syntax: Syntax,
    columns: Columns,
    layouts: Layouts,
    /// What the lines so far say.
    pending: Layout,
    changed: bool,
    number: u32,
}

impl HeaderReader {
    pub fn new(syntax: Syntax, columns: Columns, layouts: Layouts) -> Self {
        Self { syntax, columns, layouts, pending: Layout::default(), changed: false, number: 0 }
    }
}

impl HeaderLines for HeaderReader {
    fn begin_file(&mut self) {
        (self.pending, self.changed, self.number) = (Layout::default(), false, 0);
    }

    fn read(&mut self, line: &str) {
        let changed = match self.syntax {
            Syntax::Zeek => zeek::read_header(line, &mut self.pending),
            Syntax::W3c => w3c::read_header(line, &mut self.pending),
        };
        self.changed |= changed;
    }

    fn layout(&mut self) -> std::result::Result<u32, (&'static str, String)> {
        if !std::mem::take(&mut self.changed) || self.pending.names.is_empty() {
            return Ok(self.number);
        }
        let mut layout = self.pending.clone();
        layout.clean();
        if self.columns == Columns::Same
            && let Some(first) = self.layouts.all().get(1)
            && !same_names(&first.names, &layout.names)
        {
            let (names, first) = (layout.names.join(", "), first.names.join(", "));
            let format = self.syntax.format().name();
            return Err((
                "HEADERS_DIFFER",
                format!(
                    "the header lines above name other columns than the first ones: {names} instead of {first}; `log: {{..., \
                     format: {format}, columns: union}}` reads both by name"
                ),
            ));
        }
        let number = self.layouts.number(&layout);
        self.number = number.ok_or_else(|| {
            ("HEADERS_DIFFER", format!("the input has more than {MAX_LAYOUTS} different headers"))
        })?;
        Ok(self.number)
    }
}

fn same_names(first: &[String], second: &[String]) -> bool {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort_unstable();
        names
    };
    first == second || sorted(first) == sorted(second)
}

/// The columns of all layouts of the first records, then those that `types` names, where all columns need not be the same.
///
/// # Errors
/// `InvalidInput` if there is no layout.
pub(super) fn columns(
    layouts: &[Arc<Layout>],
    union: bool,
    settings: &TextSettings,
    header: &str,
) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for layout in &layouts[1..] {
        for name in &layout.names {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    if names.is_empty() {
        let message = format!(
            "{} has no line `{header}` that names columns; the format is another one, or the header was cut off",
            settings.path
        );
        return Err(Error::input("BAD_HEADER", message));
    }
    if union {
        let more: Vec<String> =
            settings.types.keys().filter(|name| !names.contains(name)).cloned().collect();
        names.extend(more);
    }
    Ok(names)
}

/// The column of each cell of a layout, if the names are not the columns in their order; none for cells without a column.
#[derive(Clone)]
pub(super) struct Places(Option<Vec<Option<usize>>>);

impl Places {
    /// Adds names without a column to `unknown`.
    pub fn new(layout: &Layout, columns: &[String], unknown: &mut Vec<String>) -> Self {
        if layout.names == columns {
            return Self(None);
        }
        let place = |name: &String| columns.iter().position(|column| column == name);
        let places: Vec<Option<usize>> = layout.names.iter().map(place).collect();
        for (place, name) in places.iter().zip(&layout.names) {
            if place.is_none() && !unknown.contains(name) {
                unknown.push(name.clone());
            }
        }
        Self(Some(places))
    }

    /// Reorders the cells of a record, which are those of a buffer from `first` on, by their columns.
    pub fn arrange(&self, cells: &mut CellBuffer, first: usize, width: usize) {
        let Some(places) = &self.0 else { return };
        let found: Vec<Span> = cells.spans.drain(first..).collect();
        cells.spans.resize(first + width, ABSENT);
        for (cell, place) in found.into_iter().zip(places) {
            if let Some(place) = place {
                cells.spans[first + place] = cell;
            }
        }
    }
}

/// Why a record has not the cells that its header names.
pub(super) fn wrong_number(found: usize, layout: &Layout, header: &str) -> Bad {
    if layout.names.is_empty() {
        return format!("no line `{header}` precedes the record").into();
    }
    format!("the record has {found} cells, and `{header}` names {}", layout.names.len()).into()
}
