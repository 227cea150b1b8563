//! An engine of the interface before `LoadModel`, as custom engines may be.

use std::sync::{Arc, Mutex};

use anomal_classification::LocalClassificationEngine;
use anomal_core::{
    ClassificationEngine, Model,
    proto::{
        ClassifyRequest, ClassifyResponse, ClassifyStatistics, FitResponse, ListDetectorsRequest,
        ListDetectorsResponse, LoadModelRequest, LoadModelResponse, ScoreRequest, ScoreResponse,
        classification_engine_server::{
            ClassificationEngine as Service, ClassificationEngineServer,
        },
        score_request, score_response,
    },
};
use anomal_rpc::{Assembler, chunks, to_status};
use futures::{StreamExt, stream, stream::BoxStream};
use tonic::{Request, Response, Status, Streaming, async_trait, service::Routes};

#[derive(Default)]
pub struct OldEngine {
    engine: LocalClassificationEngine,
    /// The size of the model of each Score.
    received: Mutex<Vec<usize>>,
}

impl OldEngine {
    pub fn routes(self: Arc<Self>) -> Routes {
        Routes::new(ClassificationEngineServer::from_arc(self))
    }

    pub fn models_received(&self) -> Vec<usize> {
        self.received.lock().unwrap().clone()
    }
}

#[async_trait]
impl Service for OldEngine {
    type ClassifyStream = BoxStream<'static, Result<ClassifyResponse, Status>>;
    type FitStream = BoxStream<'static, Result<FitResponse, Status>>;
    type ScoreStream = BoxStream<'static, Result<ScoreResponse, Status>>;

    async fn list_detectors(
        &self,
        _: Request<ListDetectorsRequest>,
    ) -> Result<Response<ListDetectorsResponse>, Status> {
        Ok(Response::new(ListDetectorsResponse::default()))
    }

    async fn classify(
        &self,
        _: Request<Streaming<ClassifyRequest>>,
    ) -> Result<Response<Self::ClassifyStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn fit(
        &self,
        _: Request<Streaming<ClassifyRequest>>,
    ) -> Result<Response<Self::FitStream>, Status> {
        Err(Status::unimplemented(""))
    }

    /// As servers answer a method that they do not know.
    async fn load_model(
        &self,
        _: Request<Streaming<LoadModelRequest>>,
    ) -> Result<Response<LoadModelResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn score(
        &self,
        request: Request<Streaming<ScoreRequest>>,
    ) -> Result<Response<Self::ScoreStream>, Status> {
        let mut messages = request.into_inner();
        let (mut model, mut table) = (Assembler::new(1 << 30), Assembler::new(1 << 30));
        while let Some(message) = messages.message().await? {
            let pushed = match message.part {
                Some(score_request::Part::Model(chunk)) => model.push(&chunk),
                Some(score_request::Part::Table(chunk)) => table.push(&chunk),
                // Such an engine has no field for the id.
                Some(score_request::Part::ModelId(_)) | None => Ok(()),
            };
            pushed.map_err(|error| to_status(&error))?;
        }
        let model = Model::new(model.into_bytes());
        self.received.lock().unwrap().push(model.bytes().len());
        let table = table.into_table().map_err(|error| to_status(&error))?;
        let scored = self.engine.score(&model, table).await.map_err(|error| to_status(&error))?;
        let rows = chunks(scored.rows).map_err(|error| to_status(&error))?;
        let statistics = score_response::Part::Statistics(ClassifyStatistics {
            steps: scored.steps,
            diagnostics: Vec::new(),
        });
        let parts = rows.map(score_response::Part::Rows).chain([statistics]);
        let answers = parts.map(|part| Ok(ScoreResponse { part: Some(part) }));
        Ok(Response::new(stream::iter(answers).boxed()))
    }
}
