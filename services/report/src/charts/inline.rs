//! Charts small enough for a line of text or a table cell.

use anomal_core::proto::FeatureGroup;

use super::{
    scale::{Scale, percent, positive, short},
    svg::{Number, Svg},
};
use crate::view::Reason;

/// The first three reasons of a row as segments of a bar, each as wide as its share of the score.
pub fn reasons(reasons: &[Reason]) -> String {
    let (width, height) = (120.0, 12.0);
    let labels: Vec<String> =
        reasons.iter().take(3).map(|r| format!("{} {}", r.feature, percent(r.share))).collect();
    let label = if labels.is_empty() {
        "No reasons.".to_owned()
    } else {
        format!("Reasons: {}.", labels.join(", "))
    };
    let mut svg = Svg::new(width, height, &label);
    svg.rect("track", 0.0, 2.0, width, 8.0).number("rx", 2.0).empty();
    let mut x = 0.0;
    for ((reason, label), opacity) in reasons.iter().zip(&labels).zip([1.0, 0.65, 0.4]) {
        let segment = (positive(reason.share) * width).min(width - x);
        if segment <= 0.0 {
            continue;
        }
        // A gap between segments.
        svg.rect("suspicious", x, 2.0, (segment - 1.0).max(0.5), 8.0)
            .number("rx", 1.0)
            .number("fill-opacity", opacity)
            .titled(label);
        x += segment;
    }
    svg.finish()
}

/// A row's value within a group: a line from the 5 % to the 95 % quantile, a box over the middle half, the median, and
/// the value as a dot, or as an arrow at the end if it is outside of the line.
pub fn quartiles(value: Option<f64>, group: &FeatureGroup) -> String {
    let (width, height) = (160.0, 20.0);
    let (left, right, middle) = (12.0, 148.0, 10.0);
    let value = value.filter(|value| value.is_finite());
    let quantile = |index: usize| group.quantiles.get(index).copied().filter(|q| q.is_finite());
    let (Some(low), Some(first), Some(median), Some(third), Some(high)) =
        (quantile(2), quantile(3), quantile(4), quantile(5), quantile(6))
    else {
        let mut svg = Svg::new(width, height, "No values to compare with.");
        svg.line("grid", (left, middle), (right, middle));
        return svg.finish();
    };
    let mut label = format!(
        "Half of the rows have {} to {}, median {}",
        short(first),
        short(third),
        short(median)
    );
    if let Some(value) = value {
        label = format!("{}: {}", short(value), label.to_lowercase());
    }
    label.push('.');
    let x = Scale::new((low, high), (left, right));
    let mut svg = Svg::new(width, height, &label);
    svg.title(&label);
    svg.line("axis", (left, middle), (right, middle));
    for end in [left, right] {
        svg.line("axis", (end, middle - 3.0), (end, middle + 3.0));
    }
    let (start, end) = (x.at(first), x.at(third));
    svg.rect("normal", start.min(end - 1.0), middle - 5.0, (end - start).max(2.0), 10.0)
        .number("fill-opacity", 0.45)
        .number("rx", 1.0)
        .empty();
    let half = x.at(median);
    svg.tag("path")
        .class("mark")
        .number("stroke-width", 1.5)
        .attribute("d", &format!("M{} {}v12", Number(half), Number(middle - 6.0)))
        .empty();
    if let Some(value) = value {
        if value < low || value > high {
            let (tip, foot) = if value < low { (1.0, 9.0) } else { (width - 1.0, width - 9.0) };
            svg.tag("path")
                .class("suspicious")
                .attribute(
                    "d",
                    &format!(
                        "M{} {}L{} {}V{}Z",
                        Number(tip),
                        Number(middle),
                        Number(foot),
                        Number(middle - 5.0),
                        Number(middle + 5.0)
                    ),
                )
                .empty();
        } else {
            svg.circle("suspicious", x.at(value), middle, 4.0).empty();
        }
    }
    svg.finish()
}

/// The quartiles of some rows above those of all: a bar over the middle half of each, with its median. The scale is that from
/// the 5 % to the 95 % quantile of all rows, and wider where the others need it.
pub fn two_quartiles(own: [f64; 3], all: &FeatureGroup) -> String {
    let (width, height) = (160.0, 24.0);
    let (left, right) = (4.0, 156.0);
    let quantile = |index: usize| all.quantiles.get(index).copied().filter(|q| q.is_finite());
    let (Some(low), Some(first), Some(median), Some(third), Some(high)) =
        (quantile(2), quantile(3), quantile(4), quantile(5), quantile(6))
    else {
        return Svg::new(width, height, "No values to compare with.").finish();
    };
    let label = format!(
        "Its rows: half have {} to {}, median {}. All rows: {} to {}, median {}.",
        short(own[0]),
        short(own[2]),
        short(own[1]),
        short(first),
        short(third),
        short(median)
    );
    let x = Scale::new((low.min(own[0]), high.max(own[2])), (left, right));
    let mut svg = Svg::new(width, height, &label);
    svg.title(&label);
    for (class, top, [first, median, third]) in
        [("suspicious", 2.0, own), ("normal", 14.0, [first, median, third])]
    {
        let (start, end) = (x.at(first), x.at(third));
        svg.line("grid", (left, top + 4.0), (right, top + 4.0));
        svg.rect(class, start.min(end - 1.0), top, (end - start).max(2.0), 8.0)
            .number("fill-opacity", 0.55)
            .number("rx", 1.0)
            .empty();
        svg.line("axis", (x.at(median), top - 1.0), (x.at(median), top + 9.0));
    }
    svg.finish()
}
