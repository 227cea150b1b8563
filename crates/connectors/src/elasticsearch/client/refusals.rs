//! What a user is told who gets no answer.

use anomal_core::{Code, Error};

use super::{Client, Response};

impl Client {
    /// Who asks is not known, or may not.
    pub(in crate::elasticsearch) fn denied(&self, response: &Response) -> Error {
        self.refused(response.status, &response.told())
    }

    pub(in crate::elasticsearch) fn refused(&self, status: u16, told: &str) -> Error {
        let name = self.name();
        let secret = self.0.credentials.name();
        if status == 401 {
            let remedy = match secret {
                Some(secret) => format!(
                    "check the secret {secret}: whether its values are right, and whether its key or token has expired"
                ),
                None => "name a secret by auth.secretRef".to_owned(),
            };
            let message = format!("{name} does not know who asks ({told}); {remedy}");
            return Error::new(Code::Unauthenticated, "CREDENTIALS_REFUSED", message);
        }
        let who = secret.map_or_else(
            || "whoever asks without a secret".into(),
            |secret| format!("the owner of the secret {secret}"),
        );
        let message = format!(
            "{name} does not allow it to {who} ({told}); give its role the privileges that docs/elasticsearch.md lists"
        );
        Error::new(Code::PermissionDenied, "PRIVILEGES_MISSING", message)
    }

    pub(in crate::elasticsearch) fn untrusted(&self, why: &str) -> Error {
        let message = format!(
            "{} has a certificate that is not trusted ({why}); keep the certificate of its authority as ca.crt in the \
             secret that auth.secretRef names, and check the host's name in the URL",
            self.name()
        );
        Error::new(Code::Unavailable, "CERTIFICATE_UNTRUSTED", message)
    }

    pub(in crate::elasticsearch) fn unavailable(&self, why: &str) -> Error {
        Error::new(
            Code::Unavailable,
            "CLUSTER_UNAVAILABLE",
            format!("{} does not answer as it should ({why}); try again when it does", self.name()),
        )
    }
}
