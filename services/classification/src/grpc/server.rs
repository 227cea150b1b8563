//! The server's side: takes a request apart, calls the engine, streams the answer.

use std::sync::Arc;

use anomal_core::{
    ClassificationEngine, ClassifyRequest, Model, Result,
    proto::{
        ClassifyRequest as Message, ClassifyResponse, ClassifySettings, ClassifyStatistics,
        FitResponse, ListDetectorsRequest, ListDetectorsResponse, ScoreRequest, ScoreResponse,
        classification_engine_server::{
            ClassificationEngine as Service, ClassificationEngineServer,
        },
        classify_request, classify_response, fit_response, score_request, score_response,
    },
};
use anomal_rpc::{
    Admission, Assembler,
    analysis::{Part, split},
    chunks,
    chunks::pieces,
    from_status, limited_service, request,
};
use futures::Stream;
use tonic::{Request, Response, Status, Streaming, async_trait, service::Routes};

/// The service's name, for health checks.
pub const SERVICE: &str = "anomal.v1.ClassificationEngine";

type Answers<T> = std::pin::Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service over an engine.
pub fn routes(engine: Arc<dyn ClassificationEngine>, admission: Admission) -> Routes {
    let service = limited_service!(ClassificationEngineServer::new(Adapter { engine, admission }));
    Routes::new(service)
}

struct Adapter {
    engine: Arc<dyn ClassificationEngine>,
    admission: Admission,
}

#[async_trait]
impl Service for Adapter {
    type ClassifyStream = Answers<ClassifyResponse>;
    type FitStream = Answers<FitResponse>;
    type ScoreStream = Answers<ScoreResponse>;

    async fn list_detectors(
        &self,
        request: Request<ListDetectorsRequest>,
    ) -> Result<Response<ListDetectorsResponse>, Status> {
        let work = self.engine.list_detectors();
        let detectors = self.admission.run("ListDetectors", request.metadata(), work).await?;
        Ok(Response::new(ListDetectorsResponse { detectors }))
    }

    async fn classify(
        &self,
        request: Request<Streaming<Message>>,
    ) -> Result<Response<Self::ClassifyStream>, Status> {
        use classify_response::Part as Answer;
        let (metadata, _, messages) = request.into_parts();
        let work = async {
            let request = assemble(messages, self.admission.max_request_bytes()).await?;
            let done = self.engine.classify(request).await?;
            let statistics = ClassifyStatistics { steps: done.steps, diagnostics: Vec::new() };
            let analysis = split(done.analysis).into_iter().map(|part| match part {
                Part::Analysis(part) => Answer::Analysis(part),
                Part::Labels(part) => Answer::Labels(part),
            });
            let rows = chunks(done.rows)?.map(Answer::Rows);
            let parts = rows.chain(analysis).chain([Answer::Statistics(statistics)]);
            Ok(parts.map(|part| ClassifyResponse { part: Some(part) }))
        };
        let answers = self.admission.stream("Classify", &metadata, work).await?;
        Ok(Response::new(Box::pin(answers)))
    }

    async fn fit(
        &self,
        request: Request<Streaming<Message>>,
    ) -> Result<Response<Self::FitStream>, Status> {
        use fit_response::Part as Answer;
        let (metadata, _, messages) = request.into_parts();
        let work = async {
            let request = assemble(messages, self.admission.max_request_bytes()).await?;
            let done = self.engine.fit(request).await?;
            let statistics = ClassifyStatistics { steps: done.steps, diagnostics: Vec::new() };
            let analysis = split(done.analysis).into_iter().map(|part| match part {
                Part::Analysis(part) => Answer::Analysis(part),
                Part::Labels(part) => Answer::Labels(part),
            });
            let model = pieces(done.model.0.to_vec().into()).map(Answer::Model);
            let parts = model.chain(analysis).chain([Answer::Statistics(statistics)]);
            Ok(parts.map(|part| FitResponse { part: Some(part) }))
        };
        let answers = self.admission.stream("Fit", &metadata, work).await?;
        Ok(Response::new(Box::pin(answers)))
    }

    async fn score(
        &self,
        request: Request<Streaming<ScoreRequest>>,
    ) -> Result<Response<Self::ScoreStream>, Status> {
        use score_response::Part as Answer;
        let (metadata, _, mut messages) = request.into_parts();
        let work = async {
            let limit = self.admission.max_request_bytes();
            let (mut model, mut table) = (Assembler::new(limit), Assembler::new(limit));
            while let Some(message) =
                messages.message().await.map_err(|status| from_status(&status))?
            {
                match message.part {
                    Some(score_request::Part::Model(chunk)) => model.push(&chunk)?,
                    Some(score_request::Part::Table(chunk)) => table.push(&chunk)?,
                    None => {}
                }
            }
            let model = Model(model.into_bytes().into());
            let done = self.engine.score(&model, table.into_table()?).await?;
            let statistics = ClassifyStatistics { steps: done.steps, diagnostics: Vec::new() };
            let parts =
                chunks(done.rows)?.map(Answer::Rows).chain([Answer::Statistics(statistics)]);
            Ok(parts.map(|part| ScoreResponse { part: Some(part) }))
        };
        let answers = self.admission.stream("Score", &metadata, work).await?;
        Ok(Response::new(Box::pin(answers)))
    }
}

async fn assemble(messages: Streaming<Message>, limit: usize) -> Result<ClassifyRequest> {
    let part = |message: Message| match message.part? {
        classify_request::Part::Settings(first) => Some(request::Part::Settings(first)),
        classify_request::Part::Table(chunk) => Some(request::Part::Table(chunk)),
    };
    let (first, table): (ClassifySettings, _) = request::assemble(messages, limit, part).await?;
    Ok(ClassifyRequest {
        settings: request::settings(&first.settings, first.settings_version)?,
        features: first.features,
        table: table.into_table()?,
    })
}
