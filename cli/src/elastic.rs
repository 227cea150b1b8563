//! Dashboards of results, as saved objects that Kibana and OpenSearch Dashboards import.
//!
//! Both programs are forks of one, and both import the objects that it saved. So the panels are in its format, and only
//! the objects around them differ.

pub mod args;
mod charts;
mod objects;
mod panels;

pub use objects::{Flavor, saved_objects};
