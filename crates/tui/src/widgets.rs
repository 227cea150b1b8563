//! Parts that several screens have.

pub mod keybar;
pub mod rail;
pub mod table;
pub mod timeline;
pub mod yaml;
