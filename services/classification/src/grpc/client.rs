//! The client's side: an engine that has the work done elsewhere.

use std::sync::Arc;

use anomal_core::{
    Classification, ClassificationEngine, ClassifyRequest, Error, FittedModel, Model, Result,
    ScoredTable, Table,
    proto::{
        ClassifyRequest as Message, ClassifySettings, Detector, ListDetectorsRequest, ScoreRequest,
        classification_engine_client::ClassificationEngineClient, classify_request,
        classify_response, fit_response, score_request, score_response,
    },
};
use anomal_proto::SETTINGS_VERSION;
use anomal_rpc::{
    Assembler, Replicas, analysis::AnalysisAssembler, chunks, chunks::pieces, limited_client,
    outgoing, replicas::EngineChannel, request::incomplete_answer,
};
use anomal_spec::RemoteEngine;
use async_trait::async_trait;
use futures::{Stream, stream};
use tonic::Status;

/// The classification engine behind some endpoints.
#[derive(Clone, Debug)]
pub struct RemoteClassificationEngine {
    replicas: Arc<Replicas>,
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
        Ok(Self { replicas })
    }
}

/// Makes a client of a channel to one of them.
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

/// The messages of a request, made anew for each try from chunks that are shared.
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
                            None => {}
                        }
                    }
                    let steps = statistics.ok_or_else(incomplete_answer)?.steps;
                    let model = Model(model.into_bytes().into());
                    Ok(FittedModel { model, analysis: analysis.0, steps })
                }
            })
            .await
    }

    fn in_process(&self) -> bool {
        false
    }

    /// A few for each replica, so that none waits for the next batch.
    fn parallelism(&self) -> usize {
        2 * self.replicas.count().max(1)
    }

    async fn score(&self, model: &Model, table: Table) -> Result<ScoredTable> {
        use score_request::Part;
        let model: Vec<_> = pieces(model.0.to_vec().into()).map(Part::Model).collect();
        let table: Vec<_> = chunks(table)?.map(Part::Table).collect();
        let client = clients(&self.replicas);
        self.replicas
            .call(|channel| {
                let parts = model.clone().into_iter().chain(table.clone());
                let messages = stream::iter(parts.map(|part| ScoreRequest { part: Some(part) }));
                async move {
                    use score_response::Part;
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
            })
            .await
    }
}
