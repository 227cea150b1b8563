//! TLS from files, and what a person reads where it fails.

use std::time::{Duration, Instant};

use anomal_core::Code;
use anomal_spec::Tls;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::stub::{Server, check, client, client_of, plan, quick, told};

const NAME: &str = "engine.test";

/// An authority and a certificate of it, in files.
struct Certificates {
    folder: TempDir,
}

impl Certificates {
    fn make() -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let ca = authority.self_signed(&key).unwrap();
        let issuer = Issuer::new(authority, key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let folder = TempDir::new().unwrap();
        let files = [("ca", ca.pem()), ("cert", certificate.pem()), ("key", key.serialize_pem())];
        for (name, pem) in files {
            std::fs::write(folder.path().join(name), pem).unwrap();
        }
        Self { folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    async fn server(&self) -> Server {
        Server::start(&["--tls-cert", &self.file("cert"), "--tls-key", &self.file("key")]).await
    }

    fn trusted(&self, name: &str) -> Tls {
        Tls { ca: Some(self.file("ca")), server_name: Some(name.into()), ..Tls::default() }
    }
}

#[tokio::test]
async fn a_server_with_a_trusted_certificate_is_used() {
    let files = Certificates::make();
    let server = files.server().await;
    let endpoint = format!("https://{}", server.address);
    let replicas = client_of(vec![endpoint], Some(files.trusted(NAME)), quick()).await;
    check(&replicas).await.unwrap();
    assert_eq!(plan(&replicas, "x").await.unwrap().settings, "x");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_no_lost_connection() {
    let files = Certificates::make();
    let server = files.server().await;
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
    let server = files.server().await;
    let replicas = client(&[server.address]).await;
    let started = Instant::now();
    for error in [check(&replicas).await.unwrap_err(), plan(&replicas, "").await.unwrap_err()] {
        // Its alert is no HTTP/2, or is lost when it hangs up.
        let code = if error.code == Code::Unavailable { error.code } else { Code::Incompatible };
        told(&error, code, &server.address.to_string(), &["http or https"]);
    }
    assert!(started.elapsed() < Duration::from_secs(3));
}
