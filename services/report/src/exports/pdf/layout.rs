//! Page layout for reports: paragraphs, grids, charts, and tables that break across pages.
//!
//! Lengths are in points, positions are relative to the top left corner.

pub mod badge;
pub mod block;
pub mod chart;
pub mod contents;
pub mod flow;
pub mod frame;
pub mod grid;
pub mod inline;
mod line;
pub mod paragraph;
pub mod shape;
pub mod table;
pub mod tags;
