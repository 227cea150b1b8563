//! How a feature's values are spread among normal and among suspicious rows.

use std::fmt::Write as _;

use anomal_core::proto::{FeatureGroup, FeatureKind, FeatureSummary, Group};

use super::{
    legend::{Swatch, legend},
    scale::{Scale, percent, percent_tick, positive, rows, short, tick, ticks},
    svg::{Number, Svg, note, nothing},
};

const WIDTH: f64 = 480.0;
/// Values that have bars of their own.
const VALUES: usize = 15;
const OTHERS: &str = "other values";

/// A group of rows as shares per bin or value, and how it is drawn.
struct Part {
    fill: &'static str,
    edge: &'static str,
    words: String,
    counts: Vec<f64>,
    total: f64,
}

impl Part {
    fn share(&self, place: usize) -> f64 {
        positive(self.counts.get(place).copied().unwrap_or(0.0) / self.total)
    }
}

/// The values of a feature as shares of the normal and of the suspicious rows: areas over the bins of a number,
/// bars for the values of another.
pub fn density(feature: &FeatureSummary) -> String {
    let parts = parts(feature);
    if parts.is_empty() {
        return nothing("no row has a value");
    }
    let column = feature.feature.as_ref();
    let numeric =
        column.map_or(!feature.edges.is_empty(), |column| column.kind() == FeatureKind::Numeric);
    if numeric { areas(feature, &parts) } else { values(feature, &parts) }
}

fn name(feature: &FeatureSummary) -> &str {
    feature.feature.as_ref().map_or("", |column| &column.name)
}

/// The groups that are drawn: normal and suspicious rows, or all rows where there are only those.
fn parts(feature: &FeatureSummary) -> Vec<Part> {
    let part = |group: Group, fill, edge, words: &str| {
        let found: &FeatureGroup = feature.groups.iter().find(|found| found.group() == group)?;
        let counts: Vec<f64> = found.counts.iter().map(|count| *count as f64).collect();
        let total: f64 = counts.iter().sum();
        (total > 0.0).then(|| Part {
            fill,
            edge,
            words: format!("{words} ({})", rows(found.count)),
            counts,
            total,
        })
    };
    let normal = part(Group::Normal, "normal", "normal-edge", "normal");
    let suspicious = part(Group::Suspicious, "suspicious", "suspicious-edge", "suspicious");
    let all = if normal.is_none() && suspicious.is_none() {
        part(Group::All, "normal", "normal-edge", "all")
    } else {
        None
    };
    [normal, suspicious, all].into_iter().flatten().collect()
}

fn key(svg: &mut Svg, left: f64, parts: &[Part]) {
    let swatches: Vec<Swatch> = parts.iter().map(|part| Swatch(part.fill, &part.words)).collect();
    legend(svg, left, &swatches);
}

fn missing(svg: &mut Svg, feature: &FeatureSummary, y: f64) {
    if feature.missing > 0 {
        svg.words("", WIDTH - 8.0, y, "end", &format!("missing in {}", rows(feature.missing)));
    }
}

