//! W3C trace context in gRPC metadata.

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

struct MetadataExtractor<'a>(&'a MetadataMap);

impl Extractor for MetadataExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        Vec::new()
    }
}

struct MetadataInjector<'a>(&'a mut MetadataMap);

impl Injector for MetadataInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        let key = MetadataKey::from_bytes(key.as_bytes());
        if let (Ok(key), Ok(value)) = (key, MetadataValue::try_from(value)) {
            self.0.insert(key, value);
        }
    }
}

/// The span of a request, a child of the caller's, with the id of the trace for log lines. Its level is error, so that
/// also a server that logs only errors logs their trace.
pub(crate) fn incoming(method: &'static str, metadata: &MetadataMap) -> Span {
    let span = error_span!("request", method, trace_id = Empty);
    let extractor = MetadataExtractor(metadata);
    let context = global::get_text_map_propagator(|propagator| propagator.extract(&extractor));
    // It fails only without a subscriber for traces.
    let _ = span.set_parent(context);
    let context = span.context();
    let span_context = context.span().span_context().clone();
    if span_context.is_valid() {
        span.record("trace_id", display(span_context.trace_id()));
    }
    span
}

/// A request that carries the current span.
pub fn outgoing<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut MetadataInjector(request.metadata_mut()));
    });
    request
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::{Admission, metrics::Metrics};

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[derive(Clone, Default)]
    struct LogBuffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for LogBuffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn log_lines_and_calls_of_a_request_have_its_trace() {
        global::set_text_map_propagator(TraceContextPropagator::new());
        let buffer = LogBuffer::default();
        let writer = buffer.clone();
        let lines = tracing_subscriber::fmt::layer().with_ansi(false);
        let tracer = SdkTracerProvider::builder().build().tracer("anomal");
        let subscriber = tracing_subscriber::registry()
            .with(lines.with_writer(move || writer.clone()))
            .with(tracing_opentelemetry::layer().with_tracer(tracer));
        let forwarded = tracing::subscriber::with_default(subscriber, || {
            let mut metadata = MetadataMap::new();
            let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
            metadata.insert("traceparent", parent.parse().unwrap());
            let admission = Admission::new(1, 1, Metrics::new());
            let work = async {
                tracing::error!("at work");
                let request = outgoing(());
                let parent = request.metadata().get("traceparent");
                Ok(parent.map(|parent| parent.to_str().unwrap().to_owned()))
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(admission.run("Plan", &metadata, work)).unwrap()
        });
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        let span = format!(r#"request{{method="Plan" trace_id={TRACE}}}"#);
        assert!(text.lines().all(|line| line.contains(&span)), "{text}");
        assert!(forwarded.unwrap().contains(TRACE));
    }
}
