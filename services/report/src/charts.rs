//! The charts of a report as SVG, for pages, the HTML file and the PDF.
//!
//! Charts are pure functions of their data. Colours are classes: a page includes [`THEMED`] and the custom properties
//! of [`LIGHT`] or [`DARK`]; a PDF uses [`standalone`]. No chart has a `style` attribute or a script, so that pages can
//! have a strict content security policy. Width and height are those in the PDF; pages override them
//! (`.chart { max-width: 100%; height: auto }`).

mod bars;
mod dendrogram;
mod density;
mod heatmap;
mod inline;
mod lane;
mod legend;
mod map;
mod matrix;
mod palette;
mod scale;
mod scores;
mod strip;
mod svg;
mod timeline;
mod tree;

pub use bars::{contributions, silhouettes};
pub use dendrogram::{dendrogram, format_cut};
pub use density::density;
pub use heatmap::heatmap;
pub use inline::{quartiles, reasons, two_quartiles};
pub use lane::{CELLS, lane};
pub use map::map;
pub use matrix::correlations;
#[cfg(test)]
pub use palette::STYLE;
pub use palette::{DARK, LIGHT, THEMED, standalone};
pub use scores::scores;
pub use strip::strip;
pub use timeline::{TimelineLabels, timeline};
pub use tree::truncate;

#[cfg(test)]
mod tests;
