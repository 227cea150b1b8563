//! Tests of all pages, and their support.

pub mod fixture;
pub mod html;
mod pages;
