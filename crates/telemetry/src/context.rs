//! Passing the current trace from one program to another (W3C Trace Context).

use std::{collections::HashMap, env};

use opentelemetry::{propagation::TextMapPropagator, trace::Status};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACEPARENT: &str = "traceparent";
/// The environment variable with the trace of the program that started this one.
const VARIABLE: &str = "TRACEPARENT";

/// The current span as text, `00-<trace>-<span>-01`, for a program that is started or called. None outside of any span.
pub fn traceparent() -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.remove(TRACEPARENT)
}

/// Makes `span`, which must not have been entered yet, a child of the span `traceparent`. Invalid text changes nothing.
pub fn continue_trace(span: &Span, traceparent: &str) {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.trim().to_owned())]);
    // It fails only without a subscriber for traces.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&carrier));
}

/// As [`continue_trace`], with the environment variable `TRACEPARENT` if it is set.
pub fn continue_from_environment(span: &Span) {
    if let Ok(traceparent) = env::var(VARIABLE) {
        continue_trace(span, &traceparent);
    }
}

/// Sets the status of `span` to failed.
pub fn failed(span: &Span, message: impl Into<String>) {
    span.set_status(Status::error(message.into()));
}
