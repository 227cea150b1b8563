//! What went wrong with an object, in words that never hold a credential.
//!
//! A store's own message may: S3 sends the key's id and the text that was signed, and an HTTP client the whole
//! URL with its signature. So nothing of it is passed on but the status, S3's error code, and what the
//! operating system said.

use std::error::Error as Cause;

use object_store::Error as StoreError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The URL, or the secret, is not one to work with.
    Settings,
    /// There is no such bucket or object.
    Missing,
    /// The credentials are wrong, or allow less.
    Refused,
    /// The store does not answer, or not rightly: worth another try.
    Unavailable,
    /// The object is another one than it was when its reading began.
    Changed,
    /// Nobody waits for it any more.
    Cancelled,
    /// The store does not do what is asked.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    pub kind: Kind,
    /// What is wrong with which object, and what to do.
    pub message: String,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn settings(message: impl Into<String>) -> Self {
        Self::new(Kind::Settings, message)
    }

    pub(crate) fn cancelled() -> Self {
        Self::new(Kind::Cancelled, "the work was cancelled")
    }

    pub(crate) fn unreadable(name: &str, error: &StoreError) -> Self {
        let (kind, told) = told(error);
        Self::new(kind, format!("{name} can't be read: {told}"))
    }

    pub(crate) fn unwritable(name: &str, error: &StoreError) -> Self {
        let (kind, told) = told(error);
        Self::new(kind, format!("{name} can't be written: {told}"))
    }

    /// The store gave no answer in time.
    pub(crate) fn silent(name: &str) -> Self {
        Self::new(
            Kind::Unavailable,
            format!("{name}: the store does not answer; try again when it does"),
        )
    }
}

fn told(error: &StoreError) -> (Kind, String) {
    let text = error.to_string();
    let answer = answer(&text);
    match error {
        StoreError::NotFound { .. } => {
            (Kind::Missing, format!("it is not there{answer}; check the bucket and the key"))
        }
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => (
            Kind::Refused,
            format!(
                "the store refuses it{answer}; check the credentials (auth.secretRef, or those of the environment) \
                 and what they allow"
            ),
        ),
        _ if text.contains("/latest/api/token") || text.contains("/computeMetadata/") => (
            Kind::Refused,
            "there are no credentials, and this machine has none of its own; name a secret by auth.secretRef, or \
             set the environment's variables"
                .into(),
        ),
        _ if chain(error).iter().any(|cause| cause.contains("scheme is not allowed")) => (
            Kind::Other,
            "its endpoint is http://, which has to be allowed: by the secret's key allowHttp, or AWS_ALLOW_HTTP or \
             AZURE_ALLOW_HTTP"
                .into(),
        ),
        _ if status(&text).is_some_and(|status| status.starts_with('4')) => {
            (Kind::Other, format!("the store does not take the request{answer}"))
        }
        _ => {
            let why = if answer.is_empty() { format!(" ({})", deepest(error)) } else { answer };
            (
                Kind::Unavailable,
                format!("the store does not answer as it should{why}; try again when it does"),
            )
        }
    }
}

/// ` (403 Forbidden, AccessDenied)`, as far as it is known.
fn answer(text: &str) -> String {
    let parts: Vec<&str> = [status(text), code(text)].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// Such as `403 Forbidden`.
fn status(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("status code: ")?;
    let end = rest.find([':', '\n']).unwrap_or(rest.len());
    Some(rest[..end].trim()).filter(|status| status.len() < 64)
}

/// S3's and Azure's word for it, such as `NoSuchBucket`.
fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let plain = code.len() < 64 && code.chars().all(|letter| letter.is_ascii_alphanumeric());
    plain.then_some(code)
}

/// The error and its causes, as text.
fn chain(error: &StoreError) -> Vec<String> {
    let mut texts = Vec::new();
    let mut cause: Option<&dyn Cause> = Some(error);
    while let Some(one) = cause {
        texts.push(one.to_string());
        cause = one.source();
    }
    texts
}

/// The innermost cause, such as `Connection refused (os error 111)`.
fn deepest(error: &StoreError) -> String {
    let text = chain(error).pop().unwrap_or_default();
    // One that names a URL may name what is signed too.
    if text.contains("://") || text.len() > 200 { "it broke off".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> StoreError {
        StoreError::Generic { store: "S3", source: text.to_owned().into() }
    }

    #[test]
    fn only_status_and_code_are_passed_on() {
        let body = "Server returned non-2xx status code: 403 Forbidden: <Error><Code>InvalidAccessKeyId</Code>\
            <AWSAccessKeyId>AKIASECRET</AWSAccessKeyId></Error>";
        let refused =
            StoreError::PermissionDenied { path: "k".into(), source: body.to_owned().into() };
        let error = Error::unreadable("s3://b/k", &refused);
        assert_eq!(error.kind, Kind::Refused);
        assert!(error.message.contains("(403 Forbidden, InvalidAccessKeyId)"), "{error}");
        assert!(!error.message.contains("AKIASECRET"), "{error}");
        let signed = generic("error for url (https://h/k?X-Amz-Signature=abc)");
        let error = Error::unwritable("s3://b/k", &signed);
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(!error.message.contains("abc"), "{error}");
    }

    #[test]
    fn kinds_come_from_the_status() {
        let kind = |text: &str| told(&generic(text)).0;
        assert_eq!(kind("status code: 400 Bad Request: "), Kind::Other);
        assert_eq!(kind("status code: 503 Service Unavailable: "), Kind::Unavailable);
        assert_eq!(kind("Connection refused (os error 111)"), Kind::Unavailable);
        assert_eq!(kind("PUT http://169.254.169.254/latest/api/token timed out"), Kind::Refused);
    }
}
