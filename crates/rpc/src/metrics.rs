//! Prometheus metrics of a gRPC server.

use std::{sync::Arc, time::Duration};

use anomal_telemetry::Metrics as Registered;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
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

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Refusal {
    code: String,
}

type Durations = Family<Method, Histogram, fn() -> Histogram>;

/// The metrics of a server.
#[derive(Debug)]
pub struct Metrics {
    registered: Arc<Registered>,
    requests: Family<Outcome, Counter>,
    durations: Durations,
    in_flight: Gauge,
    refused: Family<Refusal, Counter>,
}

impl Metrics {
    pub fn new() -> Arc<Self> {
        let requests = Family::<Outcome, Counter>::default();
        let durations =
            Durations::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 4.0, 10)));
        let in_flight = Gauge::default();
        let refused = Family::<Refusal, Counter>::default();
        let registered = Registered::new(|registry| {
            registry.register(
                "grpc_requests",
                "Requests answered, by method and status code",
                requests.clone(),
            );
            let help = "Time of a request";
            registry.register("grpc_request_duration_seconds", help, durations.clone());
            let help = "Requests being worked on";
            registry.register("grpc_requests_in_flight", help, in_flight.clone());
            let help = "Requests of callers who were not let in, by status code";
            registry.register("grpc_requests_refused", help, refused.clone());
        });
        Arc::new(Self { registered, requests, durations, in_flight, refused })
    }

    pub(crate) fn started(&self) {
        self.in_flight.inc();
    }

    pub(crate) fn ended(&self, method: &'static str, code: tonic::Code, time: Duration) {
        self.in_flight.dec();
        self.requests.get_or_create(&Outcome { method, code: format!("{code:?}") }).inc();
        self.durations.get_or_create(&Method { method }).observe(time.as_secs_f64());
    }

    pub(crate) fn refused(&self, code: tonic::Code) {
        self.refused.get_or_create(&Refusal { code: format!("{code:?}") }).inc();
    }

    /// The registry that is served.
    pub(crate) fn registered(&self) -> Arc<Registered> {
        Arc::clone(&self.registered)
    }

    /// The text format of Prometheus.
    pub fn text(&self) -> String {
        self.registered.text()
    }
}
