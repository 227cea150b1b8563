//! The gRPC server: decodes requests, calls the engine, streams the responses.

use std::sync::Arc;

use anomal_core::{
    ExtractRequest, FeatureEngine, PlanRequest, Result,
    proto::{
        ExtractRequest as Message, ExtractResponse, ExtractSettings, ExtractStatistics,
        ListComponentsRequest, ListComponentsResponse, Plan, PlanRequest as PlanMessage,
        extract_request::Part,
        extract_response::Part as Answer,
        feature_engine_server::{FeatureEngine as Service, FeatureEngineServer},
    },
};
use anomal_rpc::{
    Admission, chunks, limited_service,
    request::{self, check_version, settings},
};
use futures::Stream;
use tonic::{Request, Response, Status, Streaming, async_trait, service::Routes};

/// The name of the service in health checks.
pub const SERVICE: &str = "anomal.v1.FeatureEngine";

/// The routes of a service that calls an engine.
pub fn routes(engine: Arc<dyn FeatureEngine>, admission: Admission) -> Routes {
    let service = limited_service!(FeatureEngineServer::new(Adapter { engine, admission }));
    Routes::new(service)
}

struct Adapter {
    engine: Arc<dyn FeatureEngine>,
    admission: Admission,
}

#[async_trait]
impl Service for Adapter {
    type ExtractStream =
        std::pin::Pin<Box<dyn Stream<Item = Result<ExtractResponse, Status>> + Send>>;

    async fn list_components(
        &self,
        request: Request<ListComponentsRequest>,
    ) -> Result<Response<ListComponentsResponse>, Status> {
        let work = self.engine.list_components();
        let components = self.admission.run("ListComponents", request.metadata(), work).await?;
        Ok(Response::new(ListComponentsResponse { components }))
    }

    async fn plan(&self, request: Request<PlanMessage>) -> Result<Response<Plan>, Status> {
        let (metadata, _, message) = request.into_parts();
        let work = async {
            let settings = settings(&message.settings, message.settings_version)?;
            self.engine
                .plan(PlanRequest { settings, schema: message.schema, times: message.times })
                .await
        };
        self.admission.run("Plan", &metadata, work).await.map(Response::new)
    }

    async fn extract(
        &self,
        request: Request<Streaming<Message>>,
    ) -> Result<Response<Self::ExtractStream>, Status> {
        let (metadata, _, messages) = request.into_parts();
        let work = async {
            let request = assemble(messages, self.admission.max_request_bytes()).await?;
            let done = self.engine.extract(request).await?;
            let statistics = ExtractStatistics { steps: done.steps, diagnostics: done.diagnostics };
            let parts = chunks(done.features)?
                .map(Answer::Features)
                .chain(chunks(done.removed)?.map(Answer::Removed))
                .chain(chunks(done.hits)?.map(Answer::Hits))
                .chain([Answer::Statistics(statistics)]);
            Ok(parts.map(|part| ExtractResponse { part: Some(part) }))
        };
        let answers = self.admission.stream("Extract", &metadata, work).await?;
        Ok(Response::new(Box::pin(answers)))
    }
}

async fn assemble(messages: Streaming<Message>, limit: usize) -> Result<ExtractRequest> {
    let part = |message: Message| match message.part? {
        Part::Settings(first) => Some(request::Part::Settings(first)),
        Part::Table(chunk) => Some(request::Part::Table(chunk)),
    };
    let (settings, table): (ExtractSettings, _) = request::assemble(messages, limit, part).await?;
    check_version(settings.settings_version)?;
    let scope = settings.scope().into();
    Ok(ExtractRequest {
        settings: settings.settings.into(),
        columns: settings.columns,
        scope,
        table: table.into_table()?,
    })
}
