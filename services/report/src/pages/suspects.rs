//! The table of suspects: as they came, or as their features.

use anomal_core::{
    Result,
    proto::{DataType, FeatureKind, Severity},
};
use askama::Template;

use super::{
    Markup, Shown, drawn, numbers,
    pager::{Place, pager},
    text,
};
use crate::{
    charts,
    view::{Page, Query, Reason, Record},
};

/// Rows of a page.
pub const LIMIT: usize = 25;
/// Columns of a table; the others are on the row's page.
pub const COLUMNS: usize = 60;

/// Bytes of a name that an address holds; columns of longer ones do not sort.
pub const NAME: usize = 500;

/// What the address asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The features instead of the record.
    pub features: bool,
    pub sort: String,
    pub descending: bool,
    pub search: String,
    /// From 1.
    pub page: usize,
}

impl Asked {
    pub fn query(&self) -> Query {
        Query {
            sort: self.sort.clone(),
            descending: self.descending,
            search: self.search.clone(),
            offset: self.page.saturating_sub(1).saturating_mul(LIMIT),
            limit: LIMIT,
        }
    }

    fn href(&self) -> String {
        let mut parts = Vec::new();
        if self.features {
            parts.push("view=features".to_owned());
        }
        if !self.search.is_empty() {
            parts.push(format!("q={}", text::encode(&self.search)));
        }
        if !self.sort.is_empty() {
            let order = if self.descending { "down" } else { "up" };
            parts.push(format!("sort={}&order={order}", text::encode(&self.sort)));
        }
        if self.page > 1 {
            parts.push(format!("page={}", self.page));
        }
        format!("?{}#suspects", parts.join("&"))
    }
}

pub struct Head {
    label: Markup,
    number: bool,
    /// The address that sorts by it; none: it does not sort.
    href: Option<String>,
    /// `ascending`, `descending` or nothing.
    sorted: &'static str,
}

struct Flag {
    name: Markup,
    severity: &'static str,
}

/// A feature and its share of the score.
pub struct Why {
    pub feature: Markup,
    pub share: String,
}

pub fn reasons(record: &Record) -> Vec<Why> {
    let why = |reason: &Reason| Why {
        feature: text::bdi(&reason.feature, 60),
        share: numbers::percent(reason.share),
    };
    record.reasons.iter().map(why).collect()
}

struct Line {
    row: String,
    id: Option<String>,
    href: Option<String>,
    suspicious: bool,
    score: String,
    rank: Option<String>,
    flags: Vec<Flag>,
    bars: Markup,
    reasons: Vec<Why>,
    words: Option<Markup>,
    cells: Vec<Cell>,
}

struct Cell {
    value: Markup,
    number: bool,
}

#[derive(Template)]
#[template(path = "table.html")]
struct Table<'a> {
    label: &'a str,
    scored: bool,
    fixed: Vec<Head>,
    heads: Vec<Head>,
    lines: Vec<Line>,
    left_off: usize,
}

#[derive(Template)]
#[template(path = "suspects.html")]
struct Suspects<'a> {
    level: u8,
    total: String,
    table: Markup,
    pager: Markup,
    empty: &'a str,
    features: bool,
    original_href: String,
    features_href: String,
    search: String,
    sort: String,
    order: &'static str,
    clear: Option<String>,
    help: String,
    downloads: Vec<Download>,
}

struct Download {
    href: String,
    said: &'static str,
}

/// The section: controls, the table, links to its other pages.
pub fn section(shown: &Shown<'_>, asked: &Asked, page: &Page<Record>) -> Result<Markup> {
    let which =
        Which { label: "Suspects", asked: Some(asked), features: asked.features, ids: "row" };
    let table = table(shown, which, &page.items)?;
    let place =
        Place { offset: page.offset, shown: page.items.len(), total: page.total, limit: LIMIT };
    let link = |page| Asked { page, ..asked.clone() }.href();
    let empty = match (page.total, page.items.is_empty(), asked.search.is_empty()) {
        (0, _, true) => "No row is suspicious, and no flag hit any.",
        (0, _, false) => "No suspect holds what you search for.",
        (_, true, _) => "There are fewer pages than that.",
        _ => "",
    };
    Markup::of(&Suspects {
        level: shown.level,
        total: numbers::size(page.total),
        table: if page.items.is_empty() { Markup::default() } else { table },
        pager: pager(place, "Pages of suspects", link)?,
        empty,
        features: asked.features,
        original_href: Asked { features: false, page: 1, ..asked.clone() }.href(),
        features_href: Asked { features: true, page: 1, ..asked.clone() }.href(),
        search: asked.search.clone(),
        sort: asked.sort.clone(),
        order: if asked.descending { "down" } else { "up" },
        clear: (!asked.search.is_empty())
            .then(|| Asked { search: String::new(), page: 1, ..asked.clone() }.href()),
        help: shown.links.help("reasons"),
        downloads: downloads(shown),
    })
}