fn areas(feature: &FeatureSummary, parts: &[Part]) -> String {
    let bins = feature.edges.len().saturating_sub(1);
    let edges = &feature.edges;
    let (Some(low), Some(high)) = (edges.first().copied(), edges.last().copied()) else {
        return nothing("no row has a value");
    };
    if !edges.iter().all(|edge| edge.is_finite()) || high < low {
        return nothing("the bins are not numbers in order");
    }
    if low == high {
        let other = match feature.missing {
            0 => String::new(),
            missing => format!(", missing in {}", rows(missing)),
        };
        return note(&format!("One value only: {}{other}.", short(low)));
    }
    let most =
        parts.iter().flat_map(|part| (0..bins).map(|bin| part.share(bin))).fold(0.0, f64::max);
    let (left, right, top, bottom) = (48.0, 468.0, 38.0, 196.0);
    let label = format!(
        "Values of {} from {} to {}, as shares of {}.",
        name(feature),
        short(low),
        short(high),
        parts.iter().map(|part| part.words.as_str()).collect::<Vec<_>>().join(" and ")
    );
    let mut svg = Svg::new(WIDTH, 242.0, &label);
    key(&mut svg, left, parts);
    let (x, y) = (Scale::new((low, high), (left, right)), Scale::new((0.0, most), (bottom, top)));
    let (values, step) = ticks(0.0, most, 3);
    for value in values {
        svg.line("grid", (left, y.at(value)), (right, y.at(value)));
        svg.words("", left - 8.0, y.at(value) + 4.0, "end", &percent_tick(value, step));
    }
    for part in parts {
        let mut line = format!("M{} {}", Number(x.at(low)), Number(bottom));
        for (bin, end) in edges.iter().skip(1).enumerate() {
            let _ = write!(line, "V{}H{}", Number(y.at(part.share(bin))), Number(x.at(*end)));
        }
        let _ = write!(line, "V{}", Number(bottom));
        svg.tag("path")
            .class(part.fill)
            .num("fill-opacity", 0.28)
            .text("d", &format!("{line}Z"))
            .empty();
        svg.tag("path")
            .class(part.edge)
            .text("fill", "none")
            .num("stroke-width", 1.5)
            .text("d", &line)
            .empty();
    }
    // Over each bin an area that takes no colour and tells its figures.
    svg.tag("g").num("fill-opacity", 0.0).open();
    for (bin, (from, to)) in edges.iter().zip(edges.iter().skip(1)).enumerate() {
        if parts.iter().all(|part| part.share(bin) == 0.0) {
            continue;
        }
        let figures: Vec<String> = parts
            .iter()
            .map(|part| format!("{} of {}", percent(part.share(bin)), part.words))
            .collect();
        svg.rect("", x.at(*from), top, x.at(*to) - x.at(*from), bottom - top).titled(&format!(
            "{} to {}: {}",
            short(*from),
            short(*to),
            figures.join(", ")
        ));
    }
    svg.close();
    svg.line("axis", (left, bottom), (right, bottom));
    let (values, step) = ticks(low, high, 5);
    for value in values {
        svg.words("", x.at(value), bottom + 18.0, "middle", &tick(value, step));
    }
    missing(&mut svg, feature, bottom + 38.0);
    svg.finish()
}

fn values(feature: &FeatureSummary, parts: &[Part]) -> String {
    // By how many rows of the groups drawn have it; what is summed up already is last.
    let total = |place: usize| -> f64 {
        parts.iter().map(|part| part.counts.get(place).copied().unwrap_or(0.0)).sum()
    };
    let mut order: Vec<usize> = (0..feature.categories.len()).collect();
    order.sort_by(|a, b| total(*b).total_cmp(&total(*a)));
    let (others, mut order): (Vec<usize>, Vec<usize>) = order.into_iter().partition(|place| {
        *place + 1 == feature.categories.len()
            && feature.categories.get(*place).is_some_and(|value| value == OTHERS)
    });
    let rest: Vec<usize> = order.drain(order.len().min(VALUES)..).chain(others).collect();
    let mut bars: Vec<(&str, Vec<f64>)> = order
        .iter()
        .map(|place| {
            let value = feature.categories.get(*place).map_or("", String::as_str);
            (value, parts.iter().map(|part| part.share(*place)).collect())
        })
        .collect();
    if rest.iter().any(|place| total(*place) > 0.0) {
        let sums =
            parts.iter().map(|part| rest.iter().map(|place| part.share(*place)).sum()).collect();
        bars.push((OTHERS, sums));
    }
    let Some((first, _)) = bars.first() else { return nothing("no row has a value") };
    let label = format!(
        "Values of {}, as shares of {}; the most frequent is {}.",
        name(feature),
        parts.iter().map(|part| part.words.as_str()).collect::<Vec<_>>().join(" and "),
        if first.is_empty() { "the empty text" } else { first }
    );
    let (left, right, top) = (150.0, 424.0, 34.0);
    let thick = 11.0;
    let row = (thick + 1.0) * parts.len() as f64 + 12.0;
    let bottom = top + row * bars.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + if feature.missing > 0 { 22.0 } else { 4.0 }, &label);
    key(&mut svg, 8.0, parts);
    let most = bars.iter().flat_map(|(_, shares)| shares).copied().fold(0.0, f64::max);
    let x = Scale::new((0.0, most), (left, right));
    for (place, (value, shares)) in bars.iter().enumerate() {
        let y = top + row * place as f64;
        let words = if value.is_empty() { "(empty)" } else { value };
        let middle = y + (thick + 1.0) * parts.len() as f64 / 2.0 + 4.0;
        svg.name("ink", (left - 10.0, middle), "end", words, 20);
        for (i, (part, share)) in parts.iter().zip(shares).enumerate() {
            let y = y + (thick + 1.0) * i as f64;
            svg.rect(part.fill, left, y, x.at(*share) - left, thick).empty();
            svg.label("", x.at(*share) + 6.0, y + thick - 1.5, "start")
                .num("font-size", 11.0)
                .content(&percent(*share));
        }
    }
    svg.line("axis", (left, top - 4.0), (left, bottom - 6.0));
    missing(&mut svg, feature, bottom + 12.0);
    svg.finish()
}
