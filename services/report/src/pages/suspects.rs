//! The page of suspects: filters, search, chosen columns, the table.

use anomal_core::{Result, proto::Column};
use askama::Template;

use super::{
    Content, Markup, ReportContext, filters,
    format::{numbers, text},
    layout::{
        frame::ReportBar,
        links,
        pager::{PageRange, pager},
    },
    suspect_table::{TableOptions, default_columns, table},
};
use crate::view::{Page, Query, Record, filter::FilterPart};

/// Rows of a page.
pub const LIMIT: usize = 25;
/// Columns that can be chosen.
const CHOICES: usize = 300;

/// The parameters of the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuspectsParams {
    /// The features instead of the record.
    pub features: bool,
    pub sort: String,
    pub descending: bool,
    /// Places in the report's columns; none: the default ones.
    pub columns: Option<Vec<usize>>,
    /// From 1.
    pub page: usize,
}

impl SuspectsParams {
    pub fn query(&self, context: &ReportContext<'_>) -> Query {
        Query {
            sort: self.sort.clone(),
            descending: self.descending,
            filter: context.query.filter.clone(),
            offset: self.page.saturating_sub(1).saturating_mul(LIMIT),
            limit: LIMIT,
        }
    }

    /// The parameters that are not filters, without the page.
    fn kept(&self, context: &ReportContext<'_>) -> Vec<(String, String)> {
        let mut kept = Vec::new();
        let mut add = |name: &str, value: &str| kept.push((name.to_owned(), value.to_owned()));
        if self.features {
            add("view", "features");
        }
        if !self.sort.is_empty() {
            add("sort", &self.sort);
            add("order", if self.descending { "down" } else { "up" });
        }
        for place in self.columns.iter().flatten() {
            if let Some(column) = context.report.columns.get(*place) {
                add("cols", &column.name);
            }
        }
        kept
    }

    /// The page with these parameters.
    pub fn href(&self, context: &ReportContext<'_>) -> String {
        let part = |(name, value): (String, String)| FilterPart { name, value, problem: None };
        let mut parts = context.query.parts.clone();
        parts.extend(self.kept(context).into_iter().map(part));
        if self.page > 1 {
            parts.push(part(("page".to_owned(), self.page.to_string())));
        }
        format!("?{}", links::query(parts.iter()))
    }
}

struct Choice {
    value: String,
    name: Markup,
    chosen: bool,
}

struct Hidden {
    name: String,
    value: String,
}

#[derive(Template)]
#[template(path = "suspects.html")]
struct Suspects<'a> {
    filters: Markup,
    total: String,
    table: Markup,
    pager: Markup,
    empty: &'a str,
    has_rows: bool,
    grouped: bool,
    features: bool,
    original_href: String,
    features_href: String,
    search: String,
    search_fields: Vec<Hidden>,
    column_fields: Vec<Hidden>,
    choices: Vec<Choice>,
    clear: Option<String>,
    judge: Option<String>,
    help: String,
    left_off: Option<String>,
}

/// The page: controls, the table, links to its other pages.
pub fn page(
    context: &ReportContext<'_>,
    params: &SuspectsParams,
    page: &Page<Record>,
) -> Result<Content> {
    let columns = params.columns.clone().unwrap_or_else(|| default_columns(context));
    let choose =
        context.verdicts.is_some() && context.incidents.is_some() && !page.items.is_empty();
    let options = TableOptions {
        label: "Suspects",
        params: Some(params),
        features: params.features,
        columns: &columns,
        id_prefix: "row",
        choose,
        without: &[],
    };
    let table = table(context, options, &page.items)?;
    let range =
        PageRange { offset: page.offset, rows: page.items.len(), total: page.total, limit: LIMIT };
    let href = |page| SuspectsParams { page, ..params.clone() }.href(context);
    let empty = match (page.total, page.items.is_empty(), context.query.filter.is_empty()) {
        (0, _, true) => "No row is suspicious or hit by a flag.",
        (0, _, false) => "No suspect fits the filters.",
        (_, true, _) => "There is no such page.",
        _ => "",
    };
    let kept = params.kept(context);
    let field = |name: &str, value: &str| Hidden { name: name.to_owned(), value: value.to_owned() };
    let kept_fields = |without: &str| -> Vec<Hidden> {
        let parts = context.query.parts.iter().map(|part| (&part.name, &part.value));
        let all = parts.chain(kept.iter().map(|(name, value)| (name, value)));
        all.filter(|(name, _)| *name != without).map(|(name, value)| field(name, value)).collect()
    };
    let choice = |(place, column): (usize, &Column)| Choice {
        value: column.name.clone(),
        name: text::name(&column.name),
        chosen: columns.contains(&place),
    };
    let search = &context.query.filter.search;
    let stored = page.total as u64;
    let is_whole = context.query.filter.is_empty();
    let body = Markup::from_template(&Suspects {
        filters: filters::line(context, "suspects", &kept)?,
        total: numbers::size(page.total),
        table: if page.items.is_empty() { Markup::default() } else { table },
        pager: pager(range, "Pages of suspects", href)?,
        empty,
        has_rows: !page.items.is_empty(),
        grouped: context.incidents.is_some(),
        features: params.features,
        original_href: SuspectsParams { features: false, page: 1, ..params.clone() }.href(context),
        features_href: SuspectsParams { features: true, page: 1, ..params.clone() }.href(context),
        search: search.clone(),
        search_fields: kept_fields("q"),
        column_fields: kept_fields("cols"),
        choices: (context.report.columns.iter().enumerate())
            .filter(|(_, column)| text::is_plain(&column.name))
            .take(CHOICES)
            .map(choice)
            .collect(),
        clear: (!search.is_empty()).then(|| {
            let others = context.query.parts.iter().filter(|part| part.name != "q").cloned();
            let kept = kept.iter().map(|(name, value)| FilterPart {
                name: name.clone(),
                value: value.clone(),
                problem: None,
            });
            let all: Vec<FilterPart> = others.chain(kept).collect();
            format!("?{}", links::query(all.iter()))
        }),
        judge: choose.then(|| super::incidents::judge_action(context)),
        help: context.links.help("reasons"),
        left_off: (is_whole && stored < context.report.suspects).then(|| {
            format!(
                "The {} most suspicious of {} can be sorted and filtered; all are in the downloads.",
                numbers::count(stored),
                numbers::count(context.report.suspects)
            )
        }),
    })?;
    let bar = Some(ReportBar::new(context, "suspects"));
    Ok(Content { title: "Suspects".to_owned(), bar, body })
}
