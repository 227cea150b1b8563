//! How the values of a feature are spread, by group.

use anomal_core::{
    Result,
    proto::{FeatureGroup, FeatureSummary, Group},
};
use askama::Template;

use super::{
    Markup, Shown, drawn,
    figure::{About, figure},
    numbers, text,
};
use crate::charts;

struct Column {
    group: &'static str,
    class: &'static str,
}

struct Line {
    name: &'static str,
    /// For each group.
    values: Vec<String>,
}

#[derive(Template)]
#[template(path = "density.html")]
struct Density {
    plain: String,
    picture: Markup,
    columns: Vec<Column>,
    lines: Vec<Line>,
    missing: String,
    distinct: String,
}

/// Places in [`FeatureGroup::quantiles`] of the least, the quartiles and the greatest.
pub const FIVE: [usize; 5] = [0, 3, 4, 5, 8];

/// `place`: of the feature among all.
pub fn density(shown: &Shown<'_>, place: usize, summary: &FeatureSummary) -> Result<Markup> {
    let name = summary.feature.as_ref().map_or("", |feature| &feature.name);
    let plain = text::short(name, text::CELL);
    let about = About {
        id: Some(&format!("density-{place}")),
        anchor: "density",
        title: &format!("Values of {plain}"),
        caption: "Where the groups' shapes differ, the feature tells suspicious rows from normal \
                  ones.",
        class: "density",
        scrolls: true,
    };
    let deeper = Shown { level: shown.level + 1, ..*shown };
    Markup::of(&Density {
        plain: plain.clone(),
        picture: figure(&deeper, &about, charts::density(&drawn::summary(summary)))?,
        columns: summary.groups.iter().map(column).collect(),
        lines: lines(summary),
        missing: match summary.missing {
            0 => "no row lacks it".to_owned(),
            some => numbers::counted(some, "row lacks it", "rows lack it"),
        },
        distinct: numbers::counted(summary.distinct, "different value", "different values"),
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

fn lines(summary: &FeatureSummary) -> Vec<Line> {
    let line = |name, value: &dyn Fn(&FeatureGroup) -> String| Line {
        name,
        values: summary.groups.iter().map(value).collect(),
    };
    let mut lines = vec![line("Rows", &|group| numbers::count(group.count))];
    if !summary.edges.is_empty() {
        let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), numbers::number);
        lines.push(line("Mean", &|group| shown(group.mean)));
        lines.push(line("Standard deviation", &|group| shown(group.standard_deviation)));
        let names = ["Least", "Lower quartile", "Median", "Upper quartile", "Greatest"];
        for (name, at) in names.into_iter().zip(FIVE) {
            lines.push(line(name, &|group| shown(group.quantiles.get(at).copied())));
        }
    }
    lines
}
