//! The design of the document: its pages, sections and styles.

mod behaviour;
mod clustering;
mod cover;
mod document;
mod flags;
mod incidents;
mod parts;
mod sections;
pub mod style;
mod suspects;

pub use document::{Document, PlacedHeading};