fn downloads(shown: &Shown<'_>) -> Vec<Download> {
    [
        ("suspects.csv", "Suspects as CSV"),
        ("suspects.parquet", "Suspects as Parquet"),
        ("all.csv", "All rows as CSV"),
        ("all.parquet", "All rows as Parquet"),
    ]
    .into_iter()
    .filter_map(|(name, said)| Some(Download { href: shown.links.download(name)?, said }))
    .collect()
}

/// Which table of records.
#[derive(Clone, Copy)]
pub struct Which<'a> {
    pub label: &'a str,
    /// Without it the table can't be sorted.
    pub asked: Option<&'a Asked>,
    /// The features instead of the record.
    pub features: bool,
    /// What the lines' ids begin with; empty: they have none.
    pub ids: &'a str,
}

/// The table alone.
pub fn table(shown: &Shown<'_>, which: Which<'_>, records: &[Record]) -> Result<Markup> {
    let Which { label, asked, features, .. } = which;
    let scored = shown.analysis.is_some() || records.iter().any(|record| record.score.is_some());
    let mut fixed = vec![head(asked, "row", Markup::trusted("Row"), true)];
    if scored {
        fixed.push(head(asked, "score", Markup::trusted("Score"), true));
    }
    fixed.push(head(asked, "severity", Markup::trusted("Flags"), false));
    let columns = columns(shown, features);
    let left_off = columns.len().saturating_sub(COLUMNS);
    let prefix = if features { "feature." } else { "source." };
    let heads = columns
        .iter()
        .take(COLUMNS)
        .map(|(name, number)| head(asked, &format!("{prefix}{name}"), text::name(name), *number))
        .collect();
    let lines = records.iter().map(|record| line(shown, which, &columns, record)).collect();
    Markup::of(&Table { label, scored, fixed, heads, lines, left_off })
}

/// The names of the columns, and whether they hold numbers.
fn columns<'a>(shown: &Shown<'a>, features: bool) -> Vec<(&'a str, bool)> {
    let report = shown.report;
    if features {
        let number = FeatureKind::Numeric;
        report.features.iter().map(|f| (f.name.as_str(), f.kind() == number)).collect()
    } else {
        let number = |kind| matches!(kind, DataType::Integer | DataType::Float);
        report.columns.iter().map(|c| (c.name.as_str(), number(c.data_type()))).collect()
    }
}

fn head(asked: Option<&Asked>, sort: &str, label: Markup, number: bool) -> Head {
    let Some(asked) = asked.filter(|_| sort.len() <= NAME) else {
        return Head { label, number, href: None, sorted: "" };
    };
    let this = asked.sort == sort;
    let sorted = match (this, asked.descending) {
        (false, _) => "",
        (true, false) => "ascending",
        (true, true) => "descending",
    };
    // What is most suspicious is asked for first.
    let descending = if this { !asked.descending } else { matches!(sort, "score" | "severity") };
    let href = Asked { sort: sort.to_owned(), descending, page: 1, ..asked.clone() }.href();
    Head { label, number, href: Some(href), sorted }
}

fn line(shown: &Shown<'_>, which: Which<'_>, columns: &[(&str, bool)], record: &Record) -> Line {
    let value = |place: usize| {
        if which.features {
            record.features.get(place).and_then(|value| value.text.as_deref())
        } else {
            record.source.get(place).and_then(Option::as_deref)
        }
    };
    let cells = columns
        .iter()
        .take(COLUMNS)
        .enumerate()
        .map(|(place, &(_, number))| Cell { value: text::cell(value(place)), number });
    Line {
        row: numbers::count(record.row),
        id: (!which.ids.is_empty()).then(|| format!("{}-{}", which.ids, record.row)),
        // In a file the two tables lead to each other.
        href: if shown.links.is_file() && which.ids == "row" {
            Some(format!("#features-{}", record.row))
        } else {
            shown.links.row(record.row)
        },
        suspicious: record.suspicious,
        score: record.score.map_or_else(|| "–".to_owned(), |score| numbers::fixed(score, 3)),
        rank: record.rank.map(numbers::percent),
        flags: record.flags.iter().map(|flag| chip(shown, flag)).collect(),
        bars: if record.reasons.is_empty() {
            Markup::default()
        } else {
            Markup::svg(charts::reasons(&drawn::reasons(&record.reasons)))
        },
        reasons: reasons(record),
        words: record.explanation.as_deref().map(|words| text::bdi(words, 2 * text::CELL)),
        cells: cells.collect(),
    }
}

fn chip(shown: &Shown<'_>, flag: &str) -> Flag {
    let severity = match shown.severity(flag) {
        Severity::Unspecified => "none",
        severity => numbers::severity(severity),
    };
    Flag { name: text::bdi(flag, 60), severity }
}
