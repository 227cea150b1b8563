//! A program's metrics, as Prometheus scrapes them.

use std::sync::Arc;

use prometheus_client::{encoding::text::encode, registry::Registry};

/// What a program counts. What each part of it registers keeps its own handles.
#[derive(Debug)]
pub struct Metrics(Registry);

impl Metrics {
    /// Names begin with `anomal_`.
    pub fn new(register: impl FnOnce(&mut Registry)) -> Arc<Self> {
        let mut registry = Registry::with_prefix("anomal");
        register(&mut registry);
        Arc::new(Self(registry))
    }

    /// As Prometheus scrapes it (`OpenMetrics`).
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.0);
        text
    }
}
