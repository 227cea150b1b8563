//! The gRPC client: an engine that calls remote replicas.

use std::sync::Arc;

use anomal_core::{
    Error, ExtractRequest, Extraction, FeatureEngine, KeyedSteps, PackUpload, PlanRequest, Result,
    Table, blocking,
    proto::{
        self, Component, ExtractRequest as Message, ExtractResponse, ExtractSettings,
        ListComponentsRequest, ListPacksRequest, ListPacksResponse, Plan,
        PlanRequest as PlanMessage, extract_request::Part, extract_response::Part as Answer,
        feature_engine_client::FeatureEngineClient,
    },
};
use anomal_proto::SETTINGS_VERSION;
use anomal_rpc::{
    Assembler, Replicas, chunks, limited_client, outgoing, replicas::EngineChannel,
    request::incomplete_answer,
};
use anomal_spec::RemoteEngine;
use async_trait::async_trait;
use futures::stream;
use polars::prelude::DataFrame;
use tonic::{Status, Streaming};

use super::packs::ClientPacks;
use crate::{keyed, packs::builtin_components};

type Client = FeatureEngineClient<EngineChannel>;

/// The feature engine at remote endpoints.
#[derive(Clone, Debug)]
pub struct RemoteFeatureEngine {
    replicas: Arc<Replicas>,
    packs: Arc<ClientPacks>,
}

impl RemoteFeatureEngine {
    /// # Errors
    /// `Unavailable` if no replica responds, `Incompatible` if one is not a feature engine of this version.
    pub async fn connect(settings: &RemoteEngine) -> Result<Self> {
        let replicas = Replicas::resolve(settings, "engines.feature").await?;
        let client = client_factory(&replicas);
        replicas
            .check(|channel| async move {
                client(channel).list_components(outgoing(ListComponentsRequest {})).await
            })
            .await?;
        Ok(Self { replicas, packs: Arc::default() })
    }
}

/// A function that makes a client from a channel to a replica.
fn client_factory(
    replicas: &Replicas,
) -> impl Fn(EngineChannel) -> FeatureEngineClient<EngineChannel> + Copy + use<> {
    let compression = replicas.compression();
    move |channel| limited_client!(FeatureEngineClient::new(channel), compression)
}

#[async_trait]
impl FeatureEngine for RemoteFeatureEngine {
    async fn list_components(&self) -> Result<Vec<Component>> {
        let client = client_factory(&self.replicas);
        self.replicas
            .call(|channel| async move {
                let answer =
                    client(channel).list_components(outgoing(ListComponentsRequest {})).await?;
                Ok(answer.into_inner().components)
            })
            .await
    }

    async fn plan(&self, request: PlanRequest) -> Result<Plan> {
        let settings = serde_json::to_string(&request.settings)
            .map_err(|error| Error::internal(format!("settings as JSON: {error}")))?;
        let message = PlanMessage {
            settings,
            settings_version: SETTINGS_VERSION,
            schema: request.schema,
            times: request.times,
        };
        let client = client_factory(&self.replicas);
        self.replicas
            .call(|channel| {
                let message = &message;
                let call = move |mut client: Client| async move {
                    Ok(client.plan(outgoing(message.clone())).await?.into_inner())
                };
                self.packs.call(move || client(channel.clone()), call)
            })
            .await
    }

    fn parallelism(&self) -> usize {
        self.replicas.count().max(1)
    }

    async fn extract(&self, request: ExtractRequest) -> Result<Extraction> {
        let settings = ExtractSettings {
            settings: request.settings.to_string(),
            settings_version: SETTINGS_VERSION,
            columns: request.columns,
            scope: proto::Scope::from(request.scope).into(),
        };
        let pieces: Vec<_> = chunks(request.table)?.collect();
        let client = client_factory(&self.replicas);
        self.replicas
            .call(|channel| {
                let (settings, pieces) = (&settings, &pieces);
                let call = move |mut client: Client| async move {
                    let first = Part::Settings(settings.clone());
                    // Retries share the chunks instead of copying them.
                    let rest = pieces.clone().into_iter().map(Part::Table);
                    let parts = std::iter::once(first).chain(rest);
                    let messages = stream::iter(parts.map(|part| Message { part: Some(part) }));
                    gather(client.extract(outgoing(messages)).await?.into_inner()).await
                };
                self.packs.call(move || client(channel.clone()), call)
            })
            .await
    }

    /// Packs are sent to replicas that lack them, when a call finds that out.
    async fn put_pack(&self, pack: Arc<PackUpload>) -> Result<()> {
        let packs = Arc::clone(&self.packs);
        blocking(move |_| packs.add(pack)).await
    }

    async fn list_packs(&self) -> Result<ListPacksResponse> {
        let client = client_factory(&self.replicas);
        self.replicas
            .call(|channel| async move {
                Ok(client(channel).list_packs(outgoing(ListPacksRequest {})).await?.into_inner())
            })
            .await
    }

    fn keyed_steps(&self, plan: &Plan) -> Result<Option<Box<dyn KeyedSteps>>> {
        keyed::keyed_steps(plan, builtin_components())
    }
}

async fn gather(mut answers: Streaming<ExtractResponse>) -> Result<Extraction, Status> {
    let failed = |error: Error| anomal_rpc::to_status(&error);
    let mut tables = [(); 3].map(|()| Assembler::new(usize::MAX));
    // An engine without facts sends none.
    let (mut facts, mut statistics) = (None::<Assembler>, None);
    while let Some(answer) = answers.message().await? {
        match answer.part {
            Some(Answer::Features(chunk)) => tables[0].push(&chunk).map_err(failed)?,
            Some(Answer::Removed(chunk)) => tables[1].push(&chunk).map_err(failed)?,
            Some(Answer::Hits(chunk)) => tables[2].push(&chunk).map_err(failed)?,
            Some(Answer::Facts(chunk)) => {
                let facts = facts.get_or_insert_with(|| Assembler::new(usize::MAX));
                facts.push(&chunk).map_err(failed)?;
            }
            Some(Answer::Statistics(message)) => statistics = Some(message),
            None => {}
        }
    }
    // The last message: a response without it was cut off.
    let statistics = statistics.ok_or_else(incomplete_answer)?;
    let [features, removed, hits] = tables.map(|table| table.into_table().map_err(failed));
    let facts = match facts {
        Some(facts) => facts.into_table(),
        None => Table::new(Vec::new(), DataFrame::default()),
    };
    Ok(Extraction {
        features: features?,
        removed: removed?,
        hits: hits?,
        facts: facts.map_err(failed)?,
        steps: statistics.steps,
        diagnostics: statistics.diagnostics,
    })
}
