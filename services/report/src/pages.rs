//! The HTML pages of a report. Each file renders one page or section with an askama template.
//!
//! Values from records pass [`format::text`], which makes deceptive characters visible. Templates escape all text
//! except [`Markup`], which only this module and the charts create.

pub mod behaviour;
pub mod clustering;
pub mod compare;
mod density;
pub mod entities;
pub mod entity;
pub mod failure;
mod filters;
mod flag_groups;
pub mod flags;
pub mod format;
pub mod help;
pub mod incident;
pub mod incident_lines;
pub mod incidents;
pub mod layout;
pub mod list;
mod map_data;
pub mod overview;
pub mod row;
pub mod run;
pub mod suspect_table;
pub mod suspects;
pub mod timeline;
pub mod verdicts;

#[cfg(test)]
pub mod testing;

pub use format::markup::Markup;
pub use layout::{
    context::ReportContext,
    frame::{Content, SessionUser, render},
    links::Links,
};
