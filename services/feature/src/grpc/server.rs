//! The gRPC server: decodes requests, calls the engine, streams the responses.

use std::sync::Arc;

use anomal_core::{
    ExtractRequest, FeatureEngine, PlanRequest, Result,
    proto::{
        ExtractRequest as Message, ExtractResponse, ExtractSettings, ExtractStatistics,
        ListComponentsRequest, ListComponentsResponse, ListPacksRequest, ListPacksResponse, Plan,
        PlanRequest as PlanMessage, PutPackRequest, PutPackResponse,
        extract_request::Part,
        extract_response::Part as Answer,
        feature_engine_server::{FeatureEngine as Service, FeatureEngineServer},
    },
};
use anomal_rpc::{
    Admission, Tenant, chunks, limited_service,
    request::{self, check_version, settings},
};
use futures::Stream;
use tonic::{Extensions, Request, Response, Status, Streaming, async_trait, service::Routes};

use super::upload;

/// The name of the service in health checks.
pub const SERVICE: &str = "anomal.v1.FeatureEngine";

/// An engine that keeps packs for each of its tenants.
pub trait MultiTenantEngine: Send + Sync {
    /// The engine with the packs of a tenant.
    fn for_tenant(&self, tenant: &Tenant) -> Arc<dyn FeatureEngine>;
}

/// The routes of a service that calls an engine.
pub fn routes(engine: Arc<dyn MultiTenantEngine>, admission: Admission) -> Routes {
    let service = limited_service!(FeatureEngineServer::new(Adapter { engine, admission }));
    Routes::new(service)
}

struct Adapter {
    engine: Arc<dyn MultiTenantEngine>,
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
        let engine = self.engine(request.extensions());
        let work = engine.list_components();
        let components = self.admission.run("ListComponents", request.metadata(), work).await?;
        Ok(Response::new(ListComponentsResponse { components }))
    }

    async fn plan(&self, request: Request<PlanMessage>) -> Result<Response<Plan>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let engine = self.engine(&extensions);
        let work = async {
            let settings = settings(&message.settings, message.settings_version)?;
            engine
                .plan(PlanRequest { settings, schema: message.schema, times: message.times })
                .await
        };
        self.admission.run("Plan", &metadata, work).await.map(Response::new)
    }

    async fn extract(
        &self,
        request: Request<Streaming<Message>>,
    ) -> Result<Response<Self::ExtractStream>, Status> {
        let (metadata, extensions, messages) = request.into_parts();
        let engine = self.engine(&extensions);
        let work = async {
            let request = assemble(messages, self.admission.max_request_bytes()).await?;
            let done = engine.extract(request).await?;
            let statistics = ExtractStatistics { steps: done.steps, diagnostics: done.diagnostics };
            let parts = chunks(done.features)?
                .map(Answer::Features)
                .chain(chunks(done.removed)?.map(Answer::Removed))
                .chain(chunks(done.hits)?.map(Answer::Hits))
                .chain(chunks(done.facts)?.map(Answer::Facts))
                .chain([Answer::Statistics(statistics)]);
            Ok(parts.map(|part| ExtractResponse { part: Some(part) }))
        };
        let answers = self.admission.stream("Extract", &metadata, work).await?;
        Ok(Response::new(Box::pin(answers)))
    }

    async fn list_packs(
        &self,
        request: Request<ListPacksRequest>,
    ) -> Result<Response<ListPacksResponse>, Status> {
        let engine = self.engine(request.extensions());
        let work = engine.list_packs();
        self.admission.run("ListPacks", request.metadata(), work).await.map(Response::new)
    }

    async fn put_pack(
        &self,
        request: Request<Streaming<PutPackRequest>>,
    ) -> Result<Response<PutPackResponse>, Status> {
        let (metadata, extensions, messages) = request.into_parts();
        let engine = self.engine(&extensions);
        let work = async {
            let pack = upload::assemble(messages, self.admission.max_request_bytes()).await?;
            engine.put_pack(Arc::new(pack)).await
        };
        self.admission.run("PutPack", &metadata, work).await?;
        Ok(Response::new(PutPackResponse {}))
    }
}

impl Adapter {
    fn engine(&self, extensions: &Extensions) -> Arc<dyn FeatureEngine> {
        self.engine.for_tenant(&Tenant::find(extensions))
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
