//! How well a dialect fits: whether records have the same number of cells, and columns cells of the same class.

use super::{
    header,
    reading::{Reading, ratio},
};
use crate::{dialect::CellBlanks, typing::Class};

/// Lines above the header at most.
const MAX_PREAMBLE: usize = 32;
/// Records of the same width that follow a preamble, if there are so many.
const AFTER_PREAMBLE: usize = 10;

/// The class of a cell, coarser than that of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum CellClass {
    Blank,
    Number,
    DecimalComma,
    Time,
    Address,
    Word,
    Text,
}

impl CellClass {
    pub fn classify(cell: &str) -> Self {
        let text = cell.trim();
        if text.is_empty() {
            return Self::Blank;
        }
        match Class::classify(text) {
            Class::Datetime => return Self::Time,
            Class::Boolean => return Self::Word,
            Class::Text => {}
            _ => return Self::Number,
        }
        if is_decimal_comma(text) {
            Self::DecimalComma
        } else if text.parse::<std::net::IpAddr>().is_ok() {
            Self::Address
        } else if is_date(text) {
            Self::Time
        } else if text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '\\' | '@'))
        {
            Self::Word
        } else {
            Self::Text
        }
    }

    /// Whether a name of a column is rarely of this class.
    pub fn is_data(self) -> bool {
        matches!(self, Self::Number | Self::DecimalComma | Self::Time | Self::Address)
    }
}

fn is_decimal_comma(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.split_once(',').is_some_and(|(whole, fraction)| {
        let all = |text: &str, group: fn(u8) -> bool| !text.is_empty() && text.bytes().all(group);
        all(whole, |byte| byte.is_ascii_digit() || byte == b'.')
            && all(fraction, |byte| byte.is_ascii_digit())
    })
}

/// Digits in three groups, as in dates of any order, also with a time behind.
fn is_date(text: &str) -> bool {
    let date = text.split([' ', 'T']).next().unwrap_or_default();
    ['/', '.', '-'].into_iter().any(|mark| {
        let mut groups = date.split(mark);
        let digits = |group: &str| {
            (1..=4).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_digit())
        };
        groups.clone().count() == 3 && groups.all(digits)
    })
}

/// How many cells of a column are of each class.
#[derive(Default)]
pub(super) struct ClassCounts([usize; 7]);

impl ClassCounts {
    pub fn count(&self, class: CellClass) -> usize {
        self.0[class as usize]
    }

    pub fn present(&self) -> usize {
        self.0.iter().skip(1).sum()
    }

    /// The share of the most frequent class, of which text counts half; half for a column without values.
    fn typed(&self) -> f64 {
        let present = self.present();
        let text = CellClass::Text as usize;
        let share = |(class, count): (usize, &usize)| {
            ratio(*count, present) * if class == text { 0.5 } else { 1.0 }
        };
        let best = self.0.iter().enumerate().skip(1).map(share).fold(0.0, f64::max);
        if present == 0 { 0.5 } else { best }
    }
}

/// The classes of a column's cells in the records from `first` on.
pub(super) fn classes(reading: &Reading, first: usize, column: usize) -> ClassCounts {
    let mut counts = ClassCounts::default();
    for record in first..reading.records.len() {
        if let Some(cell) = reading.cell(record, column) {
            counts.0[CellClass::classify(cell) as usize] += 1;
        }
    }
    counts
}

/// What a reading of a prefix is like.
#[derive(Debug)]
pub(crate) struct Fit {
    /// The most frequent number of cells, less a trailing one.
    pub width: usize,
    /// The record that is the first behind a preamble.
    pub first: usize,
    /// The share of records with that number of cells.
    pub uniform: f64,
    /// The number of records with that number of cells, and of all.
    pub records: (usize, usize),
    pub trailing: bool,
    /// Whether there are lines above the header that are neither blank nor begin with `#`.
    pub titles: bool,
    pub score: f64,
}

/// What the settings leave to be found out.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenParts {
    pub preamble: bool,
    pub trailing: bool,
}

impl Fit {
    /// Nothing for less than two records, or if none has two cells.
    pub(super) fn new(reading: &Reading, open: OpenParts) -> Option<Self> {
        let width = frequent_width(reading)?;
        let (first, trailing) = begin(reading, width, open);
        let body = &reading.records[first..];
        let names = body.first()?.width;
        if body.len() < 2 {
            return None;
        }
        let fits = |width: usize| body.iter().filter(|record| record.width == width).count();
        let uniform_records = fits(width) + usize::from(trailing && names + 1 == width);
        let uniform = ratio(uniform_records, body.len() + reading.bad);
        let shown = if trailing { width - 1 } else { width };
        let behind = first + usize::from(body.len() > 1);
        let typed = (0..shown).map(|column| classes(reading, behind, column).typed()).sum::<f64>();
        let typed = ratio(1, shown) * typed;
        let titles = reading.records[..first].iter().any(|record| !record.hash);
        let plain = plain(reading) - if titles { 0.1 } else { 0.0 };
        Some(Self {
            width: shown,
            first,
            uniform,
            records: (uniform_records, body.len() + reading.bad),
            trailing,
            titles,
            score: uniform * typed * plain,
        })
    }
}

fn plain(reading: &Reading) -> f64 {
    let dialect = &reading.dialect;
    let mut plain = 1.0;
    if dialect.quote == Some(b'\'') {
        plain -= 0.1;
    }
    if dialect.backslash {
        plain -= 0.05;
    }
    let behind = reading.behind_quotes();
    if reading.bad > 0 || behind > 0.01 {
        plain -= 0.2;
    }
    // A quote behind a blank that closes within the cell is one of the text.
    if dialect.blanks == CellBlanks::BeforeQuote && behind > 0.0 {
        plain -= 0.2;
    }
    plain
}

fn frequent_width(reading: &Reading) -> Option<usize> {
    let mut widths: Vec<usize> = reading.records.iter().map(|record| record.width).collect();
    widths.sort_unstable();
    let runs = widths.chunk_by(|a, b| a == b).filter(|run| run[0] >= 2);
    // The first of the longest, so the narrowest.
    let longest = runs.min_by_key(|run| std::cmp::Reverse(run.len()))?;
    Some(longest[0])
}

/// The record with the names of columns, or the first one, and whether all records behind it end with a separator.
fn begin(reading: &Reading, width: usize, open: OpenParts) -> (usize, bool) {
    let records = &reading.records;
    let last = if open.preamble { records.len() } else { 1 };
    for first in 0..last.min(records.len()) {
        if records[first].line > MAX_PREAMBLE + 1 {
            break;
        }
        let follows = &records[first + 1..];
        let shown = &follows[..follows.len().min(AFTER_PREAMBLE - 1)];
        let uniform = shown.iter().all(|record| record.width == width);
        let trailing = || {
            open.trailing
                && width > 2
                && !follows.is_empty()
                && records[first].width + 1 == width
                && (first + 1..records.len())
                    .all(|record| records[record].width == width && reading.ends_blank(record))
        };
        let enough = first == 0 || follows.len() >= 2;
        let titles = || records[..first].iter().all(|title| title.hash || title.width * 2 <= width);
        let names_behind_hash = || {
            records[first].width == width
                && first + 1 < records.len()
                && header::looks_like_data(reading, first + 1)
        };
        let comment = open.preamble && records[first].hash && !names_behind_hash();
        if comment || !uniform || !enough {
            continue;
        }
        if trailing() && titles() {
            return (first, true);
        }
        let names = || first == 0 || !header::looks_like_data(reading, first);
        if records[first].width == width && titles() && names() {
            return (first, false);
        }
    }
    (0, false)
}
