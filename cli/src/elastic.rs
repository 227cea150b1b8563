//! Dashboards of results, as the objects that Kibana and OpenSearch Dashboards save and import.
//!
//! Both came from one program, and both still take what that one saved; so the panels are written in its terms, and
//! only what stands around them differs.

pub mod args;
mod charts;
mod objects;
mod panels;

pub use objects::{Flavor, saved_objects};
