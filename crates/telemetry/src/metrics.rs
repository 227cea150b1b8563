//! The metrics of a program, in the format of Prometheus.

use std::sync::Arc;

use prometheus_client::{encoding::text::encode, registry::Registry};

/// The registry of a program's metrics. The parts of the program keep handles to the metrics that they register.
#[derive(Debug)]
pub struct Metrics(Registry);

impl Metrics {
    /// Registers metrics, whose names start with `anomal_`.
    pub fn new(register: impl FnOnce(&mut Registry)) -> Arc<Self> {
        let mut registry = Registry::with_prefix("anomal");
        register(&mut registry);
        Arc::new(Self(registry))
    }

    /// The text format (`OpenMetrics`).
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.0);
        text
    }
}
