//! The HTML pages of a report. Each file renders one page or section with an askama template.
//!
//! Values from records pass [`format::text`], which makes deceptive characters visible. Templates escape all text
//! except [`Markup`], which only this module and the charts create.

pub mod behaviour;
pub mod clustering;
mod density;
pub mod failure;
pub mod flags;
pub mod format;
pub mod help;
pub mod layout;
pub mod list;
mod map_data;
pub mod row;
pub mod summary;
pub mod suspects;

#[cfg(test)]
pub mod testing;

pub use format::markup::Markup;
pub use layout::{
    context::ReportContext,
    frame::{Content, SessionUser, render},
    links::Links,
};
