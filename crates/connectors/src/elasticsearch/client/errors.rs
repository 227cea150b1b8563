//! Errors for requests that the server refuses or does not answer.

use anomal_core::{Code, Error};

use super::{Client, Response};

impl Client {
    /// The credentials are unknown or insufficient.
    pub(in crate::elasticsearch) fn denied(&self, response: &Response) -> Error {
        self.refused(response.status, &response.describe())
    }

    pub(in crate::elasticsearch) fn refused(&self, status: u16, reason: &str) -> Error {
        let name = self.name();
        let secret = self.0.credentials.name();
        if status == 401 {
            let remedy = match secret {
                Some(secret) => format!(
                    "check the values of the secret {secret}, and whether its key or token has expired"
                ),
                None => "name a secret in auth.secretRef".to_owned(),
            };
            let message = format!("{name} does not accept the credentials ({reason}); {remedy}");
            return Error::new(Code::Unauthenticated, "CREDENTIALS_REFUSED", message);
        }
        let user = secret.map_or_else(
            || "anonymous requests".into(),
            |secret| format!("the user of the secret {secret}"),
        );
        let message = format!(
            "{name} denies access to {user} ({reason}); grant the role the privileges that docs/elasticsearch.md lists"
        );
        Error::new(Code::PermissionDenied, "PRIVILEGES_MISSING", message)
    }

    pub(in crate::elasticsearch) fn untrusted(&self, why: &str) -> Error {
        let message = format!(
            "{}: the certificate is not trusted ({why}); add the certificate of its authority as the key ca.crt to the \
             secret in auth.secretRef, and check the host name in the URL",
            self.name()
        );
        Error::new(Code::Unavailable, "CERTIFICATE_UNTRUSTED", message)
    }

    pub(in crate::elasticsearch) fn unavailable(&self, why: &str) -> Error {
        Error::new(
            Code::Unavailable,
            "CLUSTER_UNAVAILABLE",
            format!("{} is unavailable ({why}); try again later", self.name()),
        )
    }
}
