//! The W3C extended log format, as IIS, `CloudFront` and proxies write it.

use std::sync::Arc;

use anomal_core::Result;
use anomal_spec::{ColumnType, Columns, FormatNames, TypeDetails, TypeSetting};

use super::{
    header::{self, HeaderReader, Layout, Layouts, Places, Syntax},
    line::{Bad, LineCutter, LineFormat, LogLine, find},
};
use crate::{
    dialect::{ABSENT, CellBuffer, Span},
    records::HeaderLines,
    tabular::TextSettings,
    typing::CellText,
};

pub(super) const FIELDS: &str = "#Fields:";
/// The column of the date and the time.
const TIMESTAMP: &str = "@timestamp";
const DATE: &str = "date";

/// Reads a header line. Returns whether it says something of the records behind it.
pub(super) fn read_header(line: &str, layout: &mut Layout) -> bool {
    let Some((key, value)) = line.split_once(':') else { return false };
    if key.eq_ignore_ascii_case("#fields") {
        layout.names = value.split_ascii_whitespace().map(str::to_owned).collect();
    } else if key.eq_ignore_ascii_case("#date") {
        // Only for records without a day of their own, so that the layout does not change with each.
        if !layout.names.is_empty() && has_day(layout) {
            return false;
        }
        value.split_ascii_whitespace().next().unwrap_or_default().clone_into(&mut layout.date);
    } else {
        return false;
    }
    if has_day(layout) {
        layout.date.clear();
    }
    true
}

fn has_day(layout: &Layout) -> bool {
    layout.names.iter().any(|name| name == DATE)
}

/// Where the day and the time of a record are.
#[derive(Clone, Copy)]
enum TimePlace {
    None,
    /// The time, on the day of the header.
    Time(usize),
    DateTime(usize, usize),
}

impl TimePlace {
    fn new(layout: &Layout) -> Self {
        let place = |wanted: &str| layout.names.iter().position(|name| name == wanted);
        match (place(DATE), place("time")) {
            (Some(date), Some(time)) => Self::DateTime(date, time),
            (None, Some(time)) if !layout.date.is_empty() => Self::Time(time),
            _ => Self::None,
        }
    }
}

pub(super) struct W3c {
    layouts: Layouts,
    columns: Vec<String>,
    union: Columns,
    /// Whether [`TIMESTAMP`] is the first column.
    timed: bool,
    /// Whether the settings have a time zone.
    zoned: bool,
}

impl W3c {
    pub fn new(columns: Columns) -> Self {
        Self {
            layouts: Layouts::new(),
            columns: Vec::new(),
            union: columns,
            timed: false,
            zoned: false,
        }
    }
}

impl LineFormat for W3c {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn learn(
        &mut self,
        _: &mut dyn Iterator<Item = LogLine<'_>>,
        settings: &TextSettings,
    ) -> Result<()> {
        let layouts = self.layouts.all();
        let union = self.union == Columns::Union;
        let names = header::columns(&layouts, union, settings, FIELDS)?;
        let timed = |layout: &Arc<Layout>| !matches!(TimePlace::new(layout), TimePlace::None);
        self.timed = layouts[1..].iter().any(timed) && !names.iter().any(|name| name == TIMESTAMP);
        let timestamp = self.timed.then(|| TIMESTAMP.to_owned());
        self.columns = timestamp.into_iter().chain(names).collect();
        self.zoned = settings.times.as_ref().is_some_and(|times| times.zone.is_some());
        Ok(())
    }

    fn header_lines(&self) -> Option<Box<dyn HeaderLines>> {
        Some(Box::new(HeaderReader::new(Syntax::W3c, self.union, self.layouts.clone())))
    }

    fn declared(&self, column: &str) -> Option<TypeSetting> {
        (self.timed && (column == TIMESTAMP || column == DATE)).then(|| {
            TypeSetting::Detailed(TypeDetails {
                column_type: ColumnType::Datetime,
                separator: None,
                format: Some(FormatNames::One("iso".to_owned())),
                // The format has times in UTC.
                zone: (!self.zoned).then(|| "UTC".to_owned()),
                year: None,
            })
        })
    }

    fn cell_text(&self, column: &str) -> CellText {
        // Headers of requests and responses, in which IIS writes blanks so.
        if column.contains('(') { CellText::Plus } else { CellText::AsRead }
    }

