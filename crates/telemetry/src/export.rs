//! Spans on their way to a collector (OTLP over gRPC). It works on threads of its own, holds a bounded number of
//! spans, and drops what can't be sent: a collector that is down neither slows nor stops anything.

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

/// The variable that all programs with OpenTelemetry know.
const COMMON: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// The authorities that a collector's certificate is verified by.
const AUTHORITIES: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
/// How long one batch may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the end of a program waits for the last batch.
const FAREWELL: Duration = Duration::from_secs(3);

/// Sends what is still to be sent when it is dropped, for a few seconds at most.
#[must_use = "spans of the last seconds are lost where it is dropped at once"]
pub struct Guard {
    provider: SdkTracerProvider,
    /// Where the exporter's connection lives; none where nothing is exported.
    runtime: Option<Runtime>,
}

impl Guard {
    /// As dropping it, without holding a thread of the runtime.
    pub async fn shutdown(self) {
        // What fails has been told by the exporter.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }

    /// Spans of this program, and where they go. What is wrong with the endpoint is told once logs are there.
    pub(crate) fn new(service: &'static str, endpoint: Option<&str>) -> (Self, Result<(), String>) {
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        // Who calls decides whether a trace is kept; one that begins here is.
        let builder = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)));
        let common = || env::var(COMMON).ok();
        let endpoint = endpoint.map(str::to_owned).filter(|text| !text.is_empty()).or_else(common);
        let exporter = match endpoint.filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(endpoint) => exporter(endpoint).map(Some),
        };
        match exporter {
            Ok(exporter) => (Self::over(builder, exporter), Ok(())),
            Err(error) => (Self::over(builder, None), Err(error)),
        }
    }

    fn over(builder: TracerProviderBuilder, exporter: Option<(Runtime, Patient)>) -> Self {
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
            // A collector that can't be reached has been told of already.
            let _ = self.provider.shutdown_with_timeout(FAREWELL);
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("exports", &self.runtime.is_some()).finish_non_exhaustive()
    }
}

/// On a runtime of its own: the program's may not be there yet, and ends before the last spans are sent.
fn exporter(endpoint: String) -> Result<(Runtime, Patient), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("traces")
        .enable_all()
        .build()
        .map_err(|error| format!("traces are not exported: {error}"))?;
    let entered = runtime.enter();
    let exporter = channel(&endpoint).and_then(|channel| {
        opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_channel(channel)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| format!("traces are not exported to {endpoint}: {error}"))
    });
    drop(entered);
    match exporter {
        Ok(exporter) => {
            Ok((runtime, Patient { exporter, endpoint, failing: AtomicBool::new(false) }))
        }
        Err(error) => {
            // A runtime must not be dropped by a thread of another one.
            runtime.shutdown_background();
            Err(error)
        }
    }
}

fn channel(endpoint: &str) -> Result<Channel, String> {
    let refused =
        |error: &dyn fmt::Display| format!("traces are not exported to {endpoint}: {error}");
    crate::args::endpoint(endpoint).map_err(|error| refused(&error))?;
    let mut to = Endpoint::from_shared(endpoint.to_owned()).map_err(|error| refused(&error))?;
    if to.uri().scheme_str() == Some("https") {
        let pem = authorities().map_err(|error| refused(&error))?;
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
        to = to.tls_config(tls).map_err(|error| refused(&error))?;
    }
    Ok(to.timeout(PATIENCE).connect_timeout(PATIENCE).connect_lazy())
}

fn authorities() -> Result<Vec<u8>, String> {
    let file = env::var(AUTHORITIES).map_err(|_| {
        format!("https needs the authorities to trust; name their PEM file by {AUTHORITIES}")
    })?;
    fs::read(&file)
        .map_err(|error: io::Error| format!("{file} ({AUTHORITIES}) can't be read: {error}"))
}

/// An exporter that says once that it fails, and once that it does not any more.
#[derive(Debug)]
struct Patient {
    exporter: opentelemetry_otlp::SpanExporter,
    endpoint: String,
    failing: AtomicBool,
}

impl SpanExporter for Patient {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(batch).await;
        let failed_before = self.failing.swap(sent.is_err(), Ordering::Relaxed);
        let endpoint = self.endpoint.as_str();
        match &sent {
            Err(error) if !failed_before => tracing::warn!(
                endpoint,
                "traces can't be sent and are dropped: {}; check --otlp-endpoint, and that a collector takes OTLP \
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
    async fn an_endpoint_of_no_use_is_told_and_stops_nothing() {
        // Whatever the environment has, no collector is reached at an endpoint without a host.
        let (guard, told) = Guard::new("test", Some("https://"));
        assert!(told.is_err_and(|told| told.starts_with("traces are not exported to https://")));
        guard.shutdown().await;
    }
}
