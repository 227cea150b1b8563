//! W3C trace context over gRPC metadata.

use opentelemetry::{
    global,
    propagation::{Extractor, Injector},
};
use tonic::metadata::{MetadataKey, MetadataMap, MetadataValue};
use tracing::Span;
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

/// Makes a request's span a child of the caller's.
pub(crate) fn incoming(span: &Span, metadata: &MetadataMap) {
    let context = global::get_text_map_propagator(|known| known.extract(&Reading(metadata)));
    // Without a subscriber for traces there is nothing to attach it to.
    let _ = span.set_parent(context);
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
