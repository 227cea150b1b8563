//! Packs that are sent to replicas, and named by their digests.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::SocketAddr, sync::Arc};

use anomal_access::User;
use anomal_core::{
    Code, FeatureEngine, FeatureSettings, PackUpload, PlanRequest, Result,
    proto::{Column, DataType, Plan},
};
use anomal_feature::{
    LocalFeatureEngine, PACK_ABSENT, PackPolicy, PackStore, RemoteFeatureEngine, StoreLimits, grpc,
};
use anomal_packs::Artifact;
use anomal_rpc::{Admission, Tenant, metrics::Metrics};
use anomal_spec::{PackDetails, PackSetting, RemoteEngine};
use axum::Extension;
use polars::prelude::DataFrame;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;

fn pack(text: &str) -> Artifact {
    Artifact::from_list_file(text.to_owned()).unwrap()
}

fn engine(policy: PackPolicy) -> LocalFeatureEngine {
    LocalFeatureEngine::default().with_store(PackStore::new(policy, StoreLimits::default()))
}

/// A replica, whose callers are all of one tenant.
async fn serve(engine: &LocalFeatureEngine, tenant: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let admission = Admission::new(64, 1 << 30, Metrics::new());
    let routes = grpc::routes(Arc::new(engine.clone()), admission);
    let tenant = Tenant::from(&User { name: tenant.into(), ..User::default() });
    let routes: Routes = routes.into_axum_router().layer(Extension(tenant)).into();
    let server = tonic::transport::Server::builder().add_routes(routes);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    address
}

async fn client(replicas: &[SocketAddr]) -> RemoteFeatureEngine {
    let endpoints = replicas.iter().map(|address| format!("http://{address}")).collect();
    RemoteFeatureEngine::connect(&RemoteEngine { endpoints, ..RemoteEngine::default() })
        .await
        .unwrap()
}

async fn plan(engine: &dyn FeatureEngine, digest: &str) -> Result<Plan> {
    let details =
        PackDetails { name: "house".into(), digest: Some(digest.into()), ..PackDetails::default() };
    let packs = vec![PackSetting::Detailed(Box::new(details))];
    let settings = FeatureSettings { packs, ..FeatureSettings::default() };
    let schema = vec![Column { name: "name".into(), data_type: DataType::String.into() }];
    engine.plan(PlanRequest { settings, schema, times: Vec::new() }).await
}

fn upload(pack: &Artifact) -> Arc<PackUpload> {
    Arc::new(pack.to_upload())
}

async fn held(engine: &dyn FeatureEngine) -> Vec<String> {
    let answer = engine.list_packs().await.unwrap();
    answer.packs.into_iter().map(|pack| pack.digest).collect()
}

#[tokio::test]
async fn each_replica_is_sent_what_it_lacks() {
    let large = pack(&"name.example\n".repeat(400_000));
    let limits = StoreLimits { bytes: large.size(), ..StoreLimits::default() };
    let store = || PackStore::new(PackPolicy::Any, limits);
    let replicas = [(); 2].map(|()| LocalFeatureEngine::default().with_store(store()));
    let addresses = [serve(&replicas[0], "a").await, serve(&replicas[1], "a").await];
    let client = client(&addresses).await;
    let digest = large.pin().to_string();
    let error = plan(&client, &digest).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::NotFound, PACK_ABSENT));
    client.put_pack(upload(&large)).await.unwrap();
    let all_have_it = async || {
        for _ in 0..4 {
            plan(&client, &digest).await.unwrap();
        }
        for address in addresses {
            assert_eq!(held(&self::client(&[address]).await).await, [digest.as_str()]);
        }
    };
    all_have_it().await;
    // A replica that drops it for the pack of another tenant, or has restarted, is sent it again.
    let other = self::client(&[serve(&replicas[0], "b").await]).await;
    let pack = pack("name.example\n");
    other.put_pack(upload(&pack)).await.unwrap();
    plan(&other, &pack.pin().to_string()).await.unwrap();
    assert!(held(&self::client(&addresses[..1]).await).await.is_empty());
    all_have_it().await;
}

#[tokio::test]
async fn a_tenant_cannot_use_the_pack_of_another_by_its_digest() {
    let engine = engine(PackPolicy::Any);
    let [one, other] = [
        client(&[serve(&engine, "one").await]).await,
        client(&[serve(&engine, "other").await]).await,
    ];
    let pack = pack("name.example\n");
    let digest = pack.pin().to_string();
    one.put_pack(upload(&pack)).await.unwrap();
    let planned = plan(&one, &digest).await.unwrap();
    assert_eq!(plan(&other, &digest).await.unwrap_err().reason, PACK_ABSENT);
    assert!(held(&other).await.is_empty());
    // Not by the settings of a plan that is cached, either.
    let request = || anomal_core::ExtractRequest {
        settings: planned.settings.as_str().into(),
        columns: planned.columns.clone(),
        scope: anomal_core::Scope::Row,
        table: anomal_core::Table::new(Vec::new(), DataFrame::default()).unwrap(),
    };
    one.extract(request()).await.unwrap();
    assert_eq!(other.extract(request()).await.unwrap_err().reason, PACK_ABSENT);
}

#[tokio::test]
async fn engines_refuse_packs_by_their_policy() {
    let client = client(&[serve(&engine(PackPolicy::None), "a").await]).await;
    let pack = pack("name.example\n");
    client.put_pack(upload(&pack)).await.unwrap();
    let error = plan(&client, &pack.pin().to_string()).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::InvalidSettings, "PACK_KIND_DENIED"));
    assert_eq!(client.list_packs().await.unwrap().policy, "none");
}
