//! When an entity stood out: a lane of cells, darker for a higher severity.

use anomal_core::proto::Severity;

use super::{strip::severity_class, svg::Svg};

/// The cells of a lane.
pub const CELLS: usize = 60;
const CELL: f64 = 4.0;

/// `cells`: the highest severity of evidence in each of [`CELLS`] intervals; none without.
pub fn lane(cells: &[Option<Severity>], words: &str) -> String {
    let width = CELL * CELLS as f64;
    let mut svg = Svg::new(width, 14.0, words);
    svg.title(words);
    svg.line("grid", (0.0, 12.5), (width, 12.5));
    for (place, severity) in cells.iter().take(CELLS).enumerate() {
        let Some(severity) = severity else { continue };
        // Severities differ in height too, for readers who see no colour.
        let height = match severity {
            Severity::High => 12.0,
            Severity::Medium => 8.0,
            Severity::Low | Severity::Unspecified => 4.0,
        };
        let x = CELL * place as f64;
        svg.rect(severity_class(*severity), x + 0.25, 12.0 - height, CELL - 0.5, height).empty();
    }
    svg.finish()
}
