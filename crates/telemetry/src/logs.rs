//! Logs on standard error, as text or JSON, with the trace that each line belongs to.

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

type Lines = Box<dyn Layer<Registry> + Send + Sync>;

/// Of a server or the operator, before anything else is done. `service`: the program's name, by which its spans
/// are told from others'. `RUST_LOG` says more in logs where it is set.
pub fn init(service: &'static str, args: &LogArgs) -> Guard {
    let lines = lines(args.log_format, stderr().is_terminal(), stderr);
    start(service, lines, &args.log_level, args.otlp_endpoint.as_deref())
}

/// Of the command line: warnings, and with `-v` more; no times, which people do not read there. Traces go where
/// the environment says.
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

fn start(service: &'static str, lines: Lines, level: &str, endpoint: Option<&str>) -> Guard {
    global::set_text_map_propagator(TraceContextPropagator::new());
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let (guard, exporting) = Guard::new(service, endpoint);
    // A second call, as in tests, changes nothing.
    let _ = subscriber(lines, filter, guard.provider()).try_init();
    if let Err(error) = exporting {
        tracing::warn!("{error}");
    }
    guard
}

/// Lines and spans are filtered apart: who logs errors alone has whole traces. Spans of libraries are nobody's
/// business, those of the exporter's own connection least.
fn subscriber(
    lines: Lines,
    filter: EnvFilter,
    provider: &SdkTracerProvider,
) -> impl Subscriber + Send + Sync + use<> {
    let ours = Targets::new().with_target("anomal", Level::INFO);
    let traces = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("anomal"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(ours);
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
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What work logs and returns.
    fn logged<T>(format: LogFormat, level: &str, work: impl FnOnce() -> T) -> (String, T) {
        let page = Page::default();
        let writer = page.clone();
        let lines = lines(format, false, move || writer.clone());
        let (guard, _) = Guard::new("test", None);
        let subscriber = subscriber(lines, EnvFilter::new(level), guard.provider());
        let done = tracing::subscriber::with_default(subscriber, work);
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        (text, done)
    }

    #[test]
    fn a_trace_goes_on_where_it_is_told_whatever_is_logged() {
        for level in ["info", "error", "off"] {
            let (text, told) = logged(LogFormat::Text, level, || {
                let span = info_span!("run");
                continue_trace(&span, &format!("00-{TRACE}-00f067aa0ba902b7-01\n"));
                let run = span.in_scope(traceparent).unwrap();
                let stage = span.in_scope(|| info_span!("extract").in_scope(traceparent)).unwrap();
                (run, stage)
            });
            assert_eq!(text, "");
            assert!(
                told.0.starts_with(&format!("00-{TRACE}-")) && told.0.ends_with("-01"),
                "{told:?}"
            );
            assert!(told.1.contains(TRACE) && told.0 != told.1, "{told:?}");
        }
    }

    #[test]
    fn what_is_no_trace_begins_a_new_one() {
        for junk in ["", "00-0-0-01", "nonsense"] {
            let (_, told) = logged(LogFormat::Text, "off", || {
                let span = info_span!("run");
                continue_trace(&span, junk);
                span.in_scope(traceparent).unwrap()
            });
            assert!(told.len() == 55 && !told.contains(TRACE), "{told}");
        }
        let (_, nothing) = logged(LogFormat::Text, "info", traceparent);
        assert_eq!(nothing, None);
    }

    #[test]
    fn lines_are_of_their_level_and_name_their_span() {
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
