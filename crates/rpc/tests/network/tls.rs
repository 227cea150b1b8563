//! TLS with certificates from files, and the messages of its failures.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anomal_core::Code;
use anomal_rpc::replicas::{Options, Resolver};
use anomal_spec::Tls;

use crate::{
    certificates::{Certificates, NAME, secure_client},
    stub::{Server, assert_error, check, client, client_with, plan, quick},
};

#[tokio::test]
async fn a_server_with_a_trusted_certificate_is_used() {
    let files = Certificates::new();
    let server = files.server(&[]).await;
    let replicas = secure_client(&server, files.trusted(NAME)).await;
    check(&replicas).await.unwrap();
    assert_eq!(plan(&replicas, "x").await.unwrap().settings, "x");
}

#[tokio::test]
async fn an_untrusted_certificate_is_not_retried() {
    let files = Certificates::new();
    let server = files.server(&[]).await;
    let (endpoint, address) = (format!("https://{}", server.address), server.address.to_string());
    let stranger = Certificates::new();
    let others = [
        (stranger.trusted(NAME), "invalid peer certificate"),
        (files.trusted("other.test"), "not valid for"),
    ];
    let mut options = quick();
    // A retry would take long.
    options.pace.patience = Duration::from_mins(1);
    for (tls, cause) in others {
        let replicas = client_with(vec![endpoint.clone()], Some(tls), options.clone()).await;
        let started = Instant::now();
        for error in [check(&replicas).await.unwrap_err(), plan(&replicas, "").await.unwrap_err()] {
            assert_eq!(error.reason, "CERTIFICATE_REFUSED", "{error}");
            assert_error(&error, Code::Incompatible, &address, &[cause, "`tls.ca`"]);
        }
        assert!(started.elapsed() < Duration::from_secs(2));
    }
    assert_eq!(server.calls(), 0);
}

#[tokio::test]
async fn https_to_a_server_without_a_certificate() {
    let files = Certificates::new();
    let server = Server::start(&[]).await;
    let endpoint = format!("https://{}", server.address);
    let replicas = client_with(vec![endpoint], Some(files.trusted(NAME)), quick()).await;
    let address = server.address.to_string();
    for error in [check(&replicas).await.unwrap_err(), plan(&replicas, "").await.unwrap_err()] {
        assert_error(&error, Code::Incompatible, &address, &["TLS", "use http://"]);
    }
}

#[tokio::test]
async fn http_to_a_server_with_a_certificate() {
    let files = Certificates::new();
    let server = files.server(&[]).await;
    let replicas = client(&[server.address]).await;
    let started = Instant::now();
    for error in [check(&replicas).await.unwrap_err(), plan(&replicas, "").await.unwrap_err()] {
        // Its alert is not HTTP/2, or is lost when it closes the connection.
        let code = if error.code == Code::Unavailable { error.code } else { Code::Incompatible };
        assert_error(&error, code, &server.address.to_string(), &["http or https"]);
    }
    assert!(started.elapsed() < Duration::from_secs(3));
}

/// Resolves every name to one address.
#[derive(Debug)]
struct FixedResolver(SocketAddr);

#[tonic::async_trait]
impl Resolver for FixedResolver {
    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![self.0])
    }
}

/// As with a headless Service: its name has the addresses of pods, and the certificate is for the name.
#[tokio::test]
async fn the_certificate_is_verified_for_the_name_not_the_address() {
    let files = Certificates::new();
    let server = files.server(&[]).await;
    let tls = Tls { ca: Some(files.file("ca")), ..Tls::default() };
    let options = || Options { resolver: Arc::new(FixedResolver(server.address)), ..quick() };
    let endpoint = |name: &str| vec![format!("https://{name}:7401")];
    let replicas = client_with(endpoint(NAME), Some(tls.clone()), options()).await;
    plan(&replicas, "x").await.unwrap();
    let replicas = client_with(endpoint("other.test"), Some(tls), options()).await;
    let error = plan(&replicas, "").await.unwrap_err();
    assert_error(
        &error,
        Code::Incompatible,
        &server.address.to_string(),
        &["not valid for", "other.test"],
    );
}
