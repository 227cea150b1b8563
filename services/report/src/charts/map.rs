//! The map: rows as points in a plane, suspicious ones with a ring.

use std::fmt::Write as _;

use super::{
    palette::{self, CLUSTERS},
    scale::{count, rows},
    svg::{Number, Svg, empty_chart},
};
use crate::view::Point;

const WIDTH: f64 = 560.0;
const MARGIN: f64 = 16.0;
const LEGEND: f64 = 34.0;

/// The map of rows. Circles have the class of their cluster in the clustering with index `clustering`, and `data-i`,
/// their index in `points`; their area grows with the number of rows. Suspicious points have a ring and are drawn on
/// top. With `link`, each links to `{link}{row}`; only suspicious points are in the tab order.
///
/// The legend has an entry (`data-cluster`) for each cluster of any clustering; those of other clusterings are hidden
/// by `display="none"`, for the script to show.
pub fn map(points: &[Point], clustering: Option<usize>, link: Option<&str>) -> String {
    let mut order: Vec<(usize, &Point)> = points
        .iter()
        .enumerate()
        .filter(|(_, point)| point.x.is_finite() && point.y.is_finite())
        .collect();
    if order.is_empty() {
        return empty_chart("no row has a position on the map");
    }
    // Small points above large ones, suspicious points on top.
    order.sort_by_key(|(i, point)| (point.suspicious, std::cmp::Reverse(point.count), *i));

    let projection = Projection::fit(&order);
    let suspects: u64 = order
        .iter()
        .filter(|(_, p)| p.suspicious)
        .fold(0, |sum, (_, p)| sum.saturating_add(p.count));
    let label = format!(
        "Map of {} points, close to each other where rows are similar; {} suspicious.",
        count(order.len() as u64),
        match suspects {
            0 => "no row is".to_owned(),
            1 => "1 row is".to_owned(),
            rows => format!("{} rows are", count(rows)),
        },
    );
    // Screen readers do not see links in an image: with links it is a group.
    let role = if link.is_some() { "group" } else { "img" };
    let mut svg = Svg::with_role(WIDTH, projection.height + LEGEND, &label, role, &[]);
    svg.rect("frame", 0.5, 0.5, WIDTH - 1.0, projection.height - 1.0).number("rx", 4.0).empty();

    let size = base_radius(order.len());
    svg.tag("g").number("fill-opacity", 0.65).open();
    for (i, point) in &order {
        if point.suspicious {
            continue;
        }
        draw(&mut svg, *i, point, &projection, size, clustering, link);
    }
    svg.close();
    svg.tag("g").number("stroke-width", 1.5).open();
    for (i, point) in &order {
        if point.suspicious {
            draw(&mut svg, *i, point, &projection, size, clustering, link);
        }
    }
    svg.close();
    legend(&mut svg, projection.height, points, clustering);
    svg.finish()
}

/// The projection of the map's plane to the drawing, with one scale for both axes.
struct Projection {
    left: f64,
    top: f64,
    scale: f64,
    low: (f64, f64),
    height: f64,
}

impl Projection {
    fn fit(points: &[(usize, &Point)]) -> Self {
        let range = |value: fn(&Point) -> f64| {
            points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, point)| {
                (low.min(value(point)), high.max(value(point)))
            })
        };
        let (x, y) = (range(|point| f64::from(point.x)), range(|point| f64::from(point.y)));
        let (wide, high) = (x.1 - x.0, y.1 - y.0);
        let inner = WIDTH - 2.0 * MARGIN;
        let wanted = if wide > 0.0 { inner * high / wide } else { inner };
        let tall = wanted.clamp(200.0, 400.0);
        let fits = |room: f64, span: f64| if span > 0.0 { room / span } else { f64::INFINITY };
        let scale = fits(inner, wide).min(fits(tall, high));
        let scale = if scale.is_finite() { scale } else { 0.0 };
        Self {
            left: MARGIN + (inner - wide * scale) / 2.0,
            top: MARGIN + (tall - high * scale) / 2.0,
            scale,
            low: (x.0, y.0),
            height: tall + 2.0 * MARGIN,
        }
    }

    /// Coordinates rounded to a tenth, to keep a map of thousands of points small.
    fn at(&self, point: &Point) -> (f64, f64) {
        let x = self.left + (f64::from(point.x) - self.low.0) * self.scale;
        let y = self.top + (f64::from(point.y) - self.low.1) * self.scale;
        ((x * 10.0).round() / 10.0, (y * 10.0).round() / 10.0)
    }
}

/// The radius of a point of one row.
fn base_radius(points: usize) -> f64 {
    match points {
        0..200 => 4.0,
        200..1000 => 3.0,
        _ => 2.4,
    }
}

fn radius(base: f64, count: u64) -> f64 {
    let grown = base * (1.0 + ((count.max(1) as f64).sqrt() - 1.0) * 0.3);
    (grown.min(base + 8.0) * 10.0).round() / 10.0
}

fn draw(
    svg: &mut Svg,
    i: usize,
    point: &Point,
    projection: &Projection,
    base: f64,
    clustering: Option<usize>,
    link: Option<&str>,
) {
    let (x, y) = projection.at(point);
    let radius = radius(base, point.count);
    let class = palette::cluster(label(point, clustering));
    let mut title = format!("row {}", point.row);
    if let Some(score) = point.score.filter(|score| score.is_finite()) {
        let _ = write!(title, ", score {}", Number(score));
    }
    if point.count > 1 {
        let _ = write!(title, ", {}", rows(point.count));
    }
    let linked = link.is_some();
    if let Some(link) = link {
        let tag = svg.tag("a").attribute("href", &format!("{link}{}", point.row));
        let tag = if point.suspicious { tag } else { tag.attribute("tabindex", "-1") };
        tag.open();
        svg.title(&title);
    }
    if point.suspicious {
        svg.circle("ring", x, y, radius + 2.8).empty();
    }
    let circle = svg.circle(&class, x, y, radius).attribute("data-i", &i.to_string());
    if linked {
        circle.empty();
        svg.close();
    } else {
        circle.titled(&title);
    }
}

fn label(point: &Point, clustering: Option<usize>) -> u32 {
    clustering.and_then(|k| point.labels.get(k)).copied().unwrap_or(0)
}

fn legend(svg: &mut Svg, top: f64, points: &[Point], clustering: Option<usize>) {
    let y = top + 22.0;
    let mut x = 8.0;
    if points.iter().any(|point| point.suspicious) {
        svg.circle("ring", x, y - 4.0, 5.0).number("stroke-width", 1.5).empty();
        svg.text("", x + 12.0, y, "start", "suspicious");
        x += 98.0;
    }
    let largest = points.iter().flat_map(|point| &point.labels).copied().max().unwrap_or(0);
    let now = points.iter().map(|point| label(point, clustering)).max().unwrap_or(0);
    if largest == 0 {
        return;
    }
    svg.text("", x, y, "start", "clusters");
    x += 64.0;
    for cluster in 1..=largest.min(CLUSTERS.saturating_add(1)) {
        let tag = svg.tag("g").attribute("data-cluster", &cluster.to_string());
        let tag = if cluster <= now { tag } else { tag.attribute("display", "none") };
        tag.open();
        svg.circle(&palette::cluster(cluster), x, y - 4.0, 5.0).empty();
        let name = if cluster > CLUSTERS { "further".to_owned() } else { cluster.to_string() };
        svg.text("", x + 9.0, y, "start", &name);
        svg.close();
        x += if cluster < 9 { 26.0 } else { 33.0 };
    }
}
