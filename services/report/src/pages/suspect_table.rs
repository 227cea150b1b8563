//! Rows as a table of one line each: chosen columns of their records, or their features.

use anomal_core::{
    Result,
    proto::{DataType, FeatureKind},
    words,
};
use askama::Template;

use super::{
    Markup, ReportContext,
    format::{labels, numbers, text},
    suspects::SuspectsParams,
};
use crate::{
    charts,
    view::{Reason, Record},
};

/// Columns of a table; the page of a row shows all.
pub const COLUMNS: usize = 60;
/// Columns of the records that are shown unless others are chosen.
const DEFAULT: usize = 6;
/// Characters of a value.
const VALUE: usize = 60;
/// The longest name, in bytes, in a URL; columns with longer names can't be sorted.
pub const MAX_NAME: usize = 500;

/// The columns that are shown unless others are chosen: those of `roles.show`, else those that features read, then the first
/// others, without those that are shown already as time or entity.
pub fn default_columns(context: &ReportContext<'_>) -> Vec<usize> {
    let report = context.report;
    let place = |name: &String| report.columns.iter().position(|column| column.name == *name);
    let roles = report.roles.clone().unwrap_or_default();
    if !roles.show.is_empty() {
        return roles.show.iter().filter_map(place).collect();
    }
    // A domain is shown as its registered one.
    let is_entity = |name: &str| {
        roles.entities.iter().any(|entity| entity.column == name && entity.kind != "domain")
    };
    let is_shown =
        |name: &str| context.incidents.is_some() && (roles.time_column == name || is_entity(name));
    let rank = |name: &str| {
        let origin = format!("field {name}");
        if roles.entities.iter().any(|entity| entity.column == name) {
            0
        } else if report.features.iter().any(|feature| feature.origin == origin) {
            1
        } else {
            2
        }
    };
    let mut columns: Vec<usize> =
        (0..report.columns.len()).filter(|place| !is_shown(&report.columns[*place].name)).collect();
    // Stable: the others stay in order.
    columns.sort_by_key(|place| rank(&report.columns[*place].name));
    columns.truncate(DEFAULT);
    columns
}

pub struct ColumnHead {
    /// The name alone, for narrow screens.
    name: String,
    label: Markup,
    number: bool,
    /// The link that sorts by this column, if it can be sorted.
    href: Option<String>,
    /// The filter by its values.
    filter: Option<String>,
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
    /// Time, actor, target, as far as the table has them.
    about: Vec<Cell>,
    incident: Option<(String, Option<String>)>,
    /// The number of its incident, where that can be chosen.
    choose: Option<u64>,
    score: String,
    flags: Vec<FlagChip>,
    more_flags: usize,
    reasons_chart: Markup,
    reason: Option<ReasonShare>,
    cells: Vec<Cell>,
}

struct Cell {
    value: Markup,
    number: bool,
    /// The value to filter by, where what is shown is not the same.
    attribute: Markup,
}

impl Cell {
    fn new(value: Option<&str>, number: bool, is_filtered: bool) -> Self {
        let attribute =
            if is_filtered { text::filter_attribute(value, VALUE) } else { Markup::default() };
        Self { value: text::short_cell(value, VALUE), number, attribute }
    }
}

#[derive(Template)]
#[template(path = "table.html")]
struct Table<'a> {
    label: &'a str,
    sorts: bool,
    scored: bool,
    with_incident: bool,
    fixed: Vec<ColumnHead>,
    heads: Vec<ColumnHead>,
    rows: Vec<SuspectRow>,
    left_off: usize,
}

/// The variants of the table.
#[derive(Clone, Copy)]
pub struct TableOptions<'a> {
    pub label: &'a str,
    /// None if the table can't be sorted.
    pub params: Option<&'a SuspectsParams>,
    /// The features instead of the record.
    pub features: bool,
    /// The columns of the record.
    pub columns: &'a [usize],
    /// The prefix of the rows' ids; empty: no ids.
    pub id_prefix: &'a str,
    /// Whether incidents of rows can be chosen, for the form with the id `judge`.
    pub choose: bool,
    /// Columns that are left out, as each row has the same: `actor`, `target`, `incident`.
    pub without: &'a [&'a str],
}

/// The table alone.
pub fn table(
    context: &ReportContext<'_>,
    options: TableOptions<'_>,
    records: &[Record],
) -> Result<Markup> {
    let TableOptions { label, params, features, .. } = options;
    let scored = context.analysis.is_some() || records.iter().any(|record| record.score.is_some());
    let grouped = context.incidents.is_some();
    let with_incident = grouped && !options.without.contains(&"incident");
    let head = |sort: &str, name: &str, number: bool| head(context, params, sort, name, number);
    let mut fixed = vec![head("row", "Row", true)];
    let mut about = if grouped && !features { about_columns(context) } else { Vec::new() };
    about.retain(|(_, sort, _)| !options.without.contains(sort));
    fixed.extend(about.iter().map(|(_, sort, name)| head(sort, name, false)));
    if with_incident {
        fixed.push(head("incident", "Incident", true));
    }
    if scored {
        fixed.push(head("score", "Score", true));
    }
    fixed.push(head("severity", "Flags", false));
    let columns = columns(context, features, options.columns);
    let left_off = columns.len().saturating_sub(COLUMNS);
    let prefix = if features { "feature." } else { "source." };
    let heads = columns
        .iter()
        .take(COLUMNS)
        .map(|(_, name, number)| head(&format!("{prefix}{name}"), name, *number))
        .collect();
    let about: Vec<About> = about.iter().map(|(about, ..)| *about).collect();
    let rows =
        records.iter().map(|record| row(context, options, &about, &columns, record)).collect();
    let sorts = params.is_some();
    Markup::from_template(&Table {
        label,
        sorts,
        scored,
        with_incident,
        fixed,
        heads,
        rows,
        left_off,
    })
}

