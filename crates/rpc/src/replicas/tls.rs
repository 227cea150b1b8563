//! The certificates for an `https` endpoint, both to verify it and to authenticate the client. The files are read again
//! from time to time; later connections use the new ones.

use std::{
    fs,
    sync::{Mutex, PoisonError},
};

use anomal_spec::Tls;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// The TLS configuration of an endpoint.
#[derive(Debug)]
pub(super) struct ClientTls {
    tls: Tls,
    /// The name that the certificate of the server must be valid for.
    name: String,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    content: PemContents,
    config: ClientTlsConfig,
    /// The number of changes.
    version: u64,
    /// The present error of the files, after it was logged.
    logged: Option<String>,
}

#[derive(Clone, PartialEq)]
struct PemContents {
    ca: Vec<u8>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl std::fmt::Debug for PemContents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content").finish_non_exhaustive()
    }
}

impl ClientTls {
    /// Reads the files. `host` is the host of the endpoint, for which the certificate must be valid unless the settings have
    /// another name.
    ///
    /// # Errors
    /// With the file that can't be used, and the cause.
    pub fn read(tls: Tls, host: &str) -> Result<Self, String> {
        let name = tls.server_name.clone().unwrap_or_else(|| host.to_owned());
        let content = PemContents::read(&tls)?;
        let config = content.config(&tls, &name)?;
        let current = Current { content, config, version: 0, logged: None };
        Ok(Self { tls, name, current: Mutex::new(current) })
    }

    /// The configuration for new connections, and its version.
    pub fn current(&self) -> (ClientTlsConfig, u64) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        (current.config.clone(), current.version)
    }

    /// Reads the files again. An error is logged once, and the last valid files are used.
    pub fn refresh(&self) {
        let content = PemContents::read(&self.tls);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let config = match &content {
            Ok(content) if *content == current.content => {
                current.logged = None;
                return;
            }
            Ok(content) => content.config(&self.tls, &self.name),
            Err(error) => Err(error.clone()),
        };
        match (content, config) {
            (Ok(content), Ok(config)) => {
                let version = current.version + 1;
                *current = Current { content, config, version, logged: None };
            }
            (_, Err(error)) if current.logged.as_ref() != Some(&error) => {
                tracing::warn!("{error}; still using the last valid certificates");
                current.logged = Some(error);
            }
            _ => {}
        }
    }
}

impl PemContents {
    fn read(tls: &Tls) -> Result<Self, String> {
        let read =
            |file: &str| fs::read(file).map_err(|error| format!("cannot read {file}: {error}"));
        let ca = tls
            .ca
            .as_deref()
            .ok_or("https requires the authorities to trust; set `tls: {ca: FILE}`")?;
        let identity = match (&tls.cert, &tls.key) {
            (Some(cert), Some(key)) => Some((read(cert)?, read(key)?)),
            (None, None) => None,
            _ => return Err("`tls.cert` and `tls.key` belong together; set both or neither".into()),
        };
        Ok(Self { ca: read(ca)?, identity })
    }

    fn config(&self, tls: &Tls, name: &str) -> Result<ClientTlsConfig, String> {
        let file = tls.ca.as_deref().unwrap_or_default();
        if !CertificateDer::pem_slice_iter(&self.ca).any(|found| found.is_ok()) {
            return Err(format!("{file} has no certificate in PEM"));
        }
        let mut config = ClientTlsConfig::new()
            .domain_name(name)
            .ca_certificate(Certificate::from_pem(&self.ca));
        if let Some((cert, key)) = &self.identity {
            config = config.identity(Identity::from_pem(cert, key));
        }
        // Only an endpoint validates the configuration.
        Endpoint::from_static("https://localhost").tls_config(config.clone()).map_err(|error| {
            let files = [tls.ca.as_deref(), tls.cert.as_deref(), tls.key.as_deref()];
            let files: Vec<_> = files.into_iter().flatten().collect();
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let cause = cause.unwrap_or_else(|| error.to_string());
            format!("cannot use {}: {cause}", files.join(", "))
        })?;
        Ok(config)
    }
}