    fn cutter(&self) -> Box<dyn LineCutter + '_> {
        let layouts = self.layouts.all();
        let known = layouts.iter().map(|_| None).collect();
        Box::new(W3cCutter { w3c: self, layouts, known, unknown: Vec::new() })
    }
}

struct W3cCutter<'a> {
    w3c: &'a W3c,
    layouts: Vec<Arc<Layout>>,
    /// By layout, once it has occurred: where its times are, and the columns of its cells.
    known: Vec<Option<(TimePlace, Places)>>,
    unknown: Vec<String>,
}

impl LineCutter for W3cCutter<'_> {
    fn cut(&mut self, line: LogLine<'_>, cells: &mut CellBuffer) -> Result<(), Bad> {
        let layout = &self.layouts[line.layout as usize];
        let columns = &self.w3c.columns[usize::from(self.w3c.timed)..];
        let (time, places) = self.known[line.layout as usize].get_or_insert_with(|| {
            (TimePlace::new(layout), Places::new(layout, columns, &mut self.unknown))
        });
        if self.w3c.timed {
            cells.push_absent();
        }
        let first = cells.spans.len();
        divide(line, cells);
        let found = cells.spans.len() - first;
        if found != layout.names.len() {
            return Err(header::wrong_number(found, layout, FIELDS));
        }
        if self.w3c.timed {
            cells.spans[first - 1] = timestamp(line, cells, first, *time, &layout.date);
        }
        places.arrange(cells, first, columns.len());
        Ok(())
    }

    fn take_unknown(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unknown)
    }
}

/// Appends the cells of a record: between tabs, or else between blanks, where a cell may be quoted.
fn divide(line: LogLine<'_>, cells: &mut CellBuffer) {
    let text = line.as_str();
    let bytes = text.as_bytes();
    let separator = if find(b'\t', bytes, 0).is_some() { b'\t' } else { b' ' };
    let quotes = separator == b' ' && find(b'"', bytes, 0).is_some();
    let mut start = 0;
    loop {
        let mut end = None;
        if quotes && bytes.get(start) == Some(&b'"') {
            end = push_quoted(line, start + 1, cells);
        }
        let end = end.unwrap_or_else(|| {
            let end = find(separator, bytes, start).unwrap_or(bytes.len());
            line.push(cells, (start, end));
            end
        });
        if end >= bytes.len() {
            return;
        }
        start = end + 1;
        // A blank at the end, and runs of blanks, separate nothing.
        while separator == b' ' && bytes.get(start) == Some(&b' ') {
            start += 1;
        }
        if separator == b' ' && start == bytes.len() {
            return;
        }
    }
}

/// Appends the cell behind an opening quote, if a quote and a blank end it, and returns its end.
fn push_quoted(line: LogLine<'_>, start: usize, cells: &mut CellBuffer) -> Option<usize> {
    let text = line.as_str();
    let bytes = text.as_bytes();
    let (mut at, mut doubled) = (start, false);
    loop {
        let close = find(b'"', bytes, at)?;
        match bytes.get(close + 1) {
            Some(b'"') => {
                doubled = true;
                at = close + 2;
            }
            None | Some(b' ') if doubled => {
                line.push_own(cells, &text[start..close].replace("\"\"", "\""));
                return Some(close + 1);
            }
            None | Some(b' ') => {
                line.push(cells, (start, close));
                return Some(close + 1);
            }
            Some(_) => at = close + 1,
        }
    }
}

/// The cell of the day and the time. Where they are side by side it is a part of the line.
fn timestamp(
    line: LogLine<'_>,
    cells: &mut CellBuffer,
    first: usize,
    place: TimePlace,
    day: &str,
) -> Span {
    let (date, time) = match place {
        TimePlace::None => return ABSENT,
        TimePlace::DateTime(date, time) => {
            let (date, time) = (cells.spans[first + date], cells.spans[first + time]);
            let side_by_side = date.1 + 1 == time.0 && line.byte(date.1) == Some(b' ');
            if side_by_side && line.byte(date.0) != Some(b'-') {
                return (date.0, time.1);
            }
            (line.cell(cells, date).to_owned(), line.cell(cells, time).to_owned())
        }
        TimePlace::Time(time) => {
            (day.to_owned(), line.cell(cells, cells.spans[first + time]).to_owned())
        }
    };
    if date == "-" || time == "-" {
        return ABSENT;
    }
    line.own(cells, &format!("{date} {time}"))
}
