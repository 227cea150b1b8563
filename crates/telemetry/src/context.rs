//! The trace that the current work belongs to, as one program tells it to another (W3C Trace Context).

use std::{collections::HashMap, env};

use opentelemetry::{propagation::TextMapPropagator, trace::Status};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACEPARENT: &str = "traceparent";
/// Where a program that was started by another finds the trace that it belongs to.
const VARIABLE: &str = "TRACEPARENT";

/// The current span as text, for a program that is started or called: `00-<trace>-<span>-01`. None outside of
/// any span.
pub fn traceparent() -> Option<String> {
    let mut told = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut told);
    told.remove(TRACEPARENT)
}

/// Makes `span`, which nobody has entered yet, a child of the span that the text names. Text that names none
/// changes nothing.
pub fn continue_trace(span: &Span, traceparent: &str) {
    let told = HashMap::from([(TRACEPARENT.to_owned(), traceparent.trim().to_owned())]);
    // Without a subscriber for traces there is nothing to attach it to.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&told));
}

/// As [`continue_trace`], by the environment variable `TRACEPARENT`, if it is set.
pub fn continue_from_environment(span: &Span) {
    if let Ok(told) = env::var(VARIABLE) {
        continue_trace(span, &told);
    }
}

/// Marks `span` as one whose work failed.
pub fn failed(span: &Span, message: impl Into<String>) {
    span.set_status(Status::error(message.into()));
}
