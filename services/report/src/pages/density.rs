//! How the values of a feature are spread, by group.

use anomal_core::{
    Result,
    proto::{FeatureGroup, FeatureSummary, Group},
};
use askama::Template;

use super::{
    Markup, Shown,
    figure::{About, figure},
    numbers, text,
};
use crate::charts;

struct Line {
    group: &'static str,
    class: &'static str,
    count: String,
    mean: String,
    deviation: String,
    /// Least, quartiles, greatest.
    quantiles: Vec<String>,
}

#[derive(Template)]
#[template(path = "density.html")]
struct Density {
    plain: String,
    picture: Markup,
    numeric: bool,
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
        scrolls: false,
    };
    let deeper = Shown { level: shown.level + 1, ..*shown };
    Markup::of(&Density {
        plain: plain.clone(),
        picture: figure(&deeper, &about, charts::density(summary))?,
        numeric: !summary.edges.is_empty(),
        lines: summary.groups.iter().map(line).collect(),
        missing: numbers::counted(summary.missing, "row lacks it", "rows lack it"),
        distinct: numbers::counted(summary.distinct, "different value", "different values"),
    })
}

fn line(group: &FeatureGroup) -> Line {
    let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), numbers::number);
    let (name, class) = match group.group() {
        Group::Normal => ("Normal", "normal"),
        Group::Suspicious => ("Suspicious", "suspicious"),
        Group::All | Group::Unspecified => ("All", "all"),
    };
    Line {
        group: name,
        class,
        count: numbers::count(group.count),
        mean: shown(group.mean),
        deviation: shown(group.standard_deviation),
        quantiles: FIVE.iter().map(|&at| shown(group.quantiles.get(at).copied())).collect(),
    }
}
