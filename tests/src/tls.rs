//! A server's own certificate authority and its certificates.

use std::{
    io::{self, ErrorKind, Write},
    net::TcpStream,
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

use crate::Workspace;

/// An authority that signs certificates for servers and clients.
#[derive(Clone)]
pub struct Authority {
    ca: String,
    issuer: Arc<Issuer<'static, KeyPair>>,
}

impl Authority {
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // A certificate with its issuer's name would count as self-signed.
        authority.distinguished_name.push(DnType::CommonName, "authority of the tests");
        let key = KeyPair::generate().expect("a key");
        let ca = authority.self_signed(&key).expect("signed").pem();
        Self { ca, issuer: Arc::new(Issuer::new(authority, key)) }
    }

    /// Its own certificate.
    pub fn pem(&self) -> &str {
        &self.ca
    }

    /// A certificate for an address of this machine, and its key.
    pub fn certificate(&self, host: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let names = vec![host.to_owned(), "localhost".to_owned()];
        let mut certificate = CertificateParams::new(names).expect("parameters");
        certificate.use_authority_key_identifier_extension = true;
        let certificate = certificate.signed_by(&key, &self.issuer).expect("signed").pem();
        (certificate, key.serialize_pem())
    }

    /// Writes `tls.crt` and `tls.key` of a server on this machine, and `ca.crt` for its clients.
    pub fn write_server(&self, workspace: &Workspace) {
        let (certificate, key) = self.certificate("127.0.0.1");
        let files = [("tls.crt", &certificate), ("tls.key", &key), ("ca.crt", &self.ca)];
        for (name, text) in files {
            workspace.write(name, text.as_bytes());
        }
    }

    /// A client that trusts it, and has a certificate of its own if one is given with its key.
    pub fn client_with(&self, identity: Option<(&str, &str)>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(self.ca.as_bytes()).expect("a certificate");
        roots.add(ca).expect("a certificate");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("versions");
        let config = config.with_root_certificates(roots);
        Arc::new(match identity {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
                let chain = vec![certificate.expect("a certificate")];
                config.with_client_auth_cert(chain, key).expect("a client's settings")
            }
        })
    }

    /// Sends a text over an encrypted connection, and waits until the other side closes it.
    ///
    /// # Errors
    /// The other side does not take it.
    pub fn send(
        &self,
        connection: TcpStream,
        identity: Option<(&str, &str)>,
        text: &str,
    ) -> io::Result<()> {
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(self.client_with(identity), name).expect("a session");
        let mut stream = StreamOwned::new(session, connection);
        stream.write_all(text.as_bytes())?;
        stream.conn.send_close_notify();
        stream.flush()?;
        // It is closed by the other side once all is read, or at once.
        match io::copy(&mut stream, &mut io::sink()) {
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(error),
            _ => Ok(()),
        }
    }

    pub fn client(&self) -> Arc<ClientConfig> {
        self.client_with(None)
    }

    pub fn server(&self, host: &str) -> Arc<ServerConfig> {
        let (certificate, key) = self.certificate(host);
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("versions");
        let config = config.with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.expect("a certificate")], key);
        Arc::new(config.expect("a server's settings"))
    }
}
