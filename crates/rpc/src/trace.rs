//! W3C trace context over gRPC metadata.

use opentelemetry::{
    global,
    propagation::{Extractor, Injector},
    trace::TraceContextExt,
};
use tonic::metadata::{MetadataKey, MetadataMap, MetadataValue};
use tracing::{
    Span, error_span,
    field::{Empty, display},
};
use tracing_opentelemetry::OpenTelemetrySpanExt;

struct Reading<'a>(&'a MetadataMap);

impl Extractor for Reading<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        Vec::new()
    }
}

struct Writing<'a>(&'a mut MetadataMap);

impl Injector for Writing<'_> {
    fn set(&mut self, key: &str, value: String) {
        let key = MetadataKey::from_bytes(key.as_bytes());
        if let (Ok(key), Ok(value)) = (key, MetadataValue::try_from(value)) {
            self.0.insert(key, value);
        }
    }
}

/// A request's span, a child of the caller's, with the trace's id for log lines. Its level is the highest,
/// so that a server that logs errors alone says what trace they belong to.
pub(crate) fn incoming(method: &'static str, metadata: &MetadataMap) -> Span {
    let span = error_span!("request", method, trace_id = Empty);
    let context = global::get_text_map_propagator(|known| known.extract(&Reading(metadata)));
    // Without a subscriber for traces there is nothing to attach it to.
    let _ = span.set_parent(context);
    let context = span.context();
    let told = context.span().span_context().clone();
    if told.is_valid() {
        span.record("trace_id", display(told.trace_id()));
    }
    span
}

/// A request that carries the current span.
pub fn outgoing<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let context = Span::current().context();
    global::get_text_map_propagator(|known| {
        known.inject_context(&context, &mut Writing(request.metadata_mut()));
    });
    request
}
