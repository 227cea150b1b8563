//! Charts small enough to stand in a line of text or in a cell of a table.

use anomal_core::proto::FeatureGroup;

use super::{
    scale::{Scale, percent, positive, short},
    svg::{Number, Svg},
};
use crate::view::Reason;

/// The first three reasons of a row as parts of a bar, each as wide as its share in the score.
pub fn reasons(reasons: &[Reason]) -> String {
    let (width, height) = (120.0, 12.0);
    let told: Vec<String> =
        reasons.iter().take(3).map(|r| format!("{} {}", r.feature, percent(r.share))).collect();
    let label = if told.is_empty() {
        "No reasons.".to_owned()
    } else {
        format!("Reasons: {}.", told.join(", "))
    };
    let mut svg = Svg::new(width, height, &label);
    svg.rect("track", 0.0, 2.0, width, 8.0).num("rx", 2.0).empty();
    let mut x = 0.0;
    for ((reason, words), opacity) in reasons.iter().zip(&told).zip([1.0, 0.65, 0.4]) {
        let wide = (positive(reason.share) * width).min(width - x);
        if wide <= 0.0 {
            continue;
        }
        // A hair of the track between one and the next.
        svg.rect("suspicious", x, 2.0, (wide - 1.0).max(0.5), 8.0)
            .num("rx", 1.0)
            .num("fill-opacity", opacity)
            .titled(words);
        x += wide;
    }
    svg.finish()
}

/// Where a row's value stands among a group's: the line from 0.05 to 0.95 of its rows, the box over its middle
/// half, the median, and the value as a dot; an arrow at the end where it is outside of the line.
pub fn quartiles(value: Option<f64>, group: &FeatureGroup) -> String {
    let (width, height) = (160.0, 20.0);
    let (left, right, middle) = (12.0, 148.0, 10.0);
    let value = value.filter(|value| value.is_finite());
    let at = |place: usize| group.quantiles.get(place).copied().filter(|q| q.is_finite());
    let (Some(low), Some(first), Some(median), Some(third), Some(high)) =
        (at(2), at(3), at(4), at(5), at(6))
    else {
        let mut svg = Svg::new(width, height, "No figures to compare with.");
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
        .num("fill-opacity", 0.45)
        .num("rx", 1.0)
        .empty();
    let half = x.at(median);
    svg.tag("path")
        .class("mark")
        .num("stroke-width", 1.5)
        .text("d", &format!("M{} {}v12", Number(half), Number(middle - 6.0)))
        .empty();
    if let Some(value) = value {
        if value < low || value > high {
            let (tip, foot) = if value < low { (1.0, 9.0) } else { (width - 1.0, width - 9.0) };
            svg.tag("path")
                .class("suspicious")
                .text(
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
