//! The pages over TLS, with reloaded certificates.

use std::{fs, path::Path, sync::Arc, time::Duration};

use anomal_report::{
    HTTP_1, LocalReportEngine, Store,
    access::{Access, Mode, Options},
    serve,
};
use anomal_rpc::TlsFiles;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, ServerName},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsConnector;

use crate::server::{TOKEN, form};

/// Writes a new certificate to the files of a server.
fn certificate(folder: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["reports.test".to_owned()]).unwrap();
    fs::write(folder.join("cert"), cert.pem()).unwrap();
    fs::write(folder.join("key"), signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

/// The answer to a client that trusts this certificate.
async fn send(
    address: std::net::SocketAddr,
    trusted: &CertificateDer<'static>,
    request: &str,
) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("reports.test").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn cookies_are_secure_and_certificates_are_reloaded() {
    let folder = TempDir::new().unwrap();
    let first = certificate(folder.path());
    let files = TlsFiles {
        cert: folder.path().join("cert"),
        key: folder.path().join("key"),
        client_ca: None,
    };
    let certificates = files.watch(HTTP_1).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let store = Store::open(&folder.path().join("reports").to_string_lossy()).unwrap();
    let engine = LocalReportEngine::new(store, "https://reports.test");
    let options = Options { https: true, ..Options::default() };
    let access = Access::new(Mode::Token(TOKEN.to_owned()), options).unwrap();
    tokio::spawn(serve(listener, Some(certificates), engine, access, std::future::pending()));

    let get = "GET /login HTTP/1.1\r\nhost: reports.test\r\nconnection: close\r\n\r\n";
    let page = send(address, &first, get).await.unwrap();
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let form = form(TOKEN, "/");
    let sign_in = format!(
        "POST /login HTTP/1.1\r\nhost: reports.test\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    let signed_in = send(address, &first, &sign_in).await.unwrap();
    let cookie = signed_in.lines().find(|line| line.starts_with("set-cookie")).unwrap();
    assert!(cookie.contains("; Secure"), "{cookie}");

    let next = certificate(folder.path());
    let started = std::time::Instant::now();
    while send(address, &next, get).await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(20), "the new certificate is not used");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let error = send(address, &first, get).await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
}
