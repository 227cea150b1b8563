//! TLS from files, and what a person reads where it fails.

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
    certificates::{Certificates, NAME, secured},
    stub::{Server, check, client, client_of, plan, quick, told},
};

#[tokio::test]
async fn a_server_with_a_trusted_certificate_is_used() {
    let files = Certificates::make();
    let server = files.server(&[]).await;
    let replicas = secured(&server, files.trusted(NAME)).await;
    check(&replicas).await.unwrap();
    assert_eq!(plan(&replicas, "x").await.unwrap().settings, "x");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_no_lost_connection() {
    let files = Certificates::make();
    let server = files.server(&[]).await;
    let (endpoint, address) = (format!("https://{}", server.address), server.address.to_string());
    let stranger = Certificates::make();
    let others = [
        (stranger.trusted(NAME), "invalid peer certificate"),
        (files.trusted("other.test"), "not valid for"),
    ];
    let mut options = quick();
    // Another try would take it long.
    options.pace.patience = Duration::from_mins(1);
    for (tls, cause) in others {
        let replicas = client_of(vec![endpoint.clone()], Some(tls), options.clone()).await;
        let started = Instant::now();
        for error in [check(&replicas).await.unwrap_err(), plan(&replicas, "").await.unwrap_err()] {
            assert_eq!(error.reason, "CERTIFICATE_REFUSED", "{error}");
            told(&error, Code::Incompatible, &address, &[cause, "`tls.ca`"]);
        }
        assert!(started.elapsed() < Duration::from_secs(2));
    }
    assert_eq!(server.calls(), 0);
}

#[tokio::test]
async fn https_to_a_server_without_a_certificate() {
    let files = Certificates::make();
    let server = Server::start(&[]).await;
    let endpoint = format!("https://{}", server.address);
    let replicas = client_of(vec![endpoint], Some(files.trusted(NAME)), quick()).await;
    let address = server.address.to_string();
    for error in [check(&replicas).await.unwrap_err(), plan(&replicas, "").await.unwrap_err()] {
        told(&error, Code::Incompatible, &address, &["TLS", "use http://"]);
    }
}

#[tokio::test]
async fn http_to_a_server_with_a_certificate() {
    let files = Certificates::make();
    let server = files.server(&[]).await;
    let replicas = client(&[server.address]).await;
    let started = Instant::now();
    for error in [check(&replicas).await.unwrap_err(), plan(&replicas, "").await.unwrap_err()] {
        // Its alert is no HTTP/2, or is lost when it hangs up.
        let code = if error.code == Code::Unavailable { error.code } else { Code::Incompatible };
        told(&error, code, &server.address.to_string(), &["http or https"]);
    }
    assert!(started.elapsed() < Duration::from_secs(3));
}

/// One address, whatever it is asked for.
#[derive(Debug)]
struct One(SocketAddr);

#[tonic::async_trait]
impl Resolver for One {
    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![self.0])
    }
}

/// As by a headless Service: its name has the pods' addresses, and the certificate is for the name.
#[tokio::test]
async fn a_name_is_verified_and_not_its_address() {
    let files = Certificates::make();
    let server = files.server(&[]).await;
    let tls = Tls { ca: Some(files.file("ca")), ..Tls::default() };
    let options = || Options { resolver: Arc::new(One(server.address)), ..quick() };
    let endpoint = |name: &str| vec![format!("https://{name}:7401")];
    let replicas = client_of(endpoint(NAME), Some(tls.clone()), options()).await;
    plan(&replicas, "x").await.unwrap();
    let replicas = client_of(endpoint("other.test"), Some(tls), options()).await;
    let error = plan(&replicas, "").await.unwrap_err();
    told(&error, Code::Incompatible, &server.address.to_string(), &["not valid for", "other.test"]);
}
