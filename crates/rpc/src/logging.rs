//! Logs on standard error, as text or JSON, with the trace that each line belongs to.

use std::io::{IsTerminal, stderr};

use opentelemetry::{global, trace::TracerProvider};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

type Lines = Box<dyn Layer<Registry> + Send + Sync>;

/// Of a server. `RUST_LOG` says more where it is set.
pub fn init(format: LogFormat, level: &str) {
    start(lines(format, stderr().is_terminal(), stderr), level);
}

/// Of the command line: warnings, and with `-v` more; no times, which people do not read there.
pub fn init_cli(verbose: u8, quiet: bool) {
    let level = match verbose {
        _ if quiet => "error",
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    start(fmt::layer().without_time().with_target(false).with_writer(stderr).boxed(), level);
}

/// A request's lines have its method and trace, as `request{method=… trace_id=…}` or in the field `span`.
fn lines<W>(format: LogFormat, colours: bool, writer: W) -> Lines
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    match format {
        LogFormat::Text => fmt::layer().with_writer(writer).with_ansi(colours).boxed(),
        LogFormat::Json => fmt::layer().json().with_span_list(false).with_writer(writer).boxed(),
    }
}

fn start(lines: Lines, level: &str) {
    global::set_text_map_propagator(TraceContextPropagator::new());
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    // A second call, as in tests, changes nothing.
    let _ = subscriber(lines, filter).try_init();
}

/// The filter is for lines and traces: what is not logged is not traced either.
fn subscriber(lines: Lines, filter: EnvFilter) -> impl Subscriber + Send + Sync {
    let tracer = SdkTracerProvider::builder().build().tracer("anomal");
    let traces = tracing_opentelemetry::layer().with_tracer(tracer);
    tracing_subscriber::registry().with(lines).with(traces).with(filter)
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tonic::metadata::MetadataMap;

    use super::*;
    use crate::{Admission, metrics::Metrics, outgoing};

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines of a request of that trace, and the trace that its work hands on.
    fn logged(format: LogFormat, level: &str) -> (String, Option<String>) {
        global::set_text_map_propagator(TraceContextPropagator::new());
        let page = Page::default();
        let writer = page.clone();
        let lines = lines(format, false, move || writer.clone());
        let subscriber = subscriber(lines, EnvFilter::new(level));
        let handed_on = tracing::subscriber::with_default(subscriber, || {
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
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        (text, handed_on)
    }

    #[test]
    fn lines_of_a_request_have_its_trace() {
        let (text, handed_on) = logged(LogFormat::Text, "info");
        assert_eq!(text.lines().count(), 2, "{text}");
        let span = format!(r#"request{{method="Plan" trace_id={TRACE}}}"#);
        assert!(text.lines().all(|line| line.contains(&span)), "{text}");
        assert!(handed_on.unwrap().contains(TRACE));

        let (json, _) = logged(LogFormat::Json, "info");
        for line in json.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["span"]["trace_id"], TRACE, "{json}");
        }
        assert!(json.contains("at work") && json.contains("done"), "{json}");
    }

    #[test]
    fn fewer_lines_have_it_too() {
        let (text, _) = logged(LogFormat::Text, "error");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(TRACE), "{text}");
        let (nothing, handed_on) = logged(LogFormat::Text, "off");
        assert_eq!((nothing.as_str(), handed_on), ("", None));
    }
}
