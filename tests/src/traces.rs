//! An OpenTelemetry trace collector that records the spans it receives.

use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
};
use tokio::runtime::Runtime;
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

#[derive(Clone, Debug)]
pub struct Span {
    pub service: String,
    pub version: String,
    pub name: String,
    pub trace: String,
    pub id: String,
    /// Empty for the root.
    pub parent: String,
    pub attributes: HashMap<String, String>,
    /// The error message of a failed span.
    pub failed: Option<String>,
}

fn texts(attributes: &[KeyValue]) -> HashMap<String, String> {
    let text = |one: &KeyValue| match one.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some((one.key.clone(), text.clone())),
        _ => None,
    };
    attributes.iter().filter_map(text).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Span>>>);

#[tonic::async_trait]
impl TraceService for Spans {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = self.0.lock().expect("nothing panics with it");
        for resource in request.into_inner().resource_spans {
            let resource_attributes = texts(&resource.resource.unwrap_or_default().attributes);
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                let status = span.status.unwrap_or_default();
                spans.push(Span {
                    service: resource_attributes["service.name"].clone(),
                    version: resource_attributes["service.version"].clone(),
                    name: span.name,
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    attributes: texts(&span.attributes),
                    failed: (status.code == 2).then_some(status.message),
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// The collector; it stops when dropped.
pub struct Collector {
    spans: Spans,
    pub address: String,
    _runtime: Runtime,
}

impl Collector {
    /// Starts it on a free port of an address of this machine.
    pub fn start(host: &str) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = TcpListener::bind((host, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a listener of the runtime");
        let address = format!("http://{}", listener.local_addr().expect("its address"));
        let spans = Spans::default();
        let service = TraceServiceServer::new(spans.clone());
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let incoming = TcpIncoming::from(listener);
            Server::builder().add_service(service).serve_with_incoming(incoming).await
        });
        Self { spans, address, _runtime: runtime }
    }

    /// All spans received so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.0.lock().expect("nothing panics with it").clone()
    }

    /// The spans of one service.
    pub fn spans_from(&self, service: &str) -> Vec<Span> {
        let mut spans = self.spans();
        spans.retain(|span| span.service == service);
        spans
    }
}
