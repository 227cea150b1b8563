//! How an `https` endpoint is verified, and what the caller shows of itself. The files are read again now and
//! then: connections that are made later use the new ones.

use std::{
    fs,
    sync::{Mutex, PoisonError},
};

use anomal_spec::Tls;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// An endpoint's TLS.
#[derive(Debug)]
pub(super) struct ClientTls {
    tls: Tls,
    /// Whose name the server's certificate must hold.
    name: String,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    content: Content,
    config: ClientTlsConfig,
    /// Counts the changes.
    version: u64,
    /// What is wrong with the files now, once that was told.
    told: Option<String>,
}

#[derive(Clone, PartialEq)]
struct Content {
    ca: Vec<u8>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content").finish_non_exhaustive()
    }
}

impl ClientTls {
    /// `host`: whose certificate it should be, unless the settings name another. It is a name where the endpoint
    /// is one, whatever addresses that has.
    ///
    /// # Errors
    /// With the file that can't be used, and why.
    pub fn read(tls: Tls, host: &str) -> Result<Self, String> {
        let name = tls.server_name.clone().unwrap_or_else(|| host.to_owned());
        let content = Content::read(&tls)?;
        let config = content.config(&tls, &name)?;
        let current = Current { content, config, version: 0, told: None };
        Ok(Self { tls, name, current: Mutex::new(current) })
    }

    /// What new connections are made with, and which version of it that is.
    pub fn current(&self) -> (ClientTlsConfig, u64) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        (current.config.clone(), current.version)
    }

    /// Reads the files again. Ones that can't be used are told once, and what was there before is kept.
    pub fn refresh(&self) {
        let looked = Content::read(&self.tls);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let config = match &looked {
            Ok(content) if *content == current.content => {
                current.told = None;
                return;
            }
            Ok(content) => content.config(&self.tls, &self.name),
            Err(error) => Err(error.clone()),
        };
        match (looked, config) {
            (Ok(content), Ok(config)) => {
                let version = current.version + 1;
                *current = Current { content, config, version, told: None };
            }
            (_, Err(error)) if current.told.as_ref() != Some(&error) => {
                tracing::warn!("{error}; the certificates from before are used");
                current.told = Some(error);
            }
            _ => {}
        }
    }
}

impl Content {
    fn read(tls: &Tls) -> Result<Self, String> {
        let read =
            |file: &str| fs::read(file).map_err(|error| format!("{file} can't be read: {error}"));
        let ca =
            tls.ca.as_deref().ok_or("https needs `tls: {ca: FILE}`, the authorities to trust")?;
        let identity = match (&tls.cert, &tls.key) {
            (Some(cert), Some(key)) => Some((read(cert)?, read(key)?)),
            (None, None) => None,
            _ => return Err("`tls.cert` and `tls.key` go together; name both, or none".into()),
        };
        Ok(Self { ca: read(ca)?, identity })
    }

    fn config(&self, tls: &Tls, name: &str) -> Result<ClientTlsConfig, String> {
        let file = tls.ca.as_deref().unwrap_or_default();
        if !CertificateDer::pem_slice_iter(&self.ca).any(|found| found.is_ok()) {
            return Err(format!("{file} holds no certificate in PEM"));
        }
        let mut config = ClientTlsConfig::new()
            .domain_name(name)
            .ca_certificate(Certificate::from_pem(&self.ca));
        if let Some((cert, key)) = &self.identity {
            config = config.identity(Identity::from_pem(cert, key));
        }
        // What is wrong with it is told by the endpoint that it is given to.
        Endpoint::from_static("https://localhost").tls_config(config.clone()).map_err(|error| {
            let files = [tls.ca.as_deref(), tls.cert.as_deref(), tls.key.as_deref()];
            let files: Vec<_> = files.into_iter().flatten().collect();
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let cause = cause.unwrap_or_else(|| error.to_string());
            format!("{} can't be used: {cause}", files.join(", "))
        })?;
        Ok(config)
    }
}
