//! Authorities and certificates in files, replaced as Kubernetes replaces the files of a Secret.

use std::{
    fs,
    os::unix::fs::symlink,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anomal_rpc::Replicas;
use anomal_spec::Tls;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::stub::{Server, client_with, quick};

pub const NAME: &str = "engine.test";

/// An authority and a certificate that it signed, in the files `ca`, `cert` and `key`.
pub struct Certificates {
    folder: TempDir,
    versions: AtomicUsize,
    contents: [(&'static str, String); 3],
}

impl Certificates {
    pub fn new() -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let ca = authority.self_signed(&key).unwrap();
        let issuer = Issuer::new(authority, key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let contents =
            [("ca", ca.pem()), ("cert", certificate.pem()), ("key", key.serialize_pem())];
        let folder = TempDir::new().unwrap();
        let made = Self { folder, versions: AtomicUsize::new(0), contents };
        made.replace(&made.contents);
        made
    }

    /// Replaces all files at once: their folder is a link, which is replaced.
    pub fn replace(&self, contents: &[(&str, String)]) {
        let version = format!("v{}", self.versions.fetch_add(1, Ordering::Relaxed));
        let folder = self.folder.path().join(&version);
        fs::create_dir(&folder).unwrap();
        for (name, content) in contents {
            fs::write(folder.join(name), content).unwrap();
        }
        let link = self.folder.path().join("next");
        symlink(&version, &link).unwrap();
        fs::rename(link, self.folder.path().join("live")).unwrap();
    }

    /// Replaces the files by those of another.
    pub fn copy_from(&self, other: &Self) {
        self.replace(&other.contents);
    }

    pub fn file(&self, name: &str) -> String {
        self.folder.path().join("live").join(name).display().to_string()
    }

    pub async fn server(&self, more: &[&str]) -> Server {
        let (cert, key) = (self.file("cert"), self.file("key"));
        let line = ["--tls-cert", &cert, "--tls-key", &key];
        Server::start(&[&line, more].concat()).await
    }

    pub fn trusted(&self, name: &str) -> Tls {
        Tls { ca: Some(self.file("ca")), server_name: Some(name.into()), ..Tls::default() }
    }

    /// The TLS settings of a client with this certificate.
    pub fn client_of(&self, server: &Self) -> Tls {
        let (cert, key) = (Some(self.file("cert")), Some(self.file("key")));
        Tls { cert, key, ..server.trusted(NAME) }
    }
}

/// A client of the server over TLS.
pub async fn secure_client(server: &Server, tls: Tls) -> Arc<Replicas> {
    client_with(vec![format!("https://{}", server.address)], Some(tls), quick()).await
}
