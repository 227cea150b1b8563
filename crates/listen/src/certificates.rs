//! A server's certificates, in files that may be replaced. New connections use the new files; existing connections
//! continue with the certificates that they started with.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::sync::watch;

/// How often the files are read. Kubernetes replaces a link to their folder, which a watch of a file does not detect.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The configuration for new connections.
pub type Certificates = watch::Receiver<Arc<ServerConfig>>;

/// The files of a server's certificate, and of the authorities of client certificates.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate chain, that of the server first.
    pub cert: PathBuf,
    pub key: PathBuf,
    /// The authorities of client certificates. None: clients need no certificate.
    pub client_ca: Option<PathBuf>,
}

/// The contents of the files.
#[derive(PartialEq)]
struct PemContents {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl TlsFiles {
    /// Reads the files now, and whenever they change while the returned value exists. `protocol` is the ALPN protocol of the
    /// connections; empty: none.
    ///
    /// # Errors
    /// With the file, if one can't be read or has no certificate. Later errors are logged, and the last valid
    /// certificates are used.
    pub async fn watch(self, protocol: &'static [u8]) -> Result<Certificates, String> {
        let content = self.read().await?;
        let config = self.config(&content, protocol)?;
        let (sender, receiver) = watch::channel(Arc::new(config));
        tokio::spawn(watch_files(self, content, protocol, sender));
        Ok(receiver)
    }

    async fn read(&self) -> Result<PemContents, String> {
        let client_ca = match &self.client_ca {
            Some(file) => Some(read(file).await?),
            None => None,
        };
        Ok(PemContents { cert: read(&self.cert).await?, key: read(&self.key).await?, client_ca })
    }

    fn config(&self, content: &PemContents, protocol: &[u8]) -> Result<ServerConfig, String> {
        let provider = Arc::new(default_provider());
        let failed = |error: &dyn std::fmt::Display| {
            format!("cannot serve with {}: {error}", self.cert.display())
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?;
        let builder = match (&self.client_ca, &content.client_ca) {
            (Some(file), Some(pem)) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(
                    Arc::new(authorities(file, pem)?),
                    provider,
                );
                let refused = |error| format!("{}: {error}", file.display());
                builder.with_client_cert_verifier(verifier.build().map_err(refused)?)
            }
            _ => builder.with_no_client_auth(),
        };
        let key = PrivateKeyDer::from_pem_slice(&content.key).map_err(|error| {
            format!("{} has no private key in PEM: {error}", self.key.display())
        })?;
        let chain = chain(&self.cert, &content.cert)?;
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| format!("{}; is {} its key?", failed(&error), self.key.display()))?;
        config.alpn_protocols.extend((!protocol.is_empty()).then(|| protocol.to_vec()));
        Ok(config)
    }
}

/// Reads the files until the server has stopped.
async fn watch_files(
    files: TlsFiles,
    mut current: PemContents,
    protocol: &'static [u8],
    sender: watch::Sender<Arc<ServerConfig>>,
) {
    // The last error, and whether it was logged. An error is logged when it occurs twice in a row: while the files are
    // being replaced, they may not match for a moment.
    let mut last_error: Option<(String, bool)> = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = sender.closed() => return,
        }
        let read = match files.read().await {
            Ok(content) if content == current => Ok(None),
            Ok(content) => files.config(&content, protocol).map(|config| Some((content, config))),
            Err(error) => Err(error),
        };
        match (read, &mut last_error) {
            (Ok(None), _) => last_error = None,
            (Ok(Some((content, config))), _) => {
                (current, last_error) = (content, None);
                sender.send_replace(Arc::new(config));
                tracing::info!(cert = %files.cert.display(), "serving with new certificates");
            }
            (Err(error), Some((before, logged))) if *before == error => {
                if !std::mem::replace(logged, true) {
                    tracing::warn!("{error}; still serving with the last valid certificates");
                }
            }
            (Err(error), _) => last_error = Some((error, false)),
        }
    }
}

async fn read(file: &Path) -> Result<Vec<u8>, String> {
    let content = tokio::fs::read(file).await;
    content.map_err(|error: io::Error| format!("cannot read {}: {error}", file.display()))
}

fn chain(file: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => {
            Err(format!("{} has no certificate in PEM", file.display()))
        }
        Ok(chain) => Ok(chain),
        Err(error) => Err(format!("{} is not in PEM: {error}", file.display())),
    }
}

fn authorities(file: &Path, pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(file, pem)? {
        roots.add(certificate).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(roots)
}
