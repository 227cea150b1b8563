//! Every chart of a report, as SVG text: for the web page, for a file that needs nothing else, and for the PDF.
//!
//! All are pure functions of what they draw. Colours are classes: the page that holds a chart brings
//! [`THEMED`] and the custom properties of [`LIGHT`] or [`DARK`], a file or a PDF uses [`standalone`]. No chart
//! has a `style` attribute or a script, so that a strict content security policy may stand. Width and height are
//! given for the PDF; a page overrides them (`.chart { max-width: 100%; height: auto }`).

mod bars;
mod dendrogram;
mod density;
mod heatmap;
mod inline;
mod legend;
mod map;
mod matrix;
mod palette;
mod scale;
mod scores;
mod svg;
mod tree;

pub use bars::{contributions, silhouettes};
pub use dendrogram::{cut, dendrogram};
pub use density::density;
pub use heatmap::heatmap;
pub use inline::{quartiles, reasons};
pub use map::map;
pub use matrix::correlations;
#[cfg(test)]
pub use palette::STYLE;
pub use palette::{DARK, LIGHT, THEMED, standalone};
pub use scores::scores;
pub use tree::truncate;

#[cfg(test)]
mod tests;
