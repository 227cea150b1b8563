//! Certificates that change under a server and under a client, and clients that must show one.

use std::time::{Duration, Instant};

use anomal_core::{Code, Error};
use anomal_rpc::Replicas;
use tokio::net::TcpStream;

use crate::{
    certificates::{Certificates, NAME, secured},
    stub::{check, extract, plan, soon, told},
};

async fn works(replicas: &Replicas) -> bool {
    plan(replicas, "x").await.is_ok()
}

#[tokio::test]
async fn new_connections_see_what_was_rotated_and_old_calls_end_well() {
    let (files, next) = (Certificates::make(), Certificates::make());
    let trust = Certificates::make();
    trust.become_as(&files);
    let server = files.server(&[]).await;
    let before = secured(&server, trust.trusted(NAME)).await;
    let mut answers = before.call(|channel| extract(channel, 12, 10)).await.unwrap();
    answers.message().await.unwrap().unwrap();

    files.become_as(&next);
    let after = secured(&server, next.trusted(NAME)).await;
    soon(async || works(&after).await).await;
    let late = secured(&server, trust.trusted(NAME)).await;
    assert_eq!(plan(&late, "").await.unwrap_err().reason, "CERTIFICATE_REFUSED");

    // The connection from before is as it was.
    plan(&before, "x").await.unwrap();
    let mut rest = 0;
    while answers.message().await.unwrap().is_some() {
        rest += 1;
    }
    assert_eq!(rest, 11);
}

#[tokio::test]
async fn a_bad_new_certificate_is_kept_out() {
    let (files, next) = (Certificates::make(), Certificates::make());
    let trust = Certificates::make();
    trust.become_as(&files);
    let server = files.server(&[]).await;
    let bad = [("ca", "x"), ("cert", "no certificate"), ("key", "no key")];
    files.replace(&bad.map(|(name, text)| (name, text.to_owned())));
    // Longer than it takes to look twice.
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(2_500) {
        let new = secured(&server, trust.trusted(NAME)).await;
        plan(&new, "x").await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Nor has it stopped looking.
    files.become_as(&next);
    let after = secured(&server, next.trusted(NAME)).await;
    soon(async || works(&after).await).await;
}

#[tokio::test]
async fn what_can_not_be_served_with_is_told_at_once() {
    let files = Certificates::make();
    let other = Certificates::make();
    let (cert, key) = (files.file("cert"), other.file("key"));
    let served = crate::stub::serve_once(&["--tls-cert", &cert, "--tls-key", &key]).await;
    let error = served.unwrap_err().to_string();
    assert!(error.contains(&cert) && error.contains(&key), "{error}");
    let served = crate::stub::serve_once(&["--tls-cert", "/none", "--tls-key", &key]).await;
    let error = served.unwrap_err().to_string();
    assert!(error.contains("/none can't be read"), "{error}");
}

/// What both kinds of questions are answered.
async fn errors(replicas: &Replicas) -> [Error; 2] {
    [check(replicas).await.unwrap_err(), plan(replicas, "").await.unwrap_err()]
}

#[tokio::test]
async fn clients_show_a_certificate_where_the_server_asks_for_one() {
    let (files, clients, strangers) =
        (Certificates::make(), Certificates::make(), Certificates::make());
    let server = files.server(&["--client-ca", &clients.file("ca")]).await;
    let address = server.address.to_string();

    let known = secured(&server, clients.shown_to(&files)).await;
    check(&known).await.unwrap();
    plan(&known, "x").await.unwrap();

    let none = secured(&server, files.trusted(NAME)).await;
    for error in errors(&none).await {
        told(&error, Code::Unauthenticated, &address, &["`tls.cert`", "`tls.key`"]);
        assert_eq!(error.reason, "CLIENT_CERTIFICATE_MISSING");
    }
    let stranger = secured(&server, strangers.shown_to(&files)).await;
    for error in errors(&stranger).await {
        told(&error, Code::Unauthenticated, &address, &["--client-ca"]);
        assert_eq!(error.reason, "CLIENT_CERTIFICATE_REFUSED");
    }
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn a_client_shows_its_new_certificate() {
    let (files, clients) = (Certificates::make(), Certificates::make());
    let server = files.server(&["--client-ca", &clients.file("ca")]).await;
    let changing = Certificates::make();
    let replicas = secured(&server, changing.shown_to(&files)).await;
    assert_eq!(plan(&replicas, "").await.unwrap_err().reason, "CLIENT_CERTIFICATE_REFUSED");
    // What is no certificate changes nothing.
    changing.replace(&["ca", "cert", "key"].map(|name| (name, "none".to_owned())));
    assert_eq!(plan(&replicas, "").await.unwrap_err().reason, "CLIENT_CERTIFICATE_REFUSED");
    changing.become_as(&clients);
    soon(async || works(&replicas).await).await;
}

#[tokio::test]
async fn silent_clients_hold_up_nobody() {
    let files = Certificates::make();
    let server = files.server(&[]).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    let started = Instant::now();
    let replicas = secured(&server, files.trusted(NAME)).await;
    plan(&replicas, "x").await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    drop(silent);
}
