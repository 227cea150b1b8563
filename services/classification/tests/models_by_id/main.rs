//! Models are sent to each replica once, and again only after they were lost there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod network;
mod old_engine;

use std::sync::Arc;

use anomal_classification::{
    LocalClassificationEngine, MODEL_UNKNOWN, Options, RemoteClassificationEngine,
};
use anomal_core::{
    ClassificationEngine, ClassifyRequest, Model, Table,
    proto::{
        FeatureColumn, FeatureKind, ScoreRequest,
        classification_engine_client::ClassificationEngineClient, score_request::Part,
    },
};
use anomal_rpc::{chunks, from_status};
use anomal_spec::{Classification, RemoteEngine};
use futures::{StreamExt, stream};
use polars::prelude::{Column, DataFrame};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use self::{
    network::{Proxy, serve_engine},
    old_engine::OldEngine,
};

const FEATURES: usize = 8;
const ROWS: usize = 1_500;
/// Rows of a batch: few, so that a model is far larger than all batches together.
const BATCH: usize = 5;

fn table(rows: usize, seed: u64) -> Table {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let columns = (0..FEATURES).map(|feature| {
        let values: Vec<f64> = (0..rows).map(|_| random.random()).collect();
        Column::new(format!("f{feature}").as_str().into(), values)
    });
    let columns = DataFrame::new(rows, columns.collect()).unwrap();
    Table::new((0..rows as u64).collect(), columns).unwrap()
}

/// A model that holds all rows it was fitted on.
async fn fit(seed: u64) -> Model {
    let feature = |feature: usize| FeatureColumn {
        name: format!("f{feature}"),
        kind: FeatureKind::Numeric.into(),
        weight: 1.0,
        ..FeatureColumn::default()
    };
    let request = ClassifyRequest {
        settings: Classification { engine: "KNN".into(), ..Classification::default() },
        features: (0..FEATURES).map(feature).collect(),
        table: table(ROWS, seed),
        progress: anomal_core::FitProgress::NONE,
    };
    let model = LocalClassificationEngine::default().fit(request).await.unwrap().model;
    assert!(model.bytes().len() > 200_000, "{} bytes", model.bytes().len());
    model
}

async fn connect(proxies: &[&Proxy]) -> RemoteClassificationEngine {
    let endpoints = proxies.iter().map(|proxy| format!("http://{}", proxy.address)).collect();
    let settings = RemoteEngine { endpoints, ..RemoteEngine::default() };
    RemoteClassificationEngine::connect(&settings).await.unwrap()
}

/// Scores batch after batch, several at a time, as the engine in this process does.
async fn score_batches(engine: &RemoteClassificationEngine, model: &Model, batches: usize) {
    let local = LocalClassificationEngine::default();
    let all = table(batches * BATCH, 99);
    let work = (0..batches).map(|batch| {
        let rows = all.slice(batch * BATCH, BATCH);
        let local = &local;
        async move {
            let here = local.score(model, rows.clone()).await.unwrap().rows;
            let there = engine.score(model, rows).await.unwrap().rows;
            assert_eq!(here.rows(), there.rows());
            assert!(here.columns().equals_missing(there.columns()), "batch {batch}");
        }
    });
    stream::iter(work).buffer_unordered(8).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_are_sent_a_model_once_each() {
    let model = fit(1).await;
    let one = Proxy::start(serve_engine(Options::default()).await).await;
    let two = Proxy::start(serve_engine(Options::default()).await).await;
    let engine = connect(&[&one, &two]).await;
    score_batches(&engine, &model, 40).await;
    let size = model.bytes().len();
    for proxy in [&one, &two] {
        let sent = proxy.bytes_sent();
        assert!((size..size + size / 2).contains(&sent), "{sent} bytes for a model of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_replica_is_sent_the_model_again() {
    let model = fit(2).await;
    let proxy = Proxy::start(serve_engine(Options::default()).await).await;
    let engine = connect(&[&proxy]).await;
    score_batches(&engine, &model, 10).await;
    proxy.redirect(serve_engine(Options::default()).await);
    score_batches(&engine, &model, 10).await;
    let (size, sent) = (model.bytes().len(), proxy.bytes_sent());
    assert!((2 * size..2 * size + size / 2).contains(&sent), "{sent} bytes for a model of {size}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_dropped_for_another_is_sent_again() {
    let models = [fit(3).await, fit(4).await];
    let size = models[0].bytes().len();
    // Room for one of them, then for both.
    for (model_budget, uploads) in [(size + size / 2, 6), (3 * size, 2)] {
        let options = Options { model_budget, ..Options::default() };
        let proxy = Proxy::start(serve_engine(options).await).await;
        let engine = connect(&[&proxy]).await;
        for model in models.iter().cycle().take(6) {
            score_batches(&engine, model, 1).await;
        }
        let sent = proxy.bytes_sent() / (size - size / 10);
        assert_eq!(sent, uploads, "with {model_budget} bytes for models of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_without_load_model_gets_the_model_with_every_call() {
    let model = fit(5).await;
    let old = Arc::new(OldEngine::default());
    let proxy = Proxy::start(network::serve(Arc::clone(&old).routes()).await).await;
    let engine = connect(&[&proxy]).await;
    score_batches(&engine, &model, 4).await;
    assert_eq!(old.models_received(), vec![model.bytes().len(); 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_id_has_a_status_of_its_own() {
    let address = serve_engine(Options::default()).await;
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut client = ClassificationEngineClient::new(endpoint.connect().await.unwrap());
    let mut answer = async |id: Vec<u8>| {
        let parts = chunks(table(3, 1)).unwrap().map(Part::Table);
        let parts: Vec<Part> = std::iter::once(Part::ModelId(id.into())).chain(parts).collect();
        let messages =
            stream::iter(parts.into_iter().map(|part| ScoreRequest { part: Some(part) }));
        client.score(messages).await.unwrap_err()
    };
    let status = answer(vec![7; 32]).await;
    assert_eq!(status.code(), tonic::Code::NotFound);
    assert_eq!(from_status(&status).reason, MODEL_UNKNOWN);
    let status = answer(vec![7; 31]).await;
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert_eq!(from_status(&status).reason, "MODEL_ID_INVALID");
}
