//! Calls to several replicas that are added and removed.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anomal_core::Code;
use anomal_rpc::{
    Replicas,
    replicas::{Options, Resolver},
};
use futures::future::join_all;

use crate::stub::{PLACE, Server, assert_error, client, client_with, eventually, plan, quick};

/// A resolver with the addresses that a test sets. Without any, resolving fails.
#[derive(Debug, Default)]
struct FakeResolver {
    addresses: Mutex<Vec<SocketAddr>>,
    lookups: Mutex<usize>,
}

impl FakeResolver {
    fn write(&self, servers: &[&Server]) {
        *self.addresses.lock().unwrap() = servers.iter().map(|server| server.address).collect();
    }
}

#[tonic::async_trait]
impl Resolver for FakeResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        assert_eq!((host, port), ("engines.test", 7401));
        *self.lookups.lock().unwrap() += 1;
        let addresses = self.addresses.lock().unwrap().clone();
        if addresses.is_empty() { Err(io::Error::other("no name server")) } else { Ok(addresses) }
    }
}

async fn named_client(resolver: &Arc<FakeResolver>) -> Arc<Replicas> {
    let options = Options { resolver: Arc::<FakeResolver>::clone(resolver), ..quick() };
    client_with(vec!["http://engines.test:7401".into()], None, options).await
}

async fn calls(replicas: &Replicas, count: usize) {
    for answer in join_all((0..count).map(|_| plan(replicas, "x"))).await {
        assert_eq!(answer.unwrap().settings, "x");
    }
}

#[tokio::test]
async fn calls_go_to_all_in_turn() {
    let servers = [Server::start(&[]).await, Server::start(&[]).await, Server::start(&[]).await];
    let replicas = client(&servers.each_ref().map(|server| server.address)).await;
    assert_eq!(replicas.count(), 3);
    calls(&replicas, 30).await;
    assert_eq!(servers.each_ref().map(Server::calls), [10, 10, 10]);
}

#[tokio::test]
async fn added_replicas_get_calls_and_removed_ones_do_not() {
    let (one, other) = (Server::start(&[]).await, Server::start(&[]).await);
    let resolver = Arc::new(FakeResolver::default());
    resolver.write(&[&one]);
    let replicas = named_client(&resolver).await;
    calls(&replicas, 4).await;
    resolver.write(&[&one, &other]);
    eventually(|| (replicas.count() == 2).then_some(())).await;
    calls(&replicas, 4).await;
    assert_eq!((one.calls(), other.calls()), (6, 2));
    resolver.write(&[&other]);
    eventually(|| (replicas.addresses() == [other.address]).then_some(())).await;
    calls(&replicas, 4).await;
    assert_eq!((one.calls(), other.calls()), (6, 6));
}

#[tokio::test]
async fn replicas_stay_when_a_lookup_fails() {
    let server = Server::start(&[]).await;
    let resolver = Arc::new(FakeResolver::default());
    resolver.write(&[&server]);
    let replicas = named_client(&resolver).await;
    resolver.write(&[]);
    let before = *resolver.lookups.lock().unwrap();
    eventually(|| (*resolver.lookups.lock().unwrap() > before + 2).then_some(())).await;
    assert_eq!(replicas.addresses(), [server.address]);
    calls(&replicas, 3).await;
}

#[tokio::test]
async fn a_name_without_addresses() {
    let options = Options { resolver: Arc::new(FakeResolver::default()), ..quick() };
    let settings = anomal_spec::RemoteEngine {
        endpoints: vec!["http://engines.test:7401".into()],
        ..Default::default()
    };
    let error = Replicas::with_options(&settings, PLACE, options).await.unwrap_err();
    assert_error(&error, Code::Unavailable, "engines.test:7401", &["no name server"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_dies_loses_no_call() {
    let servers = [Server::start(&[]).await, Server::start(&[]).await, Server::start(&[]).await];
    let mut options = quick();
    options.pace.patience = Duration::from_secs(5);
    let endpoints = servers.iter().map(|server| format!("http://{}", server.address)).collect();
    let replicas = client_with(endpoints, None, options).await;
    let going = tokio::spawn({
        let replicas = Arc::clone(&replicas);
        async move {
            for _ in 0..40 {
                calls(&replicas, 10).await;
            }
        }
    });
    let [one, two, three] = servers;
    eventually(|| (two.calls() > 10).then_some(())).await;
    two.die();
    going.await.unwrap();
    assert!(one.calls() + three.calls() > 100);
}

#[tokio::test]
async fn unavailable_replicas_are_retried() {
    let server = Server::start(&[]).await;
    let replicas = client(&[server.address]).await;
    plan(&replicas, "unavailable 2").await.unwrap();
    assert_eq!(server.calls(), 3);
}

#[tokio::test]
async fn other_errors_are_not_retried() {
    let server = Server::start(&[]).await;
    let replicas = client(&[server.address]).await;
    let error = plan(&replicas, "refuse").await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::InvalidSettings, "REFUSED"));
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn retries_end_with_an_error_that_has_the_address() {
    let server = Server::start(&[]).await;
    let replicas = client(&[server.address]).await;
    let started = Instant::now();
    let error = plan(&replicas, "unavailable 1000000").await.unwrap_err();
    assert_error(&error, Code::Unavailable, &server.address.to_string(), &["as the test wants it"]);
    let took = started.elapsed();
    assert!(Duration::from_millis(250) < took && took < Duration::from_secs(2), "{took:?}");
    assert!(server.calls() > 2);
}
