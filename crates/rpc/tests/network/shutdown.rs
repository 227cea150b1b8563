//! Stopping a server: requests in progress end, new ones are refused, and the health reports it.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anomal_core::Code;
use tonic::{Streaming, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};

use crate::stub::{SERVICE, Server, assert_error, client, eventually, extract, plan};

async fn watch(server: &Server, service: &str) -> Streaming<HealthCheckResponse> {
    let channel =
        Channel::from_shared(format!("http://{}", server.address)).unwrap().connect().await;
    let request = HealthCheckRequest { service: service.into() };
    HealthClient::new(channel.unwrap()).watch(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn requests_in_progress_end_and_new_ones_are_refused() {
    let mut server = Server::start(&[]).await;
    let replicas = client(&[server.address]).await;
    let mut answers = replicas.call(|channel| extract(channel, 12, 10)).await.unwrap();
    answers.message().await.unwrap().unwrap();

    server.request_stop();
    let refused = || TcpStream::connect(server.address).is_err().then_some(());
    eventually(refused).await;
    let late = client(&[server.address]).await;
    let error = plan(&late, "").await.unwrap_err();
    assert_error(&error, Code::Unavailable, &server.address.to_string(), &["cannot reach"]);

    let mut rest = 0;
    while answers.message().await.unwrap().is_some() {
        rest += 1;
    }
    assert_eq!(rest, 11, "the answer is complete");
    drop((answers, replicas));
    server.stopped().await;
}

#[tokio::test]
async fn the_health_changes_to_not_serving() {
    let mut server = Server::start(&[]).await;
    let mut watchers = [watch(&server, "").await, watch(&server, SERVICE).await];
    for watcher in &mut watchers {
        let response = watcher.message().await.unwrap().unwrap();
        assert_eq!(response.status(), ServingStatus::Serving);
    }
    let started = Instant::now();
    server.request_stop();
    for watcher in &mut watchers {
        let response = watcher.message().await.unwrap().unwrap();
        assert_eq!(response.status(), ServingStatus::NotServing);
    }
    // Open watches do not delay the stop.
    server.stopped().await;
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn requests_are_aborted_at_the_end_of_the_grace_period() {
    let mut server = Server::start(&["--grace-period", "1"]).await;
    let request = tokio::spawn({
        let replicas = client(&[server.address]).await;
        async move { plan(&replicas, "sleep").await }
    });
    eventually(|| (server.calls() == 1).then_some(())).await;
    let started = Instant::now();
    server.request_stop();
    server.stopped().await;
    assert!(started.elapsed() < Duration::from_secs(3));
    let address = server.address.to_string();
    server.die();
    assert_error(&request.await.unwrap().unwrap_err(), Code::Unavailable, &address, &[]);
}

fn get(port: u16, path: &str) -> String {
    let address: SocketAddr = (Ipv4Addr::LOCALHOST, port).into();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_served_unless_they_are_off() {
    let server = Server::start(&["--metrics-listen", "127.0.0.1:0"]).await;
    let replicas = client(&[server.address]).await;
    plan(&replicas, "").await.unwrap();
    let ports: serde_json::Value = serde_json::from_str(&server.ports).unwrap();
    let http = u16::try_from(ports["http"].as_u64().unwrap()).unwrap();
    assert!(get(http, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(get(http, "/readyz").contains("ready"));
    let metrics = get(http, "/metrics");
    assert!(metrics.contains(r#"anomal_grpc_requests_total{method="Plan",code="Ok"} 1"#));
    assert!(metrics.contains("anomal_grpc_requests_in_flight 0"), "{metrics}");

    let server = Server::start(&["--metrics-listen", "off"]).await;
    assert_eq!(server.ports, format!("{{\"grpc\":{},\"http\":null}}\n", server.address.port()));
}
