//! The server: assembles requests, calls the engine, streams the responses.

use std::sync::Arc;

use anomal_core::{
    Classification, ClassifyRequest, Code, Error, FitProgress as Progress, FitStep, FittedModel,
    Model, ModelId, Result,
    proto::{
        ClassifyRequest as Message, ClassifyResponse, ClassifySettings, ClassifyStatistics,
        FitProgress, FitResponse, ListDetectorsRequest, ListDetectorsResponse, LoadModelRequest,
        LoadModelResponse, ScoreRequest, ScoreResponse,
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
    deadline::{Deadline, within},
    from_status, limited_service, request,
};
use futures::{
    Stream, StreamExt, TryFutureExt,
    channel::mpsc,
    stream::{self, BoxStream},
};
use tonic::{Request, Response, Status, Streaming, async_trait, service::Routes};
use tracing::Instrument;

use crate::engine::ModelHost;

/// The service's name, for health checks.
pub const SERVICE: &str = "anomal.v1.ClassificationEngine";

type Answers<T> = std::pin::Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service over an engine.
pub fn routes(engine: Arc<dyn ModelHost>, admission: Admission) -> Routes {
    let service = limited_service!(ClassificationEngineServer::new(Adapter { engine, admission }));
    Routes::new(service)
}

struct Adapter {
    engine: Arc<dyn ModelHost>,
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
        let deadline = Deadline::of(&metadata);
        let work = async {
            let request = assemble(messages, self.admission.max_request_bytes()).await?;
            let engine = Arc::clone(&self.engine);
            let answer = |request| async move { classified(engine.classify(request).await?) };
            let message = |part| ClassifyResponse { part: Some(Answer::Progress(part)) };
            Ok(with_progress(request, deadline, answer, message))
        };
        let answers = self.admission.flow("Classify", &metadata, work).await?;
        Ok(Response::new(Box::pin(answers)))
    }

    async fn fit(
        &self,
        request: Request<Streaming<Message>>,
    ) -> Result<Response<Self::FitStream>, Status> {
        use fit_response::Part as Answer;
        let (metadata, _, messages) = request.into_parts();
        let deadline = Deadline::of(&metadata);
        let work = async {
            let request = assemble(messages, self.admission.max_request_bytes()).await?;
            let engine = Arc::clone(&self.engine);
            let answer = |request| async move { Ok(fitted(engine.fit(request).await?)) };
            let message = |part| FitResponse { part: Some(Answer::Progress(part)) };
            Ok(with_progress(request, deadline, answer, message))
        };
        let answers = self.admission.flow("Fit", &metadata, work).await?;
        Ok(Response::new(Box::pin(answers)))
    }

    async fn load_model(
        &self,
        request: Request<Streaming<LoadModelRequest>>,
    ) -> Result<Response<LoadModelResponse>, Status> {
        let (metadata, _, mut messages) = request.into_parts();
        let work = async {
            let mut model = Assembler::new(self.admission.max_request_bytes());
            while let Some(message) =
                messages.message().await.map_err(|status| from_status(&status))?
            {
                model.push(&message.model)?;
            }
            self.engine.load_model(Model::new(model.into_bytes())).await
        };
        let id = self.admission.run("LoadModel", &metadata, work).await?;
        Ok(Response::new(LoadModelResponse { model_id: id.as_bytes().to_vec().into() }))
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
            let mut model_id = None;
            while let Some(message) =
                messages.message().await.map_err(|status| from_status(&status))?
            {
                match message.part {
                    Some(score_request::Part::Model(chunk)) => model.push(&chunk)?,
                    Some(score_request::Part::Table(chunk)) => table.push(&chunk)?,
                    Some(score_request::Part::ModelId(id)) => model_id = Some(to_model_id(&id)?),
                    None => {}
                }
            }
            let table = table.into_table()?;
            let done = match model_id {
                Some(id) => self.engine.score_by_id(id, table).await?,
                None => self.engine.score(&Model::new(model.into_bytes()), table).await?,
            };
            let statistics = ClassifyStatistics { steps: done.steps, diagnostics: Vec::new() };
            let parts =
                chunks(done.rows)?.map(Answer::Rows).chain([Answer::Statistics(statistics)]);
            Ok(parts.map(|part| ScoreResponse { part: Some(part) }))
        };
        let answers = self.admission.stream("Score", &metadata, work).await?;
        Ok(Response::new(Box::pin(answers)))
    }
}

type Parts<T> = Box<dyn Iterator<Item = T> + Send>;

fn classified(done: Classification) -> Result<Parts<ClassifyResponse>> {
    use classify_response::Part as Answer;
    let statistics = ClassifyStatistics { steps: done.steps, diagnostics: Vec::new() };
    let analysis = split(done.analysis).into_iter().map(|part| match part {
        Part::Analysis(part) => Answer::Analysis(part),
        Part::Labels(part) => Answer::Labels(part),
    });
    let rows = chunks(done.rows)?.map(Answer::Rows);
    let parts = rows.chain(analysis).chain([Answer::Statistics(statistics)]);
    Ok(Box::new(parts.map(|part| ClassifyResponse { part: Some(part) })))
}

fn fitted(done: FittedModel) -> Parts<FitResponse> {
    use fit_response::Part as Answer;
    let statistics = ClassifyStatistics { steps: done.steps, diagnostics: Vec::new() };
    let analysis = split(done.analysis).into_iter().map(|part| match part {
        Part::Analysis(part) => Answer::Analysis(part),
        Part::Labels(part) => Answer::Labels(part),
    });
    let model = pieces(done.model.bytes().clone()).map(Answer::Model);
    let parts = model.chain(analysis).chain([Answer::Statistics(statistics)]);
    Box::new(parts.map(|part| FitResponse { part: Some(part) }))
}

/// The steps of a fit while it goes on, as `message` makes messages of them, and its answer.
fn with_progress<T, F>(
    mut request: ClassifyRequest,
    deadline: Option<Deadline>,
    answer: impl FnOnce(ClassifyRequest) -> F,
    message: impl Fn(FitProgress) -> T + Send + 'static,
) -> BoxStream<'static, Result<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<Parts<T>>> + Send + 'static,
{
    let (send, receive) = mpsc::unbounded();
    request.progress = Progress::new(move |step| {
        let FitStep { words, done, steps } = step.clone();
        // The client may be gone; then the fit ends soon.
        let _ = send.unbounded_send(FitProgress { step: words, done, steps });
    });
    let work = within(deadline, answer(request)).in_current_span();
    let parts = work.map_ok(|parts| stream::iter(parts).map(Ok)).try_flatten_stream();
    stream::select(receive.map(move |step| Ok(message(step))), parts).boxed()
}

fn to_model_id(bytes: &[u8]) -> Result<ModelId> {
    ModelId::from_bytes(bytes).ok_or_else(|| {
        let message = format!("a model's id has 32 bytes and not {}", bytes.len());
        Error::new(Code::InvalidRequest, "MODEL_ID_INVALID", message)
    })
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
        progress: Progress::NONE,
    })
}
