//! Servers that are no engine, or of another version: each gives an error in a limited time, with the address and what to
//! do.

use std::{
    future::Future,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anomal_core::{Code, Error};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_stream::wrappers::TcpListenerStream;

use crate::stub::{Server, assert_error, check, client, plan};

/// A listener that does this with each connection.
async fn peer<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handle(stream));
        }
    });
    address
}

/// The errors of a check and of a call, each within a few seconds.
async fn errors(address: SocketAddr) -> [Error; 2] {
    let replicas = client(&[address]).await;
    let started = Instant::now();
    let errors = [check(&replicas).await.unwrap_err(), plan(&replicas, "").await.unwrap_err()];
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    errors
}

#[tokio::test]
async fn no_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for error in errors(address).await {
        assert_error(
            &error,
            Code::Unavailable,
            &address.to_string(),
            &["refused", "check that it runs"],
        );
    }
}

#[tokio::test]
async fn a_server_that_never_answers() {
    let address = peer(|mut stream| async move {
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
    })
    .await;
    for error in errors(address).await {
        assert_error(&error, Code::Unavailable, &address.to_string(), &["check that it"]);
    }
}

#[tokio::test]
async fn a_server_that_sends_a_byte_now_and_then() {
    let address = peer(|mut stream| async move {
        // The start of a frame of settings, which never ends.
        let _ = stream.write_all(&[0, 0, 60, 4, 0, 0, 0, 0, 0]).await;
        while stream.write_all(&[0]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await;
    for error in errors(address).await {
        assert_error(&error, Code::Unavailable, &address.to_string(), &["check that it"]);
    }
}

#[tokio::test]
async fn a_server_that_closes_connections() {
    let address = peer(|stream| async move { drop(stream) }).await;
    for error in errors(address).await {
        assert_error(&error, Code::Unavailable, &address.to_string(), &["check that it runs"]);
    }
}

#[tokio::test]
async fn a_server_of_http_1() {
    let address = peer(|mut stream| async move {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(answer).await;
        // The end of the connection could be seen before the answer.
        while stream.read(&mut request).await.is_ok_and(|length| length > 0) {}
    })
    .await;
    for error in errors(address).await {
        assert_error(
            &error,
            Code::Incompatible,
            &address.to_string(),
            &["no engine", "check the address"],
        );
    }
}

#[tokio::test]
async fn a_server_of_another_service() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_reporter, health) = tonic_health::server::health_reporter();
    let server = tonic::transport::Server::builder().add_service(health);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    for error in errors(address).await {
        assert_error(
            &error,
            Code::Incompatible,
            &address.to_string(),
            &["no engine", "check the address"],
        );
    }
}

#[tokio::test]
async fn an_engine_of_another_version() {
    let server = Server::start(&[]).await;
    let replicas = client(&[server.address]).await;
    let error = plan(&replicas, "version").await.unwrap_err();
    assert_error(
        &error,
        Code::Incompatible,
        &server.address.to_string(),
        &["as the test wants it"],
    );
    assert_eq!((error.reason.as_str(), server.calls()), ("SETTINGS_VERSION", 1));
}
