//! Exporting spans to a collector (OTLP over gRPC). The exporter has its own threads, buffers a limited number of spans,
//! and drops spans that can't be sent, so that a collector that is down does not affect the program.

use std::{
    env, fmt, fs, io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter, TracerProviderBuilder},
};
use tokio::runtime::Runtime;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

/// The standard environment variable of OpenTelemetry for the collector.
const ENDPOINT_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// The standard environment variable for the authorities of the collector's certificate.
const CERTIFICATE_VARIABLE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
/// How long sending a batch may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the program waits at its end for the last batch.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Sends the remaining spans when it is dropped, for a few seconds at most.
#[must_use = "without it, the last spans are not sent"]
pub struct Guard {
    provider: SdkTracerProvider,
    /// The runtime of the exporter's connection. None if spans are not exported.
    runtime: Option<Runtime>,
}

impl Guard {
    /// Drops the guard without blocking a thread of the runtime.
    pub async fn shutdown(self) {
        // The exporter logs its failures.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }

    /// The provider of spans of this program. An error of the endpoint is returned, to be logged after logs are set up.
    pub(crate) fn new(service: &'static str, endpoint: Option<&str>) -> (Self, Result<(), String>) {
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        // The caller decides whether a trace is sampled; traces that start here are.
        let builder = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)));
        let from_environment = || env::var(ENDPOINT_VARIABLE).ok();
        let endpoint =
            endpoint.map(str::to_owned).filter(|text| !text.is_empty()).or_else(from_environment);
        let exporter = match endpoint.filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(endpoint) => exporter(endpoint).map(Some),
        };
        match exporter {
            Ok(exporter) => (Self::from_exporter(builder, exporter), Ok(())),
            Err(error) => (Self::from_exporter(builder, None), Err(error)),
        }
    }

    fn from_exporter(
        builder: TracerProviderBuilder,
        exporter: Option<(Runtime, LoggingExporter)>,
    ) -> Self {
        match exporter {
            None => Self { provider: builder.build(), runtime: None },
            Some((runtime, exporter)) => {
                let provider = builder.with_batch_exporter(exporter).build();
                Self { provider, runtime: Some(runtime) }
            }
        }
    }

    pub(crate) fn provider(&self) -> &SdkTracerProvider {
        &self.provider
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The exporter has logged a collector that can't be reached.
            let _ = self.provider.shutdown_with_timeout(FLUSH_TIMEOUT);
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("exports", &self.runtime.is_some()).finish_non_exhaustive()
    }
}

/// The exporter with its own runtime: that of the program may not exist yet, and ends before the last spans are sent.
fn exporter(endpoint: String) -> Result<(Runtime, LoggingExporter), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("traces")
        .enable_all()
        .build()
        .map_err(|error| format!("traces are not exported: {error}"))?;
    let context = runtime.enter();
    let exporter = channel(&endpoint).and_then(|channel| {
        opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_channel(channel)
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(|error| format!("traces are not exported to {endpoint}: {error}"))
    });
    drop(context);
    match exporter {
        Ok(exporter) => {
            Ok((runtime, LoggingExporter { exporter, endpoint, failing: AtomicBool::new(false) }))
        }
        Err(error) => {
            // A runtime must not be dropped on a thread of another runtime.
            runtime.shutdown_background();
            Err(error)
        }
    }
}

fn channel(endpoint: &str) -> Result<Channel, String> {
    let refused =
        |error: &dyn fmt::Display| format!("traces are not exported to {endpoint}: {error}");
    crate::args::parse_endpoint(endpoint).map_err(|error| refused(&error))?;
    let mut to = Endpoint::from_shared(endpoint.to_owned()).map_err(|error| refused(&error))?;
    if to.uri().scheme_str() == Some("https") {
        let pem = authorities().map_err(|error| refused(&error))?;
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
        to = to.tls_config(tls).map_err(|error| refused(&error))?;
    }
    Ok(to.timeout(EXPORT_TIMEOUT).connect_timeout(EXPORT_TIMEOUT).connect_lazy())
}

fn authorities() -> Result<Vec<u8>, String> {
    let file = env::var(CERTIFICATE_VARIABLE).map_err(|_| {
        format!(
            "https requires the authorities to trust; set {CERTIFICATE_VARIABLE} to their PEM file"
        )
    })?;
    fs::read(&file)
        .map_err(|error: io::Error| format!("cannot read {file} ({CERTIFICATE_VARIABLE}): {error}"))
}

/// An exporter that logs once that it fails, and once that it works again.
#[derive(Debug)]
struct LoggingExporter {
    exporter: opentelemetry_otlp::SpanExporter,
    endpoint: String,
    failing: AtomicBool,
}

impl SpanExporter for LoggingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(batch).await;
        let failed_before = self.failing.swap(sent.is_err(), Ordering::Relaxed);
        let endpoint = self.endpoint.as_str();
        match &sent {
            Err(error) if !failed_before => tracing::warn!(
                endpoint,
                "cannot send traces, they are dropped: {}; check --otlp-endpoint, and that a collector accepts OTLP \
                 over gRPC there",
                cause(error)
            ),
            Ok(()) if failed_before => tracing::info!(endpoint, "traces are sent again"),
            _ => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

fn cause(error: &OTelSdkError) -> String {
    match error {
        OTelSdkError::InternalFailure(message) => message.clone(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_invalid_endpoint_is_only_an_error() {
        // Without a host the URL is invalid in any environment.
        let (guard, exporting) = Guard::new("test", Some("https://"));
        let error = exporting.unwrap_err();
        assert!(error.starts_with("traces are not exported to https://"), "{error}");
        guard.shutdown().await;
    }
}
