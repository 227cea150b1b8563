//! Certificates that are replaced, and client certificates.

use std::time::{Duration, Instant};

use anomal_core::{Code, Error};
use anomal_rpc::Replicas;
use tokio::net::TcpStream;

use crate::{
    certificates::{Certificates, NAME, secure_client},
    stub::{assert_error, check, eventually_async, extract, plan},
};

async fn works(replicas: &Replicas) -> bool {
    plan(replicas, "x").await.is_ok()
}

#[tokio::test]
async fn new_connections_use_new_certificates_and_running_calls_succeed() {
    let (files, next) = (Certificates::new(), Certificates::new());
    let trust = Certificates::new();
    trust.copy_from(&files);
    let server = files.server(&[]).await;
    let before = secure_client(&server, trust.trusted(NAME)).await;
    let mut answers = before.call(|channel| extract(channel, 12, 10)).await.unwrap();
    answers.message().await.unwrap().unwrap();

    files.copy_from(&next);
    let after = secure_client(&server, next.trusted(NAME)).await;
    eventually_async(async || works(&after).await).await;
    let late = secure_client(&server, trust.trusted(NAME)).await;
    assert_eq!(plan(&late, "").await.unwrap_err().reason, "CERTIFICATE_REFUSED");

    // The old connection still works.
    plan(&before, "x").await.unwrap();
    let mut rest = 0;
    while answers.message().await.unwrap().is_some() {
        rest += 1;
    }
    assert_eq!(rest, 11);
}

#[tokio::test]
async fn an_invalid_new_certificate_is_not_used() {
    let (files, next) = (Certificates::new(), Certificates::new());
    let trust = Certificates::new();
    trust.copy_from(&files);
    let server = files.server(&[]).await;
    let bad = [("ca", "x"), ("cert", "no certificate"), ("key", "no key")];
    files.replace(&bad.map(|(name, text)| (name, text.to_owned())));
    // Long enough for the files to be read twice.
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(2_500) {
        let new = secure_client(&server, trust.trusted(NAME)).await;
        plan(&new, "x").await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The files are still watched.
    files.copy_from(&next);
    let after = secure_client(&server, next.trusted(NAME)).await;
    eventually_async(async || works(&after).await).await;
}

#[tokio::test]
async fn invalid_files_are_reported_at_the_start() {
    let files = Certificates::new();
    let other = Certificates::new();
    let (cert, key) = (files.file("cert"), other.file("key"));
    let served = crate::stub::serve_once(&["--tls-cert", &cert, "--tls-key", &key]).await;
    let error = served.unwrap_err().to_string();
    assert!(error.contains(&cert) && error.contains(&key), "{error}");
    let served = crate::stub::serve_once(&["--tls-cert", "/none", "--tls-key", &key]).await;
    let error = served.unwrap_err().to_string();
    assert!(error.contains("cannot read /none"), "{error}");
}

/// The errors of a check and of a call.
async fn errors(replicas: &Replicas) -> [Error; 2] {
    [check(replicas).await.unwrap_err(), plan(replicas, "").await.unwrap_err()]
}

#[tokio::test]
async fn a_server_can_require_client_certificates() {
    let (files, clients, strangers) =
        (Certificates::new(), Certificates::new(), Certificates::new());
    let server = files.server(&["--client-ca", &clients.file("ca")]).await;
    let address = server.address.to_string();

    let known = secure_client(&server, clients.client_of(&files)).await;
    check(&known).await.unwrap();
    plan(&known, "x").await.unwrap();

    let none = secure_client(&server, files.trusted(NAME)).await;
    for error in errors(&none).await {
        assert_error(&error, Code::Unauthenticated, &address, &["`tls.cert`", "`tls.key`"]);
        assert_eq!(error.reason, "CLIENT_CERTIFICATE_MISSING");
    }
    let stranger = secure_client(&server, strangers.client_of(&files)).await;
    for error in errors(&stranger).await {
        assert_error(&error, Code::Unauthenticated, &address, &["--client-ca"]);
        assert_eq!(error.reason, "CLIENT_CERTIFICATE_REFUSED");
    }
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn a_client_uses_its_new_certificate() {
    let (files, clients) = (Certificates::new(), Certificates::new());
    let server = files.server(&["--client-ca", &clients.file("ca")]).await;
    let changing = Certificates::new();
    let replicas = secure_client(&server, changing.client_of(&files)).await;
    assert_eq!(plan(&replicas, "").await.unwrap_err().reason, "CLIENT_CERTIFICATE_REFUSED");
    // Invalid files are not used.
    changing.replace(&["ca", "cert", "key"].map(|name| (name, "none".to_owned())));
    assert_eq!(plan(&replicas, "").await.unwrap_err().reason, "CLIENT_CERTIFICATE_REFUSED");
    changing.copy_from(&clients);
    eventually_async(async || works(&replicas).await).await;
}

#[tokio::test]
async fn silent_clients_do_not_block_others() {
    let files = Certificates::new();
    let server = files.server(&[]).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    let started = Instant::now();
    let replicas = secure_client(&server, files.trusted(NAME)).await;
    plan(&replicas, "x").await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    drop(silent);
}
