//! Prometheus metrics of a server.

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Method {
    method: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    method: &'static str,
    /// A gRPC status code's name, never a message.
    code: String,
}

type Durations = Family<Method, Histogram, fn() -> Histogram>;

/// What a server counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Outcome, Counter>,
    durations: Durations,
    in_flight: Gauge,
}

impl Metrics {
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("anomal");
        let requests = Family::<Outcome, Counter>::default();
        let durations =
            Durations::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 4.0, 10)));
        let in_flight = Gauge::default();
        registry.register(
            "grpc_requests",
            "Requests answered, by method and status code",
            requests.clone(),
        );
        registry.register("grpc_request_duration_seconds", "Time of a request", durations.clone());
        registry.register("grpc_requests_in_flight", "Requests being worked on", in_flight.clone());
        Arc::new(Self { registry, requests, durations, in_flight })
    }

    pub(crate) fn started(&self) {
        self.in_flight.inc();
    }

    pub(crate) fn ended(&self, method: &'static str, code: tonic::Code, time: Duration) {
        self.in_flight.dec();
        self.requests.get_or_create(&Outcome { method, code: format!("{code:?}") }).inc();
        self.durations.get_or_create(&Method { method }).observe(time.as_secs_f64());
    }

    /// As Prometheus scrapes it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
