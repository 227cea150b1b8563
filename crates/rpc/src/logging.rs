//! Logs on standard error, as text or JSON, with the trace that each line belongs to.

use std::io::{IsTerminal, stderr};

use opentelemetry::{global, trace::TracerProvider};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Of a server. `RUST_LOG` says more where it is set.
pub fn init(format: LogFormat, level: &str) {
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Text => {
            fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal()).boxed()
        }
        LogFormat::Json => fmt::layer().json().with_writer(stderr).boxed(),
    };
    start(layer, level);
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

fn start(layer: Box<dyn Layer<Registry> + Send + Sync>, level: &str) {
    global::set_text_map_propagator(TraceContextPropagator::new());
    let tracer = SdkTracerProvider::builder().build().tracer("anomal");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let traces = tracing_opentelemetry::layer().with_tracer(tracer);
    // A second call, as in tests, changes nothing.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).with(traces).try_init();
}
