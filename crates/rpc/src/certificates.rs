//! A server's certificates, in files that may change: who rotates them replaces the files, and new connections
//! see the new ones. Connections that are there go on with what they began with.

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

/// How often the files are looked at. Kubernetes replaces a link to their folder, which no watch of a file sees.
const LOOK: Duration = Duration::from_secs(1);

/// What new connections are served with.
pub type Certificates = watch::Receiver<Arc<ServerConfig>>;

/// Where a server's certificate is, and whom it asks for one.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// Its chain, the server's own first.
    pub cert: PathBuf,
    pub key: PathBuf,
    /// The authorities whose certificates clients must show; none: they need not show any.
    pub client_ca: Option<PathBuf>,
}

/// What the files hold.
#[derive(PartialEq)]
struct Content {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl TlsFiles {
    /// Reads them, now and whenever they change for as long as the value lives. `protocol` is what is spoken
    /// over the connections, as ALPN has it.
    ///
    /// # Errors
    /// With the file, if one can't be read or holds no certificate. Once they were right, wrong ones are told in
    /// the log and not used.
    pub async fn watch(self, protocol: &'static [u8]) -> Result<Certificates, String> {
        let content = self.read().await?;
        let config = self.config(&content, protocol)?;
        let (sender, receiver) = watch::channel(Arc::new(config));
        tokio::spawn(follow(self, content, protocol, sender));
        Ok(receiver)
    }

    async fn read(&self) -> Result<Content, String> {
        let client_ca = match &self.client_ca {
            Some(file) => Some(read(file).await?),
            None => None,
        };
        Ok(Content { cert: read(&self.cert).await?, key: read(&self.key).await?, client_ca })
    }

    fn config(&self, content: &Content, protocol: &[u8]) -> Result<ServerConfig, String> {
        let provider = Arc::new(default_provider());
        let failed = |error: &dyn std::fmt::Display| {
            format!("{} can't be served with: {error}", self.cert.display())
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
            format!("{} holds no private key in PEM: {error}", self.key.display())
        })?;
        let chain = chain(&self.cert, &content.cert)?;
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| format!("{}; is {} its key?", failed(&error), self.key.display()))?;
        config.alpn_protocols.push(protocol.to_vec());
        Ok(config)
    }
}

/// Until nobody serves with them any more.
async fn follow(
    files: TlsFiles,
    mut known: Content,
    protocol: &'static [u8],
    sender: watch::Sender<Arc<ServerConfig>>,
) {
    // What was wrong when it was looked at last, and whether that was told: while files are being replaced
    // they do not fit each other, which is nothing to tell.
    let mut wrong: Option<(String, bool)> = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = sender.closed() => return,
        }
        let looked = match files.read().await {
            Ok(content) if content == known => Ok(None),
            Ok(content) => files.config(&content, protocol).map(|config| Some((content, config))),
            Err(error) => Err(error),
        };
        match (looked, &mut wrong) {
            (Ok(None), _) => wrong = None,
            (Ok(Some((content, config))), _) => {
                (known, wrong) = (content, None);
                sender.send_replace(Arc::new(config));
                tracing::info!(cert = %files.cert.display(), "new certificates are served with");
            }
            (Err(error), Some((before, told))) if *before == error => {
                if !std::mem::replace(told, true) {
                    tracing::warn!("{error}; the certificates from before are kept");
                }
            }
            (Err(error), _) => wrong = Some((error, false)),
        }
    }
}

async fn read(file: &Path) -> Result<Vec<u8>, String> {
    let content = tokio::fs::read(file).await;
    content.map_err(|error: io::Error| format!("{} can't be read: {error}", file.display()))
}

fn chain(file: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => {
            Err(format!("{} holds no certificate in PEM", file.display()))
        }
        Ok(chain) => Ok(chain),
        Err(error) => Err(format!("{} is no PEM: {error}", file.display())),
    }
}

fn authorities(file: &Path, pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(file, pem)? {
        roots.add(certificate).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(roots)
}
