//! The table of suspects: their original records or their features.

use anomal_core::{
    Result,
    proto::{DataType, FeatureKind},
    words,
};
use askama::Template;

use super::{
    Markup, ReportContext,
    format::{labels, numbers, text},
    layout::pager::{PageRange, pager},
};
use crate::{
    charts,
    view::{Page, Query, Reason, Record},
};

/// Rows of a page.
pub const LIMIT: usize = 25;
/// Columns of a table; the page of a row shows all.
pub const COLUMNS: usize = 60;

/// The longest name, in bytes, in a URL; columns with longer names can't be sorted.
pub const MAX_NAME: usize = 500;

/// The parameters of the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuspectsParams {
    /// The features instead of the record.
    pub features: bool,
    pub sort: String,
    pub descending: bool,
    pub search: String,
    /// From 1.
    pub page: usize,
}

impl SuspectsParams {
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

pub struct ColumnHead {
    label: Markup,
    number: bool,
    /// The link that sorts by this column, if it can be sorted.
    href: Option<String>,
    /// `ascending`, `descending` or nothing.
    sorted: &'static str,
}

struct FlagChip {
    name: Markup,
    severity: &'static str,
}

/// A feature and its share of the score.
pub struct ReasonShare {
    pub feature: Markup,
    pub share: String,
}

pub fn reasons(record: &Record) -> Vec<ReasonShare> {
    let share = |reason: &Reason| ReasonShare {
        feature: text::bdi(&reason.feature, 60),
        share: numbers::percent(reason.share),
    };
    record.reasons.iter().map(share).collect()
}

struct SuspectRow {
    row: String,
    id: Option<String>,
    href: Option<String>,
    suspicious: bool,
    score: String,
    rank: Option<String>,
    flags: Vec<FlagChip>,
    reasons_chart: Markup,
    reasons: Vec<ReasonShare>,
    explanation: Option<Markup>,
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
    fixed: Vec<ColumnHead>,
    heads: Vec<ColumnHead>,
    rows: Vec<SuspectRow>,
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
    label: &'static str,
}

/// The section: controls, the table, links to its other pages.
pub fn section(
    context: &ReportContext<'_>,
    params: &SuspectsParams,
    page: &Page<Record>,
) -> Result<Markup> {
    let options = TableOptions {
        label: "Suspects",
        params: Some(params),
        features: params.features,
        id_prefix: "row",
    };
    let table = table(context, options, &page.items)?;
    let range =
        PageRange { offset: page.offset, rows: page.items.len(), total: page.total, limit: LIMIT };
    let href = |page| SuspectsParams { page, ..params.clone() }.href();
    let empty = match (page.total, page.items.is_empty(), params.search.is_empty()) {
        (0, _, true) => "No row is suspicious or hit by a flag.",
        (0, _, false) => "No suspect matches the search.",
        (_, true, _) => "There is no such page.",
        _ => "",
    };
    Markup::from_template(&Suspects {
        level: context.level,
        total: numbers::size(page.total),
        table: if page.items.is_empty() { Markup::default() } else { table },
        pager: pager(range, "Pages of suspects", href)?,
        empty,
        features: params.features,
        original_href: SuspectsParams { features: false, page: 1, ..params.clone() }.href(),
        features_href: SuspectsParams { features: true, page: 1, ..params.clone() }.href(),
        search: params.search.clone(),
        sort: params.sort.clone(),
        order: if params.descending { "down" } else { "up" },
        clear: (!params.search.is_empty())
            .then(|| SuspectsParams { search: String::new(), page: 1, ..params.clone() }.href()),
        help: context.links.help("reasons"),
        downloads: downloads(context),
    })
}

fn downloads(context: &ReportContext<'_>) -> Vec<Download> {
    [
        ("suspects.csv", "Suspects as CSV"),
        ("suspects.parquet", "Suspects as Parquet"),
        ("all.csv", "All rows as CSV"),
        ("all.parquet", "All rows as Parquet"),
    ]
    .into_iter()
    .filter_map(|(name, label)| Some(Download { href: context.links.download(name)?, label }))
    .collect()
}

/// The variants of the table.
#[derive(Clone, Copy)]
pub struct TableOptions<'a> {
    pub label: &'a str,
    /// None if the table can't be sorted.
    pub params: Option<&'a SuspectsParams>,
    /// The features instead of the record.
    pub features: bool,
    /// The prefix of the rows' ids; empty: no ids.
    pub id_prefix: &'a str,
}

