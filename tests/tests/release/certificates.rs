//! Certificates in Secrets, as cert-manager or a user creates them.

use anomal_tests::cluster::Namespace;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use super::chart::{list, of_kind};

/// A certificate authority.
pub struct Authority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // With equal names OpenSSL would treat a certificate as self-signed.
        params.distinguished_name.push(DnType::CommonName, "Company");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// Creates a Secret with a certificate for these names and the authority.
    pub fn secret(&self, namespace: &Namespace, name: &str, names: &[String]) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names.to_vec()).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        namespace.apply(&json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": name},
            "stringData": {"ca.crt": self.pem, "tls.crt": certificate.pem(), "tls.key": key.serialize_pem()},
        }));
    }

    /// Creates the Secrets that cert-manager creates for the Certificates among these objects.
    pub fn issue(&self, namespace: &Namespace, objects: &[Value]) {
        let certificates = of_kind(objects, "Certificate");
        assert!(!certificates.is_empty());
        for certificate in certificates {
            let spec = &certificate["spec"];
            let names =
                list(&spec["dnsNames"]).iter().map(|name| name.as_str().unwrap().to_owned());
            self.secret(
                namespace,
                spec["secretName"].as_str().unwrap(),
                &names.collect::<Vec<_>>(),
            );
        }
    }
}
