//! Authorities and certificates in files, replaced as Kubernetes replaces those of a Secret.

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

use crate::stub::{Server, client_of, quick};

pub const NAME: &str = "engine.test";

/// An authority and a certificate of it, in the files `ca`, `cert` and `key`.
pub struct Certificates {
    folder: TempDir,
    versions: AtomicUsize,
    contents: [(&'static str, String); 3],
}

impl Certificates {
    pub fn make() -> Self {
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

    /// All files at once: the folder that they are in is a link, which is put in the place of the one before.
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

    /// Takes over the files of another.
    pub fn become_as(&self, other: &Self) {
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

    /// That caller, with a certificate of its own.
    pub fn shown_to(&self, server: &Self) -> Tls {
        let (cert, key) = (Some(self.file("cert")), Some(self.file("key")));
        Tls { cert, key, ..server.trusted(NAME) }
    }
}

/// A client of that server.
pub async fn secured(server: &Server, tls: Tls) -> Arc<Replicas> {
    client_of(vec![format!("https://{}", server.address)], Some(tls), quick()).await
}