/// The table alone.
pub fn table(
    context: &ReportContext<'_>,
    options: TableOptions<'_>,
    records: &[Record],
) -> Result<Markup> {
    let TableOptions { label, params, features, .. } = options;
    let scored = context.analysis.is_some() || records.iter().any(|record| record.score.is_some());
    let mut fixed = vec![head(params, "row", Markup::trusted("Row"), true)];
    if scored {
        fixed.push(head(params, "score", Markup::trusted("Score"), true));
    }
    fixed.push(head(params, "severity", Markup::trusted("Flags"), false));
    let columns = columns(context, features);
    let left_off = columns.len().saturating_sub(COLUMNS);
    let prefix = if features { "feature." } else { "source." };
    let heads = columns
        .iter()
        .take(COLUMNS)
        .map(|(name, number)| head(params, &format!("{prefix}{name}"), text::name(name), *number))
        .collect();
    let rows = records.iter().map(|record| row(context, options, &columns, record)).collect();
    Markup::from_template(&Table { label, scored, fixed, heads, rows, left_off })
}

/// The names of the columns, and whether they are numeric.
fn columns<'a>(context: &ReportContext<'a>, features: bool) -> Vec<(&'a str, bool)> {
    let report = context.report;
    if features {
        let number = FeatureKind::Numeric;
        report.features.iter().map(|f| (f.name.as_str(), f.kind() == number)).collect()
    } else {
        let number = |kind| matches!(kind, DataType::Integer | DataType::Float);
        report.columns.iter().map(|c| (c.name.as_str(), number(c.data_type()))).collect()
    }
}

fn head(params: Option<&SuspectsParams>, sort: &str, label: Markup, number: bool) -> ColumnHead {
    let Some(params) = params.filter(|_| sort.len() <= MAX_NAME) else {
        return ColumnHead { label, number, href: None, sorted: "" };
    };
    let current = params.sort == sort;
    let sorted = match (current, params.descending) {
        (false, _) => "",
        (true, false) => "ascending",
        (true, true) => "descending",
    };
    // The first click on a score or severity shows the most suspicious rows first.
    let descending =
        if current { !params.descending } else { matches!(sort, "score" | "severity") };
    let params = SuspectsParams { sort: sort.to_owned(), descending, page: 1, ..params.clone() };
    let href = params.href();
    ColumnHead { label, number, href: Some(href), sorted }
}

fn row(
    context: &ReportContext<'_>,
    options: TableOptions<'_>,
    columns: &[(&str, bool)],
    record: &Record,
) -> SuspectRow {
    let value = |index: usize| {
        if options.features {
            let text = record.features.get(index)?.text.as_deref()?;
            let column = context.report.features.get(index);
            Some(column.map_or_else(|| text.to_owned(), |column| words::feature(column, text)))
        } else {
            record.source.get(index)?.clone()
        }
    };
    let cells = columns
        .iter()
        .take(COLUMNS)
        .enumerate()
        .map(|(index, &(_, number))| Cell { value: text::cell(value(index).as_deref()), number });
    SuspectRow {
        row: numbers::count(record.row),
        id: (!options.id_prefix.is_empty())
            .then(|| format!("{}-{}", options.id_prefix, record.row)),
        // In a file the two tables link to each other.
        href: if context.links.is_file() && options.id_prefix == "row" {
            Some(format!("#features-{}", record.row))
        } else {
            context.links.row(record.row)
        },
        suspicious: record.suspicious,
        score: record.score.map_or_else(|| "–".to_owned(), |score| numbers::fixed(score, 3)),
        rank: record.rank.map(|lower| words::rank(lower, context.report.results)),
        flags: record.flags.iter().map(|flag| flag_chip(context, flag)).collect(),
        reasons_chart: if record.reasons.is_empty() {
            Markup::default()
        } else {
            Markup::svg(charts::reasons(&labels::reasons(&record.reasons)))
        },
        reasons: reasons(record),
        explanation: record.explanation.as_deref().map(|all| text::bdi(all, 2 * text::CELL)),
        cells: cells.collect(),
    }
}

fn flag_chip(context: &ReportContext<'_>, flag: &str) -> FlagChip {
    let severity = numbers::severity_class(context.severity(flag));
    FlagChip { name: text::bdi(flag, 60), severity }
}
