//! The limits of requests: size, concurrency, time; and cancelled requests.

use std::time::{Duration, Instant};

use anomal_core::{Code, Error};
use anomal_proto::v1::{PlanRequest, feature_engine_client::FeatureEngineClient};
use anomal_rpc::Replicas;

use crate::stub::{Server, assert_error, client, eventually, extract, plan};

/// The error of a request with `count` chunks of this size.
async fn refused(replicas: &Replicas, count: usize, bytes: usize) -> Error {
    replicas.call(|channel| extract(channel, count, bytes)).await.unwrap_err()
}

#[tokio::test]
async fn a_message_that_is_too_large() {
    let server = Server::start(&[]).await;
    let replicas = client(&[server.address]).await;
    let error = refused(&replicas, 1, 5 << 20).await;
    assert_error(&error, Code::InvalidRequest, &server.address.to_string(), &["too large"]);
}

#[tokio::test]
async fn a_table_that_is_too_large() {
    let server = Server::start(&["--max-request-bytes", "3000000"]).await;
    let replicas = client(&[server.address]).await;
    let mut answers =
        replicas.call(|channel| extract(channel, 2, 1 << 20)).await.expect("it is small enough");
    assert!(answers.message().await.unwrap().is_some());
    let error = refused(&replicas, 3, 1 << 20).await;
    assert_eq!((error.code, error.reason.as_str()), (Code::ResourceExhausted, "REQUEST_TOO_LARGE"));
    assert!(error.message.contains("--max-request-bytes"), "{error}");
}

#[tokio::test]
async fn a_request_beyond_its_deadline() {
    let server = Server::start(&[]).await;
    let replicas = client(&[server.address]).await;
    let started = Instant::now();
    let error = replicas
        .call(|channel| async move {
            let settings = "sleep".to_owned();
            let mut request =
                tonic::Request::new(PlanRequest { settings, ..PlanRequest::default() });
            request.set_timeout(Duration::from_millis(300));
            FeatureEngineClient::new(channel).plan(request).await
        })
        .await
        .unwrap_err();
    let took = started.elapsed();
    assert_error(&error, Code::DeadlineExceeded, &server.address.to_string(), &["raise it"]);
    assert!(Duration::from_millis(200) < took && took < Duration::from_millis(1_300), "{took:?}");
    eventually(|| server.cancelled().then_some(())).await;
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_client_that_goes_away() {
    let server = Server::start(&["--max-concurrent-requests", "1"]).await;
    let replicas = client(&[server.address]).await;
    let request = tokio::spawn({
        let replicas = client(&[server.address]).await;
        async move { plan(&replicas, "sleep").await }
    });
    eventually(|| (server.calls() == 1).then_some(())).await;
    request.abort();
    let gone = Instant::now();
    eventually(|| server.cancelled().then_some(())).await;
    assert!(gone.elapsed() < Duration::from_secs(1));
    plan(&replicas, "").await.expect("its slot is free");
    let line = r#"method="Plan",code="Cancelled"} 1"#;
    assert!(server.metrics.text().contains(line), "{}", server.metrics.text());
}

#[tokio::test]
async fn more_requests_than_slots() {
    let server = Server::start(&["--max-concurrent-requests", "1"]).await;
    let replicas = client(&[server.address]).await;
    let busy = tokio::spawn({
        let replicas = client(&[server.address]).await;
        async move { plan(&replicas, "sleep").await }
    });
    eventually(|| (server.calls() == 1).then_some(())).await;
    let error = plan(&replicas, "").await.unwrap_err();
    assert_error(&error, Code::ResourceExhausted, &server.address.to_string(), &["try again"]);
    busy.abort();
    plan(&replicas, "").await.expect("the slot is free again");
}

/// An answer that is not read completely is still in progress.
#[tokio::test]
async fn an_answer_keeps_its_slot_until_it_is_read_or_dropped() {
    let server = Server::start(&["--max-concurrent-requests", "1"]).await;
    let replicas = client(&[server.address]).await;
    for read in [true, false] {
        let mut answers =
            replicas.call(|channel| extract(channel, 12, 1 << 10)).await.expect("a slot");
        answers.message().await.unwrap().unwrap();
        let error = plan(&replicas, "").await.unwrap_err();
        assert_eq!(error.code, Code::ResourceExhausted, "{error}");
        if read {
            while answers.message().await.unwrap().is_some() {}
        }
        drop(answers);
        plan(&replicas, "").await.expect("the slot is free again");
    }
    let text = server.metrics.text();
    for code in ["Ok", "Cancelled"] {
        let line = format!(r#"method="Extract",code="{code}"}} 1"#);
        assert!(text.contains(&line), "{text}");
    }
}
