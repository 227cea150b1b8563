//! The client: an engine whose work is done by servers.

use std::{net::SocketAddr, sync::Arc};

use anomal_core::{
    Classification, ClassificationEngine, ClassifyRequest, Error, FitStep, FittedModel, Model,
    ModelId, Result, ScoredTable, Table, blocking,
    proto::{
        ClassifyRequest as Message, ClassifySettings, Detector, FitProgress, ListDetectorsRequest,
        LoadModelRequest, ScoreRequest, classification_engine_client::ClassificationEngineClient,
        classify_request, classify_response, fit_response, score_request, score_response,
    },
};
use anomal_proto::SETTINGS_VERSION;
use anomal_rpc::{
    Assembler, Replicas, analysis::AnalysisAssembler, chunks, chunks::pieces, from_status,
    limited_client, outgoing, replicas::EngineChannel, request::incomplete_answer,
};
use anomal_spec::RemoteEngine;
use async_trait::async_trait;
use futures::{Stream, stream};
use tonic::Status;

use super::replica_models::{ModelReference, ReplicaModels};
use crate::engine::MODEL_UNKNOWN;

/// A classification engine behind endpoints.
#[derive(Clone, Debug)]
pub struct RemoteClassificationEngine {
    replicas: Arc<Replicas>,
    models: Arc<ReplicaModels>,
}

impl RemoteClassificationEngine {
    /// # Errors
    /// `Unavailable` if no replica answers, `Incompatible` if one is no classification engine of this
    /// version.
    pub async fn connect(settings: &RemoteEngine) -> Result<Self> {
        Self::connect_at(settings, "engines.classification").await
    }

    /// As [`RemoteClassificationEngine::connect`], where the settings name the engine elsewhere.
    ///
    /// # Errors
    /// As [`RemoteClassificationEngine::connect`].
    pub async fn connect_at(settings: &RemoteEngine, place: &'static str) -> Result<Self> {
        let replicas = Replicas::resolve(settings, place).await?;
        let client = clients(&replicas);
        replicas
            .check(|channel| async move {
                client(channel).list_detectors(outgoing(ListDetectorsRequest {})).await
            })
            .await?;
        Ok(Self { replicas, models: Arc::default() })
    }
}

/// Makes a client from a channel to a replica.
fn clients(
    replicas: &Replicas,
) -> impl Fn(EngineChannel) -> ClassificationEngineClient<EngineChannel> + Copy + use<> {
    let compression = replicas.compression();
    move |channel| limited_client!(ClassificationEngineClient::new(channel), compression)
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn failed(error: Error) -> Status {
    anomal_rpc::to_status(&error)
}

/// Characters of a step's words.
const WORDS: usize = 100;

/// A step as a server reports it, in one line.
fn received_step(step: &FitProgress) -> FitStep {
    let words = step.step.chars().filter(|letter| !letter.is_control()).take(WORDS).collect();
    FitStep { words, done: step.done, steps: step.steps }
}

/// A request, whose messages are made anew for each attempt from shared chunks.
struct Request {
    settings: ClassifySettings,
    chunks: Vec<bytes::Bytes>,
}

impl Request {
    fn new(request: ClassifyRequest) -> Result<Self> {
        let settings = serde_json::to_string(&request.settings)
            .map_err(|error| Error::internal(format!("settings as JSON: {error}")))?;
        let features = request.features;
        let settings = ClassifySettings { settings, settings_version: SETTINGS_VERSION, features };
        Ok(Self { settings, chunks: chunks(request.table)?.collect() })
    }

    fn messages(&self) -> impl Stream<Item = Message> + Send + 'static + use<> {
        use classify_request::Part;
        let first = Part::Settings(self.settings.clone());
        let rest = self.chunks.clone().into_iter().map(Part::Table);
        let parts = std::iter::once(first).chain(rest);
        stream::iter(parts.map(|part| Message { part: Some(part) }))
    }
}

#[async_trait]
impl ClassificationEngine for RemoteClassificationEngine {
    async fn list_detectors(&self) -> Result<Vec<Detector>> {
        let client = clients(&self.replicas);
        self.replicas
            .call(|channel| async move {
                let answer =
                    client(channel).list_detectors(outgoing(ListDetectorsRequest {})).await?;
                Ok(answer.into_inner().detectors)
            })
            .await
    }

    async fn classify(&self, request: ClassifyRequest) -> Result<Classification> {
        let progress = &request.progress.clone();
        let request = Request::new(request)?;
        let client = clients(&self.replicas);
        self.replicas
            .call(|channel| {
                let messages = request.messages();
                async move {
                    use classify_response::Part;
                    let mut answers =
                        client(channel).classify(outgoing(messages)).await?.into_inner();
                    let mut rows = Assembler::new(usize::MAX);
                    let (mut analysis, mut statistics) = (AnalysisAssembler::default(), None);
                    while let Some(answer) = answers.message().await? {
                        match answer.part {
                            Some(Part::Rows(chunk)) => rows.push(&chunk).map_err(failed)?,
                            Some(Part::Analysis(part)) => analysis.add(part),
                            Some(Part::Labels(part)) => analysis.add_labels(part),
                            Some(Part::Statistics(received)) => statistics = Some(received),
                            Some(Part::Progress(step)) => progress.step(&received_step(&step)),
                            None => {}
                        }
                    }
                    let steps = statistics.ok_or_else(incomplete_answer)?.steps;
                    let rows = rows.into_table().map_err(failed)?;
                    Ok(Classification { rows, analysis: analysis.0, steps })
                }
            })
            .await
    }

