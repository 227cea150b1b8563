//! Support for tests of pages.

pub mod fixture;
pub mod html;
