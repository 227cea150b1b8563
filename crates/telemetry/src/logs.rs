//! Logs on standard error, as text or JSON; each line has its trace.

use std::{
    env,
    io::{IsTerminal, stderr},
};

use opentelemetry::{global, trace::TracerProvider};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::{Level, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{Guard, LogArgs, LogFormat};

type LogLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Sets up logs and traces of a server or the operator, at the start of the program. `service` is its name in traces. The
/// variable `RUST_LOG` overrides the level.
pub fn init(service: &'static str, args: &LogArgs) -> Guard {
    let lines = lines(args.log_format, stderr().is_terminal(), stderr);
    start(service, lines, &args.log_level, args.otlp_endpoint.as_deref())
}

/// Sets up logs and traces of the command line: warnings, with `-v` more, without timestamps. The environment has the
/// endpoint for traces.
pub fn init_cli(service: &'static str, verbose: u8, quiet: bool) -> Guard {
    let level = match verbose {
        _ if quiet => "error",
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let lines = fmt::layer().without_time().with_target(false).with_writer(stderr).boxed();
    start(service, lines, level, env::var("ANOMAL_OTLP_ENDPOINT").ok().as_deref())
}

/// The lines of a request have its method and trace, as `request{method=… trace_id=…}` or in the field `span`.
fn lines<W>(format: LogFormat, colours: bool, writer: W) -> LogLayer
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    match format {
        LogFormat::Text => fmt::layer().with_writer(writer).with_ansi(colours).boxed(),
        LogFormat::Json => fmt::layer().json().with_span_list(false).with_writer(writer).boxed(),
    }
}

/// Krafka logs each attempt to reach a broker, where streams warn once.
fn own(level: &str) -> String {
    match level {
        "debug" | "trace" => level.to_owned(),
        _ => format!("{level},krafka=off"),
    }
}

fn start(service: &'static str, lines: LogLayer, level: &str, endpoint: Option<&str>) -> Guard {
    global::set_text_map_propagator(TraceContextPropagator::new());
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(own(level)));
    let (guard, exporting) = Guard::new(service, endpoint);
    // It fails on a second call, as in tests.
    let _ = subscriber(lines, filter, guard.provider()).try_init();
    if let Err(error) = exporting {
        tracing::warn!("{error}");
    }
    guard
}

/// Lines and spans have separate filters, so that traces are complete even if only errors are logged. Spans of libraries,
/// such as those of the exporter's own connection, are excluded.
fn subscriber(
    lines: LogLayer,
    filter: EnvFilter,
    provider: &SdkTracerProvider,
) -> impl Subscriber + Send + Sync + use<> {
    let own_spans = Targets::new().with_target("anomal", Level::INFO);
    let traces = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("anomal"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(own_spans);
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces)
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing::{error_span, info_span};

    use super::*;
    use crate::{continue_trace, traceparent};

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

    /// The log lines and the result of `work`.
    fn logged<T>(format: LogFormat, level: &str, work: impl FnOnce() -> T) -> (String, T) {
        let buffer = LogBuffer::default();
        let writer = buffer.clone();
        let lines = lines(format, false, move || writer.clone());
        let (guard, _) = Guard::new("test", None);
        let subscriber = subscriber(lines, EnvFilter::new(level), guard.provider());
        let done = tracing::subscriber::with_default(subscriber, work);
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        (text, done)
    }

    #[test]
    fn a_trace_continues_at_every_log_level() {
        for level in ["info", "error", "off"] {
            let (text, parents) = logged(LogFormat::Text, level, || {
                let span = info_span!("run");
                continue_trace(&span, &format!("00-{TRACE}-00f067aa0ba902b7-01\n"));
                let run = span.in_scope(traceparent).unwrap();
                let stage = span.in_scope(|| info_span!("extract").in_scope(traceparent)).unwrap();
                (run, stage)
            });
            assert_eq!(text, "");
            assert!(
                parents.0.starts_with(&format!("00-{TRACE}-")) && parents.0.ends_with("-01"),
                "{parents:?}"
            );
            assert!(parents.1.contains(TRACE) && parents.0 != parents.1, "{parents:?}");
        }
    }

    #[test]
    fn an_invalid_trace_starts_a_new_one() {
        for junk in ["", "00-0-0-01", "nonsense"] {
            let (_, parent) = logged(LogFormat::Text, "off", || {
                let span = info_span!("run");
                continue_trace(&span, junk);
                span.in_scope(traceparent).unwrap()
            });
            assert!(parent.len() == 55 && !parent.contains(TRACE), "{parent}");
        }
        let (_, nothing) = logged(LogFormat::Text, "info", traceparent);
        assert_eq!(nothing, None);
    }

    #[test]
    fn lines_have_their_level_and_span() {
        let work = || {
            let span = error_span!("request", method = "Plan");
            span.in_scope(|| {
                tracing::info!("done");
                tracing::error!("at work");
            });
        };
        let (text, ()) = logged(LogFormat::Text, "error", work);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(r#"request{method="Plan"}"#), "{text}");
        let (json, ()) = logged(LogFormat::Json, "info", work);
        assert_eq!(json.lines().count(), 2, "{json}");
        for line in json.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["span"]["method"], "Plan", "{json}");
        }
    }
}
