//! The matrix of correlations of features.

use std::{collections::BTreeMap, fmt::Write as _};

use anomal_core::proto::{Correlation, correlation::Method};

use super::{
    scale::count,
    svg::{Number, Svg, empty_chart, shorten},
};

const WIDTH: f64 = 560.0;
/// The most features with numbers in the cells.
const NUMBERED: usize = 14;
/// The most features with names.
const NAMED: usize = 34;
const LEFT: f64 = 136.0;

/// Correlations of pairs of features: Cramér's V if it was computed, else Spearman's. Blue is positive, orange
/// negative, and opacity the strength; undefined correlations are hatched.
pub fn correlations(names: &[String], correlations: &[Correlation]) -> String {
    if names.len() < 2 || correlations.is_empty() {
        return empty_chart("there are no pairs of features");
    }
    let index: BTreeMap<&str, usize> =
        names.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
    let mut cells: BTreeMap<(usize, usize), Vec<&Correlation>> = BTreeMap::new();
    for found in correlations {
        let pair = (index.get(found.first.as_str()), index.get(found.second.as_str()));
        if let (Some(a), Some(b)) = pair
            && a != b
        {
            cells.entry((*a.min(b), *a.max(b))).or_default().push(found);
        }
    }
    let strongest = cells
        .values()
        .filter_map(|found| preferred(found).and_then(|c| value(c).map(|v| (c, v))))
        .reduce(|best, next| if next.1.abs() > best.1.abs() { next } else { best });
    let mut label = format!("Correlations of {} features", names.len());
    if let Some((c, value)) = strongest {
        let _ =
            write!(label, "; the strongest is {} of {} and {}", Number(value), c.first, c.second);
    }
    label.push('.');

    let named = names.len() <= NAMED;
    let left = if named { LEFT } else { 12.0 };
    let cell = ((WIDTH - left - 12.0) / names.len() as f64).min(44.0);
    let side = cell * names.len() as f64;
    let (top, foot) = (8.0, if named { 116.0 } else { 12.0 });
    let mut svg = Svg::new(WIDTH, top + side + foot + 24.0, &label);
    let numbered = names.len() <= NUMBERED;
    // Colours behind numbers stay pale enough to read them in either theme.
    let full = if numbered { 0.6 } else { 1.0 };
    svg.tag("g").number("font-size", cell.clamp(11.0, 13.0)).open();
    for (i, name) in names.iter().enumerate() {
        let at = (i as f64 + 0.5) * cell;
        if named {
            svg.short_text("ink", (left - 8.0, top + at + 4.0), "end", name, 18);
            let (x, y) = (left + at + 4.0, top + side + 8.0);
            svg.tag("text")
                .class("ink")
                .attribute("text-anchor", "end")
                .attribute(
                    "transform",
                    &format!("translate({} {})rotate(-60)", Number(x), Number(y)),
                )
                .open();
            svg.title(name);
            svg.content(&shorten(name, 15));
            svg.close();
        }
        svg.rect(
            "track",
            left + at - cell / 2.0 + 0.5,
            top + at - cell / 2.0 + 0.5,
            cell - 1.0,
            cell - 1.0,
        )
        .number("fill-opacity", 0.6)
        .titled(name);
    }
    svg.close();
    for ((a, b), found) in &cells {
        for (row, column) in [(*a, *b), (*b, *a)] {
            let at = (left + column as f64 * cell, top + row as f64 * cell);
            draw(&mut svg, at, cell, found, full, numbered);
        }
    }
    scale(&mut svg, left, top + side + foot, full);
    svg.finish()
}

/// The correlation of a pair that is drawn.
fn preferred<'a>(found: &[&'a Correlation]) -> Option<&'a Correlation> {
    let by = |method| found.iter().copied().find(|c| c.method() == method);
    by(Method::CramersV)
        .or_else(|| by(Method::Spearman))
        .or_else(|| by(Method::Pearson))
        .or_else(|| found.first().copied())
}

fn value(correlation: &Correlation) -> Option<f64> {
    correlation.value.filter(|value| value.is_finite()).map(|value| value.clamp(-1.0, 1.0))
}

fn draw(
    svg: &mut Svg,
    (x, y): (f64, f64),
    cell: f64,
    found: &[&Correlation],
    full: f64,
    numbered: bool,
) {
    let Some(main) = preferred(found) else { return };
    let figures: Vec<String> = found
        .iter()
        .map(|c| {
            let name = match c.method() {
                Method::Pearson => "Pearson",
                Method::Spearman => "Spearman",
                Method::CramersV => "Cramér's V",
                Method::Unspecified => "correlation",
            };
            match value(c) {
                Some(value) => format!("{name} {value:.2} ({} rows)", count(c.rows)),
                None => format!("{name} not defined"),
            }
        })
        .collect();
    let title = format!("{} and {}: {}", main.first, main.second, figures.join(", "));
    svg.tag("g").open();
    svg.title(&title);
    let (x, y, side) = (x + 0.5, y + 0.5, cell - 1.0);
    if let Some(value) = value(main) {
        svg.rect("frame", x + 0.5, y + 0.5, side - 1.0, side - 1.0).empty();
        let class = if value < 0.0 { "negative" } else { "positive" };
        svg.rect(class, x, y, side, side).number("fill-opacity", value.abs() * full).empty();
        if numbered {
            let text = format!("{value:.2}").replacen("0.", ".", 1);
            svg.label("ink", x + side / 2.0, y + side / 2.0 + 4.0, "middle")
                .number("font-size", 11.0)
                .content(if value.abs() < 0.005 { "0" } else { &text });
        }
    } else {
        svg.rect("frame", x + 0.5, y + 0.5, side - 1.0, side - 1.0).empty();
        let half = side / 2.0;
        let lines = [(x, y + half, half), (x, y + side, side), (x + half, y + side, half)];
        let mut path = String::new();
        for (x, y, d) in lines {
            let _ = write!(path, "M{} {}l{} {}", Number(x), Number(y), Number(d), Number(-d));
        }
        svg.tag("path").class("axis").number("stroke-opacity", 0.5).attribute("d", &path).empty();
    }
    svg.close();
}

/// The colour scale from -1 to 1.
fn scale(svg: &mut Svg, left: f64, y: f64, full: f64) {
    let (steps, width) = (20_u8, 8.0);
    svg.text("", left, y + 9.0, "start", "-1");
    for step in 0..steps {
        let value = (f64::from(step) + 0.5) / f64::from(steps) * 2.0 - 1.0;
        let class = if value < 0.0 { "negative" } else { "positive" };
        svg.rect(class, left + 20.0 + f64::from(step) * width, y, width, 10.0)
            .number("fill-opacity", value.abs() * full)
            .empty();
    }
    svg.text("", left + 26.0 + f64::from(steps) * width, y + 9.0, "start", "1");
}
