//! `LogsService/Export`.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
    logs_service_server::{LogsService, LogsServiceServer},
};
use tokio::time::timeout;
use tonic::{Code, Status, codec::CompressionEncoding};

use super::{
    super::{
        answer::Refusal,
        body::WHOLE,
        door::{Door, Sender},
    },
    status,
};

const EXPORT: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

struct Logs(Arc<Door>);

pub(in super::super) fn router(door: Arc<Door>) -> Router {
    let service = LogsServiceServer::new(Logs(Arc::clone(&door)))
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(door.options.max_body);
    let unknown = || status(&Refusal::NoSuchPath(EXPORT.to_owned()));
    let refused = async move || -> Response { unknown().into_http() };
    Router::new()
        .route_service(EXPORT, service)
        .route_layer(middleware::from_fn_with_state(door, admit))
        .fallback(refused)
}

/// Lets requests of senders that may send pass, when there is room for their bodies.
async fn admit(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let admitted = async {
        door.check(request.headers())?;
        let _room = door.room().await?;
        let response = timeout(WHOLE, next.run(request)).await.map_err(|_| Refusal::TooSlow)?;
        // A message that is too large is as large the next time, while senders repeat what is "out of range".
        let code =
            response.headers().get(Status::GRPC_STATUS).map(|it| Code::from_bytes(it.as_bytes()));
        if code == Some(Code::OutOfRange) { Err(Refusal::TooLarge) } else { Ok(response) }
    };
    admitted.await.unwrap_or_else(|refusal: Refusal| status(&refusal).into_http())
}

#[tonic::async_trait]
impl LogsService for Logs {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, Status> {
        let (metadata, extensions, logs) = request.into_parts();
        let sender = extensions.get::<Sender>().cloned();
        let sender = sender.unwrap_or_else(|| Sender(Arc::from("")));
        let taken = super::take(&self.0, sender, &metadata.into_headers(), &logs).await;
        taken.map(tonic::Response::new).map_err(|refusal| status(&refusal))
    }
}
