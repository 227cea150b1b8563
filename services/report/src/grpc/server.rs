//! The server side: checks the caller's rights and calls the engine.

use std::{net::IpAddr, sync::Arc};

use anomal_core::{
    ReportEngine, Result,
    proto::{
        DeleteReportRequest, DeleteReportResponse, DeleteVerdictsRequest, DeleteVerdictsResponse,
        ExportReportRequest, ExportReportResponse, GetReportRequest, GetReportResponse,
        JudgeRequest, JudgeResponse, ListReportsRequest, ListReportsResponse, ListVerdictsRequest,
        ListVerdictsResponse, PublishRequest as Message, PublishResponse, Report,
        report_engine_server::{ReportEngine as Service, ReportEngineServer},
    },
};
use anomal_rpc::{Admission, admission::Flow, limited_service};
use futures::StreamExt;
use tonic::{
    Request, Response, Status, Streaming, async_trait, metadata::MetadataMap, service::Routes,
};

use super::publish::receive;
use crate::{
    access::{Access, Caller},
    engine::listing::list_readable,
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
    async fn caller(&self, sender: &Sender) -> Result<Caller> {
        // Boxed: the future of a question to the API server is large, and rarely needed.
        Box::pin(self.access.caller_from_metadata(&sender.metadata, sender.peer)).await
    }

    /// The report, if the caller may read it.
    async fn readable(&self, sender: &Sender, id: &str) -> Result<(Caller, Report)> {
        let caller = self.caller(sender).await?;
        let report = self.engine.get(id).await?;
        Box::pin(caller.check_read(&report.namespace, &report.job)).await?;
        Ok((caller, report))
    }
}

/// The origin of a request.
struct Sender {
    metadata: MetadataMap,
    peer: Option<IpAddr>,
}

impl Sender {
    fn from_request<T>(request: Request<T>) -> (Self, T) {
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
        let (sender, messages) = Sender::from_request(request);
        let work = async {
            let caller = self.caller(&sender).await?;
            let check = |namespace: &str| caller.check_publish(namespace);
            let received = receive(messages, self.admission.max_request_bytes(), check).await?;
            let report = self.engine.publish(received.request).await;
            drop(received.file);
            report
        };
        let report = self.admission.run("Publish", &sender.metadata, work).await?;
        Ok(Response::new(PublishResponse { report: Some(report) }))
    }

    async fn list(
        &self,
        request: Request<ListReportsRequest>,
    ) -> Result<Response<ListReportsResponse>, Status> {
        let (sender, request) = Sender::from_request(request);
        let work = async {
            let caller = self.caller(&sender).await?;
            Box::pin(list_readable(self.engine.as_ref(), &caller, request)).await
        };
        Ok(Response::new(self.admission.run("List", &sender.metadata, work).await?))
    }

    async fn get(
        &self,
        request: Request<GetReportRequest>,
    ) -> Result<Response<GetReportResponse>, Status> {
        let (sender, request) = Sender::from_request(request);
        let work = self.readable(&sender, &request.id);
        let (_, report) = self.admission.run("Get", &sender.metadata, work).await?;
        Ok(Response::new(GetReportResponse { report: Some(report) }))
    }

    async fn export(
        &self,
        request: Request<ExportReportRequest>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        let (sender, request) = Sender::from_request(request);
        let work = async {
            self.readable(&sender, &request.id).await?;
            let chunks = self.engine.export(request).await?;
            let answer = |chunk: Result<_>| chunk.map(|chunk| ExportReportResponse { chunk });
            Ok(chunks.map(answer).boxed())
        };
        Ok(Response::new(self.admission.flow("Export", &sender.metadata, work).await?))
    }

    async fn delete(
        &self,
        request: Request<DeleteReportRequest>,
    ) -> Result<Response<DeleteReportResponse>, Status> {
        let (sender, request) = Sender::from_request(request);
        let work = async {
            let (caller, report) = self.readable(&sender, &request.id).await?;
            Box::pin(caller.check_delete(&report.namespace, &report.job)).await?;
            self.engine.delete(&request.id).await
        };
        self.admission.run("Delete", &sender.metadata, work).await?;
        Ok(Response::new(DeleteReportResponse {}))
    }

    async fn judge(
        &self,
        request: Request<JudgeRequest>,
    ) -> Result<Response<JudgeResponse>, Status> {
        let (sender, request) = Sender::from_request(request);
        let work = async {
            let (caller, report) = self.readable(&sender, &request.report).await?;
            Box::pin(caller.check_judge(&report.namespace, &report.job)).await?;
            let (who, verified) = caller.signature(&request.who);
            self.engine.judge(JudgeRequest { who, verified, ..request }).await
        };
        Ok(Response::new(self.admission.run("Judge", &sender.metadata, work).await?))
    }

    async fn list_verdicts(
        &self,
        request: Request<ListVerdictsRequest>,
    ) -> Result<Response<ListVerdictsResponse>, Status> {
        let (sender, request) = Sender::from_request(request);
        let work = async {
            let caller = self.caller(&sender).await?;
            let ListVerdictsRequest { namespace, job } = &request;
            Box::pin(caller.check_read(namespace, job)).await?;
            self.engine.list_verdicts(namespace, job).await
        };
        let verdicts = self.admission.run("ListVerdicts", &sender.metadata, work).await?;
        Ok(Response::new(ListVerdictsResponse { verdicts }))
    }

    async fn delete_verdicts(
        &self,
        request: Request<DeleteVerdictsRequest>,
    ) -> Result<Response<DeleteVerdictsResponse>, Status> {
        let (sender, request) = Sender::from_request(request);
        let work = async {
            let caller = self.caller(&sender).await?;
            let DeleteVerdictsRequest { namespace, job } = &request;
            Box::pin(caller.check_delete(namespace, job)).await?;
            Box::pin(caller.check_judge(namespace, job)).await?;
            self.engine.delete_verdicts(namespace, job).await
        };
        let deleted = self.admission.run("DeleteVerdicts", &sender.metadata, work).await?;
        Ok(Response::new(DeleteVerdictsResponse { deleted }))
    }
}