#[derive(Clone, Copy)]
enum About {
    Time,
    Actor,
    Target,
}

/// What rows are about: what it is, the key to sort by, the title of the column.
fn about_columns(context: &ReportContext<'_>) -> Vec<(About, &'static str, String)> {
    let mut columns = Vec::new();
    let roles = context.report.roles.as_ref();
    if roles.is_some_and(|roles| !roles.time_column.is_empty()) {
        columns.push((About::Time, "time", "Time".to_owned()));
    }
    for (about, sort, is_actor) in [(About::Actor, "actor", true), (About::Target, "target", false)]
    {
        if let Some((one, _)) = context.nouns(is_actor) {
            columns.push((about, sort, capital(one)));
        }
    }
    columns
}

fn capital(noun: &str) -> String {
    let mut letters = noun.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The places and names of the columns, and whether they are numeric.
fn columns<'a>(
    context: &ReportContext<'a>,
    features: bool,
    chosen: &[usize],
) -> Vec<(usize, &'a str, bool)> {
    let report = context.report;
    if features {
        let number = FeatureKind::Numeric;
        let all = report.features.iter().enumerate();
        all.map(|(place, f)| (place, f.name.as_str(), f.kind() == number)).collect()
    } else {
        let number = |kind| matches!(kind, DataType::Integer | DataType::Float);
        let column = |place: &usize| {
            let column = report.columns.get(*place)?;
            Some((*place, column.name.as_str(), number(column.data_type())))
        };
        chosen.iter().filter_map(column).collect()
    }
}

fn head(
    context: &ReportContext<'_>,
    params: Option<&SuspectsParams>,
    sort: &str,
    name: &str,
    number: bool,
) -> ColumnHead {
    let (label, name) = (text::name(name), text::shorten(name, VALUE));
    let Some(params) = params.filter(|_| sort.len() <= MAX_NAME) else {
        return ColumnHead { name, label, number, href: None, filter: None, sorted: "" };
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
    let filter = match sort.strip_prefix("source.") {
        Some(column) => Some(format!("f.{column}")),
        None => matches!(sort, "actor" | "target").then(|| sort.to_owned()),
    };
    let params = SuspectsParams { sort: sort.to_owned(), descending, page: 1, ..params.clone() };
    ColumnHead { name, label, number, href: Some(params.href(context)), filter, sorted }
}

/// Flags of a row that its line names.
const FLAGS: usize = 2;

fn row(
    context: &ReportContext<'_>,
    options: TableOptions<'_>,
    about: &[About],
    columns: &[(usize, &str, bool)],
    record: &Record,
) -> SuspectRow {
    let value = |place: usize| {
        if options.features {
            let text = record.features.get(place)?.text.as_deref()?;
            let column = context.report.features.get(place);
            Some(column.map_or_else(|| text.to_owned(), |column| words::feature(column, text)))
        } else {
            record.source.get(place)?.clone()
        }
    };
    let cells = columns.iter().take(COLUMNS).map(|&(place, _, number)| {
        Cell::new(value(place).as_deref(), number, options.params.is_some() && !options.features)
    });
    let times = context.times();
    let about = about.iter().map(|about| {
        let value = match about {
            About::Time => record.time.map(|time| times.precise(time)),
            About::Actor => record.actor.clone(),
            About::Target => record.target.clone(),
        };
        Cell::new(value.as_deref(), false, options.params.is_some())
    });
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
        about: about.collect(),
        incident: record
            .incident
            .map(|number| (numbers::count(number), context.links.incident(number))),
        choose: record.incident.filter(|_| options.choose),
        score: record.score.map_or_else(|| "–".to_owned(), |score| numbers::fixed(score, 3)),
        flags: record.flags.iter().take(FLAGS).map(|flag| flag_chip(context, flag)).collect(),
        more_flags: record.flags.len().saturating_sub(FLAGS),
        reasons_chart: if record.reasons.is_empty() {
            Markup::default()
        } else {
            Markup::svg(charts::reasons(&labels::reasons(&record.reasons)))
        },
        reason: reasons(record).into_iter().next(),
        cells: cells.collect(),
    }
}

fn flag_chip(context: &ReportContext<'_>, flag: &str) -> FlagChip {
    let severity = numbers::severity_class(context.severity(flag));
    FlagChip { name: text::bdi(flag, 60), severity }
}
