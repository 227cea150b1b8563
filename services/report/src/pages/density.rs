//! The distribution of a feature's values, by group of rows.

use anomal_core::{
    Result,
    proto::{FeatureGroup, FeatureSummary, Group},
};
use askama::Template;

use super::{
    Markup, ReportContext,
    format::{labels, numbers, text},
    layout::figure::{FigureSpec, figure},
};
use crate::charts;

struct Column {
    group: &'static str,
    class: &'static str,
}

struct StatisticRow {
    name: &'static str,
    /// One for each group.
    values: Vec<String>,
}

#[derive(Template)]
#[template(path = "density.html")]
struct Density {
    plain: String,
    figure: Markup,
    columns: Vec<Column>,
    rows: Vec<StatisticRow>,
    missing: String,
    distinct: String,
}

/// The indices in [`FeatureGroup::quantiles`] of the five-number summary: minimum, quartiles, maximum.
pub const FIVE_NUMBERS: [usize; 5] = [0, 3, 4, 5, 8];

/// `index`: that of the feature.
pub fn density(
    context: &ReportContext<'_>,
    index: usize,
    summary: &FeatureSummary,
) -> Result<Markup> {
    let name = summary.feature.as_ref().map_or("", |feature| &feature.name);
    let plain = text::shorten(name, text::CELL);
    let spec = FigureSpec {
        id: Some(&format!("density-{index}")),
        anchor: "density",
        title: &format!("Values of {plain}"),
        caption: "Where the shapes differ, the feature separates suspicious rows from normal rows.",
        class: "density",
        scrolls: true,
    };
    let below = ReportContext { level: context.level + 1, ..*context };
    Markup::from_template(&Density {
        plain: plain.clone(),
        figure: figure(&below, &spec, charts::density(&labels::summary(summary)))?,
        columns: summary.groups.iter().map(column).collect(),
        rows: statistics(summary),
        missing: match summary.missing {
            0 => "missing in no row".to_owned(),
            rows => format!("missing in {}", numbers::counted(rows, "row", "rows")),
        },
        distinct: numbers::counted(summary.distinct, "distinct value", "distinct values"),
    })
}

fn column(group: &FeatureGroup) -> Column {
    let (group, class) = match group.group() {
        Group::Normal => ("Normal", "normal"),
        Group::Suspicious => ("Suspicious", "suspicious"),
        Group::All | Group::Unspecified => ("All", "all"),
    };
    Column { group, class }
}

fn statistics(summary: &FeatureSummary) -> Vec<StatisticRow> {
    let row = |name, value: &dyn Fn(&FeatureGroup) -> String| StatisticRow {
        name,
        values: summary.groups.iter().map(value).collect(),
    };
    let mut rows = vec![row("Rows", &|group| numbers::count(group.count))];
    if !summary.edges.is_empty() {
        let format = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), numbers::number);
        rows.push(row("Mean", &|group| format(group.mean)));
        rows.push(row("Standard deviation", &|group| format(group.standard_deviation)));
        let names = ["Minimum", "Lower quartile", "Median", "Upper quartile", "Maximum"];
        for (name, index) in names.into_iter().zip(FIVE_NUMBERS) {
            rows.push(row(name, &|group| format(group.quantiles.get(index).copied())));
        }
    }
    rows
}
