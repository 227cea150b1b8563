//! The server's side: takes a request apart, asks whether it may, calls the engine.

use std::{net::IpAddr, sync::Arc};

use anomal_core::{
    ReportEngine, Result,
    proto::{
        DeleteReportRequest, DeleteReportResponse, ExportReportRequest, ExportReportResponse,
        GetReportRequest, GetReportResponse, ListReportsRequest, ListReportsResponse,
        PublishRequest as Message, PublishResponse, Report,
        report_engine_server::{ReportEngine as Service, ReportEngineServer},
    },
};
use anomal_rpc::{Admission, admission::Flow, limited_service};
use futures::StreamExt;
use tonic::{
    Request, Response, Status, Streaming, async_trait, metadata::MetadataMap, service::Routes,
};

use super::publishing::receive;
use crate::{
    access::{Access, Caller},
    listing,
};

/// The service's name, for health checks.
pub const SERVICE: &str = "anomal.v1.ReportEngine";

/// The service over an engine.
pub fn routes(engine: Arc<dyn ReportEngine>, access: Access, admission: Admission) -> Routes {
    let service = limited_service!(ReportEngineServer::new(Adapter { engine, access, admission }));
    Routes::new(service)
}

struct Adapter {
    engine: Arc<dyn ReportEngine>,
    access: Access,
    admission: Admission,
}

impl Adapter {
    async fn caller(&self, from: &Sender) -> Result<Caller> {
        // Boxed: questions to an API server take much room, and are rare.
        Box::pin(self.access.caller_of_metadata(&from.metadata, from.peer)).await
    }

    /// The report, if the caller may read it.
    async fn readable(&self, from: &Sender, id: &str) -> Result<(Caller, Report)> {
        let caller = self.caller(from).await?;
        let report = self.engine.get(id).await?;
        Box::pin(caller.check_read(&report.namespace, &report.job)).await?;
        Ok((caller, report))
    }
}

/// Where a request came from.
struct Sender {
    metadata: MetadataMap,
    peer: Option<IpAddr>,
}

impl Sender {
    fn of<T>(request: Request<T>) -> (Self, T) {
        let peer = request.remote_addr().map(|address| address.ip());
        let (metadata, _, message) = request.into_parts();
        (Self { metadata, peer }, message)
    }
}

#[async_trait]
impl Service for Adapter {
    type ExportStream = Flow<ExportReportResponse>;

    async fn publish(
        &self,
        request: Request<Streaming<Message>>,
    ) -> Result<Response<PublishResponse>, Status> {
        let (from, messages) = Sender::of(request);
        let work = async {
            let caller = self.caller(&from).await?;
            let may = |namespace: &str| caller.check_publish(namespace);
            let publishing = receive(messages, self.admission.max_request_bytes(), may).await?;
            let report = self.engine.publish(publishing.request).await;
            drop(publishing.file);
            report
        };
        let report = self.admission.run("Publish", &from.metadata, work).await?;
        Ok(Response::new(PublishResponse { report: Some(report) }))
    }

    async fn list(
        &self,
        request: Request<ListReportsRequest>,
    ) -> Result<Response<ListReportsResponse>, Status> {
        let (from, request) = Sender::of(request);
        let work = async {
            let caller = self.caller(&from).await?;
            Box::pin(listing::readable(self.engine.as_ref(), &caller, request)).await
        };
        Ok(Response::new(self.admission.run("List", &from.metadata, work).await?))
    }

    async fn get(
        &self,
        request: Request<GetReportRequest>,
    ) -> Result<Response<GetReportResponse>, Status> {
        let (from, request) = Sender::of(request);
        let work = self.readable(&from, &request.id);
        let (_, report) = self.admission.run("Get", &from.metadata, work).await?;
        Ok(Response::new(GetReportResponse { report: Some(report) }))
    }

    async fn export(
        &self,
        request: Request<ExportReportRequest>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        let (from, request) = Sender::of(request);
        let work = async {
            self.readable(&from, &request.id).await?;
            let pieces = self.engine.export(request).await?;
            let answer = |chunk: Result<_>| chunk.map(|chunk| ExportReportResponse { chunk });
            Ok(pieces.map(answer).boxed())
        };
        Ok(Response::new(self.admission.flow("Export", &from.metadata, work).await?))
    }

    async fn delete(
        &self,
        request: Request<DeleteReportRequest>,
    ) -> Result<Response<DeleteReportResponse>, Status> {
        let (from, request) = Sender::of(request);
        let work = async {
            let (caller, report) = self.readable(&from, &request.id).await?;
            Box::pin(caller.check_delete(&report.namespace, &report.job)).await?;
            self.engine.delete(&request.id).await
        };
        self.admission.run("Delete", &from.metadata, work).await?;
        Ok(Response::new(DeleteReportResponse {}))
    }
}
