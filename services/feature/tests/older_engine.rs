//! An engine of an older version, or of someone else, which knows no facts: its hits are texts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::pin::Pin;

use anomal_core::{
    ExtractRequest, FeatureEngine, FeatureSettings, Hits, PlanRequest, Scope, Table,
    proto::{
        Column, DataType, ExtractRequest as Message, ExtractResponse, ExtractSettings,
        ExtractStatistics, ListComponentsRequest, ListComponentsResponse, ListPacksRequest,
        ListPacksResponse, Plan, PlanRequest as PlanMessage, PutPackRequest, PutPackResponse,
        extract_request::Part,
        extract_response::Part as Answer,
        feature_engine_server::{FeatureEngine as Service, FeatureEngineServer},
    },
};
use anomal_feature::{LocalFeatureEngine, RemoteFeatureEngine};
use anomal_rpc::{Assembler, chunks, to_status};
use anomal_spec::RemoteEngine;
use futures::{Stream, stream};
use polars::prelude::df;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, Streaming, async_trait};

struct OlderEngine(LocalFeatureEngine);

#[async_trait]
impl Service for OlderEngine {
    type ExtractStream = Pin<Box<dyn Stream<Item = Result<ExtractResponse, Status>> + Send>>;

    async fn list_components(
        &self,
        _: Request<ListComponentsRequest>,
    ) -> Result<Response<ListComponentsResponse>, Status> {
        Ok(Response::new(ListComponentsResponse::default()))
    }

    async fn plan(&self, request: Request<PlanMessage>) -> Result<Response<Plan>, Status> {
        let PlanMessage { settings, schema, times, .. } = request.into_inner();
        let settings = serde_json::from_str(&settings).unwrap();
        let plan = self.0.plan(PlanRequest { settings, schema, times }).await;
        let mut plan = plan.map_err(|error| to_status(&error))?;
        for flag in &mut plan.flags {
            flag.facts.clear();
            flag.value.clear();
        }
        Ok(Response::new(plan))
    }

    async fn extract(
        &self,
        request: Request<Streaming<Message>>,
    ) -> Result<Response<Self::ExtractStream>, Status> {
        let mut messages = request.into_inner();
        let mut settings = ExtractSettings::default();
        let mut table = Assembler::new(usize::MAX);
        while let Some(message) = messages.message().await? {
            match message.part {
                Some(Part::Settings(first)) => settings = first,
                Some(Part::Table(chunk)) => table.push(&chunk).unwrap(),
                None => {}
            }
        }
        let scope = settings.scope().into();
        let request = ExtractRequest {
            settings: settings.settings.into(),
            columns: settings.columns,
            scope,
            table: table.into_table().unwrap(),
        };
        let done = self.0.extract(request).await.map_err(|error| to_status(&error))?;
        let columns = done.hits.columns().select(["flag", "value"]).unwrap();
        let hits = done.hits.with_columns(columns).unwrap();
        let statistics = ExtractStatistics { steps: done.steps, diagnostics: done.diagnostics };
        let parts = chunks(done.features)
            .unwrap()
            .map(Answer::Features)
            .chain(chunks(done.removed).unwrap().map(Answer::Removed))
            .chain(chunks(hits).unwrap().map(Answer::Hits))
            .chain([Answer::Statistics(statistics)])
            .map(|part| Ok(ExtractResponse { part: Some(part) }));
        let parts: Vec<_> = parts.collect();
        Ok(Response::new(Box::pin(stream::iter(parts))))
    }

    async fn list_packs(
        &self,
        _: Request<ListPacksRequest>,
    ) -> Result<Response<ListPacksResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn put_pack(
        &self,
        _: Request<Streaming<PutPackRequest>>,
    ) -> Result<Response<PutPackResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

async fn serve(engine: LocalFeatureEngine) -> RemoteFeatureEngine {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = FeatureEngineServer::new(OlderEngine(engine));
    let server = tonic::transport::Server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let endpoints = vec![format!("http://{address}")];
    let settings = RemoteEngine { endpoints, ..RemoteEngine::default() };
    RemoteFeatureEngine::connect(&settings).await.unwrap()
}

#[tokio::test]
async fn hits_without_facts_keep_their_texts() {
    let local = LocalFeatureEngine::default();
    let older = serve(local.clone()).await;
    let settings: FeatureSettings = serde_json::from_value(serde_json::json!({
        "packs": ["finance"],
        "features": [{"type": "field", "name": "amount"}],
        "flags": [
            {"type": "direct", "name": "cashout_great_amount", "dataNeeded": ["type", "amount"]},
            {"type": "direct", "name": "small", "expression": "amount < 10"},
        ],
    }))
    .unwrap();
    let column =
        |name: &str, data_type: DataType| Column { name: name.into(), data_type: data_type.into() };
    let schema = vec![column("type", DataType::String), column("amount", DataType::Float)];
    let request = PlanRequest { settings, schema, times: Vec::new() };
    let mut found = Vec::new();
    for engine in [&local as &dyn FeatureEngine, &older] {
        let plan = engine.plan(request.clone()).await.unwrap();
        let columns =
            df!("type" => ["CASH_OUT", "PAYMENT"], "amount" => [60_123.25, 1.25]).unwrap();
        let table = Table::new(vec![3, 8], columns).unwrap();
        let (settings, columns) = (plan.settings.as_str().into(), plan.columns.clone());
        let request = ExtractRequest { settings, columns, scope: Scope::Row, table };
        let extraction = engine.extract(request).await.unwrap();
        let mut hits = Hits::default();
        hits.extend(&plan.flags, &extraction.hits, &extraction.facts).unwrap();
        hits.sort();
        let of_rows = hits.of_rows(&[3, 8]).map(|hits| hits[0].clone()).collect::<Vec<_>>();
        found.push(of_rows);
    }
    let texts = |side: usize| found[side].iter().map(|hit| hit.value.to_string());
    assert_eq!(texts(0).collect::<Vec<_>>(), ["60,123", "amount=1.25"]);
    assert!(texts(0).eq(texts(1)));
    assert!(found[0].iter().all(|hit| hit.facts.is_some()));
    assert!(found[1].iter().all(|hit| hit.facts.is_none()));
}
