//! stub
use axum::Router;
use crate::LocalReportEngine;
pub fn pages(_: LocalReportEngine) -> Router { Router::new() }
pub fn assets() -> Router { Router::new() }