    async fn fit(&self, request: ClassifyRequest) -> Result<FittedModel> {
        let progress = &request.progress.clone();
        let request = Request::new(request)?;
        let client = clients(&self.replicas);
        self.replicas
            .call(|channel| {
                let messages = request.messages();
                async move {
                    use fit_response::Part;
                    let mut answers = client(channel).fit(outgoing(messages)).await?.into_inner();
                    let mut model = Assembler::new(usize::MAX);
                    let (mut analysis, mut statistics) = (AnalysisAssembler::default(), None);
                    while let Some(answer) = answers.message().await? {
                        match answer.part {
                            Some(Part::Model(chunk)) => model.push(&chunk).map_err(failed)?,
                            Some(Part::Analysis(part)) => analysis.add(part),
                            Some(Part::Labels(part)) => analysis.add_labels(part),
                            Some(Part::Statistics(received)) => statistics = Some(received),
                            Some(Part::Progress(step)) => progress.step(&received_step(&step)),
                            None => {}
                        }
                    }
                    let steps = statistics.ok_or_else(incomplete_answer)?.steps;
                    let model = Model::new(model.into_bytes());
                    Ok(FittedModel { model, analysis: analysis.0, steps })
                }
            })
            .await
    }

    fn in_process(&self) -> bool {
        false
    }

    /// Two for each replica, so that none is idle between batches.
    fn parallelism(&self) -> usize {
        2 * self.replicas.count().max(1)
    }

    async fn score(&self, model: &Model, table: Table) -> Result<ScoredTable> {
        let id = {
            let model = model.clone();
            blocking(move |_| Ok(model.id())).await?
        };
        let call = ScoreCall {
            engine: self,
            model,
            id,
            table: chunks(table)?.map(score_request::Part::Table).collect(),
        };
        self.replicas.call_at(|address, channel| call.run(address, channel)).await
    }
}

/// A table to score by a model.
struct ScoreCall<'a> {
    engine: &'a RemoteClassificationEngine,
    model: &'a Model,
    id: ModelId,
    table: Vec<score_request::Part>,
}

impl ScoreCall<'_> {
    /// Scores by the model's id, and sends the model with the call where the replica holds no models, or
    /// drops them faster than they are used.
    async fn run(
        &self,
        address: SocketAddr,
        channel: EngineChannel,
    ) -> Result<ScoredTable, Status> {
        use score_request::Part;
        const UPLOADS: usize = 2;
        let RemoteClassificationEngine { models, replicas } = self.engine;
        for _ in 0..UPLOADS {
            let addresses = || replicas.addresses();
            let upload = || self.upload(channel.clone());
            let reference = models.send_once(address, addresses, self.id, upload).await?;
            let ModelReference::ById { upload } = reference else { break };
            let by_id = Part::ModelId(self.id.as_bytes().to_vec().into());
            match self.score(channel.clone(), std::iter::once(by_id)).await {
                Err(status) if from_status(&status).reason == MODEL_UNKNOWN => {
                    models.forget(address, self.id, upload).await;
                }
                outcome => return outcome,
            }
        }
        self.score(channel, pieces(self.model.bytes().clone()).map(Part::Model)).await
    }

    async fn upload(&self, channel: EngineChannel) -> Result<(), Status> {
        let chunks = pieces(self.model.bytes().clone());
        let messages = stream::iter(chunks.map(|model| LoadModelRequest { model }));
        let client = clients(&self.engine.replicas);
        let answer = client(channel).load_model(outgoing(messages)).await?.into_inner();
        if ModelId::from_bytes(&answer.model_id) == Some(self.id) {
            return Ok(());
        }
        Err(Status::internal("the engine received another model than the one that was sent"))
    }

    async fn score(
        &self,
        channel: EngineChannel,
        model: impl Iterator<Item = score_request::Part> + Send + 'static,
    ) -> Result<ScoredTable, Status> {
        use score_response::Part;
        let parts = model.chain(self.table.clone());
        let messages = stream::iter(parts.map(|part| ScoreRequest { part: Some(part) }));
        let client = clients(&self.engine.replicas);
        let mut answers = client(channel).score(outgoing(messages)).await?.into_inner();
        let (mut rows, mut statistics) = (Assembler::new(usize::MAX), None);
        while let Some(answer) = answers.message().await? {
            match answer.part {
                Some(Part::Rows(chunk)) => rows.push(&chunk).map_err(failed)?,
                Some(Part::Statistics(received)) => statistics = Some(received),
                None => {}
            }
        }
        let steps = statistics.ok_or_else(incomplete_answer)?.steps;
        Ok(ScoredTable { rows: rows.into_table().map_err(failed)?, steps })
    }
}
