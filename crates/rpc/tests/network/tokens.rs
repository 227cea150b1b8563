//! Servers that require tokens, and clients whose token is in a file.

use std::{fs, sync::Arc, time::Duration};

use anomal_access::Reviews;
use anomal_core::Code;
use anomal_rpc::Replicas;
use anomal_spec::RemoteEngine;
use tempfile::NamedTempFile;
use tonic::transport::Channel;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::{
    fake_api::{FakeApi, Fault, now, service_account},
    stub::{PLACE, Server, assert_error, check, eventually_async, plan, quick},
};

/// A server that accepts the tokens of this API server.
async fn guarded_server(api: &FakeApi) -> Server {
    let reviews = Reviews::new(api.client(), "anomal".to_owned(), Duration::from_secs(5));
    Server::start_guarded(&[], Some(Arc::new(reviews))).await
}

async fn client_with_token(server: &Server, file: Option<&NamedTempFile>) -> Arc<Replicas> {
    let settings = RemoteEngine {
        endpoints: vec![format!("http://{}", server.address)],
        token_file: file.map(|file| file.path().display().to_string()),
        ..RemoteEngine::default()
    };
    Replicas::with_options(&settings, PLACE, quick()).await.unwrap()
}

fn file(content: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    file
}

#[tokio::test]
async fn only_a_token_for_this_service_is_accepted() {
    let right = service_account("bank", "runner", "anomal", now() + 3600);
    let other = service_account("bank", "runner", "vault", now() + 3600);
    let expired = service_account("bank", "runner", "anomal", now() - 1);
    let tokens = [right.0.clone(), other.0.clone(), expired.0.clone()];
    let api = FakeApi::start(vec![right, other, expired], Vec::new()).await;
    let server = guarded_server(&api).await;
    let address = server.address.to_string();

    let known = client_with_token(&server, Some(&file(&format!("{}\n", tokens[0])))).await;
    check(&known).await.unwrap();
    for _ in 0..5 {
        plan(&known, "x").await.unwrap();
    }
    // Reviews are cached.
    assert_eq!(api.questions(), (1, 0));

    let anonymous = client_with_token(&server, None).await;
    for error in [check(&anonymous).await.unwrap_err(), plan(&anonymous, "").await.unwrap_err()] {
        assert_error(&error, Code::Unauthenticated, &address, &["`engines.feature.tokenFile`"]);
        assert_eq!(error.reason, "NO_TOKEN");
    }
    for token in [&tokens[1], &tokens[2], &"made-up".to_owned()] {
        let stranger = client_with_token(&server, Some(&file(token))).await;
        for error in [check(&stranger).await.unwrap_err(), plan(&stranger, "").await.unwrap_err()] {
            assert_error(&error, Code::Unauthenticated, &address, &["\"anomal\"", "tokenFile`"]);
            assert_eq!(error.reason, "WRONG_TOKEN");
            assert!(!error.message.contains(token), "{error}");
        }
    }
    assert_eq!(server.calls(), 5);
    let refused = r#"anomal_grpc_requests_refused_total{code="Unauthenticated"} 8"#;
    assert!(server.metrics.text().contains(refused), "{}", server.metrics.text());
}

#[tokio::test]
async fn callers_are_refused_if_their_token_can_not_be_reviewed() {
    let (token, account) = service_account("bank", "runner", "anomal", now() + 3600);
    let api = FakeApi::start(vec![(token.clone(), account)], Vec::new()).await;
    api.set_fault(Fault::Forbidden);
    let server = guarded_server(&api).await;
    let replicas = client_with_token(&server, Some(&file(&token))).await;
    let error = plan(&replicas, "").await.unwrap_err();
    assert_error(
        &error,
        Code::Unavailable,
        &server.address.to_string(),
        &["may not create reviews"],
    );
    assert_eq!(server.calls(), 0);
    // The failure is not cached.
    api.set_fault(Fault::None);
    plan(&replicas, "x").await.unwrap();
}

#[tokio::test]
async fn health_requires_no_token() {
    let api = FakeApi::start(Vec::new(), Vec::new()).await;
    let server = guarded_server(&api).await;
    let channel = Channel::from_shared(format!("http://{}", server.address)).unwrap();
    let mut health = HealthClient::new(channel.connect().await.unwrap());
    let request = HealthCheckRequest { service: crate::stub::SERVICE.into() };
    health.check(request).await.unwrap();
    assert_eq!(api.questions(), (0, 0));
}

#[tokio::test]
async fn a_renewed_token_is_sent() {
    let (token, account) = service_account("bank", "runner", "anomal", now() + 3600);
    let api = FakeApi::start(vec![(token.clone(), account)], Vec::new()).await;
    let server = guarded_server(&api).await;
    let file = file("the-one-from-before");
    let replicas = client_with_token(&server, Some(&file)).await;
    assert_eq!(plan(&replicas, "").await.unwrap_err().code, Code::Unauthenticated);
    fs::write(file.path(), &token).unwrap();
    eventually_async(async || plan(&replicas, "x").await.is_ok()).await;
    // While the file is missing, the last token is sent.
    drop(file);
    plan(&replicas, "x").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    plan(&replicas, "x").await.unwrap();
}

#[tokio::test]
async fn a_file_without_a_token_is_reported_with_its_path() {
    let (empty, strange) = (file("\n"), file("two words"));
    let cases = [
        ("/nowhere/token".to_owned(), "cannot read"),
        (empty.path().display().to_string(), "is empty"),
        (strange.path().display().to_string(), "characters"),
    ];
    for (name, cause) in cases {
        let settings = RemoteEngine {
            endpoints: vec!["http://127.0.0.1:1".into()],
            token_file: Some(name.clone()),
            ..RemoteEngine::default()
        };
        let error = Replicas::with_options(&settings, PLACE, quick()).await.unwrap_err();
        assert_error(&error, Code::InvalidSettings, &name, &[cause]);
        assert_eq!(error.violations[0].path, "engines.feature.tokenFile");
    }
}
