//! Errors of stores, without credentials in their messages.
//!
//! A store's own message may contain some: S3 sends the key id and the signed text, and an HTTP client the whole URL with
//! its signature. So only the status, S3's error code, and the operating system's message are passed on.

use std::error::Error as Cause;

use object_store::Error as StoreError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The URL or the secret is invalid.
    Settings,
    /// The bucket or object does not exist.
    Missing,
    /// The credentials are wrong or insufficient.
    Denied,
    /// The store is unavailable; a retry may succeed.
    Unavailable,
    /// The object was replaced while it was read.
    Changed,
    /// The process was asked to stop.
    Cancelled,
    /// Any other refusal.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    pub kind: Kind,
    /// The object, the problem, and the remedy.
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
        let (kind, reason) = describe(error);
        Self::new(kind, format!("{name} can't be read: {reason}"))
    }

    pub(crate) fn unwritable(name: &str, error: &StoreError) -> Self {
        let (kind, reason) = describe(error);
        Self::new(kind, format!("{name} can't be written: {reason}"))
    }

    /// The store did not answer in time.
    pub(crate) fn timeout(name: &str) -> Self {
        Self::new(Kind::Unavailable, format!("{name}: the store does not answer; try again later"))
    }
}

/// The kind of a store's error and its reason, without credentials.
fn describe(error: &StoreError) -> (Kind, String) {
    let text = error.to_string();
    let answer = answer(&text);
    match error {
        StoreError::NotFound { .. } => {
            (Kind::Missing, format!("not found{answer}; check the bucket and the key"))
        }
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => (
            Kind::Denied,
            format!(
                "the store denies access{answer}; check the credentials (auth.secretRef, or those of the environment) \
                 and their permissions"
            ),
        ),
        _ if text.contains("/latest/api/token") || text.contains("/computeMetadata/") => (
            Kind::Denied,
            "found no credentials on this machine; name a secret in auth.secretRef, or set the environment variables"
                .into(),
        ),
        _ if chain(error).iter().any(|cause| cause.contains("scheme is not allowed")) => (
            Kind::Other,
            "the endpoint uses http://, which is not allowed by default; set the secret's key allowHttp, AWS_ALLOW_HTTP \
             or AZURE_ALLOW_HTTP to true"
                .into(),
        ),
        _ if status(&text).is_some_and(|status| status.starts_with('4')) => {
            (Kind::Other, format!("the store refuses the request{answer}"))
        }
        _ => {
            let why = if answer.is_empty() { format!(" ({})", deepest(error)) } else { answer };
            (
                Kind::Unavailable,
                format!("the store is unavailable{why}; try again later"),
            )
        }
    }
}

/// ` (403 Forbidden, AccessDenied)`, as far as available.
fn answer(text: &str) -> String {
    let parts: Vec<&str> = [status(text), code(text)].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// The status, such as `403 Forbidden`.
fn status(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("status code: ")?;
    let end = rest.find([':', '\n']).unwrap_or(rest.len());
    Some(rest[..end].trim()).filter(|status| status.len() < 64)
}

/// The error code of S3 and Azure, such as `NoSuchBucket`.
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
    // A URL may contain a signature.
    if text.contains("://") || text.len() > 200 { "the connection broke".into() } else { text }
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
        assert_eq!(error.kind, Kind::Denied);
        assert!(error.message.contains("(403 Forbidden, InvalidAccessKeyId)"), "{error}");
        assert!(!error.message.contains("AKIASECRET"), "{error}");
        let signed = generic("error for url (https://h/k?X-Amz-Signature=abc)");
        let error = Error::unwritable("s3://b/k", &signed);
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(!error.message.contains("abc"), "{error}");
    }

    #[test]
    fn kinds_come_from_the_status() {
        let kind = |text: &str| describe(&generic(text)).0;
        assert_eq!(kind("status code: 400 Bad Request: "), Kind::Other);
        assert_eq!(kind("status code: 503 Service Unavailable: "), Kind::Unavailable);
        assert_eq!(kind("Connection refused (os error 111)"), Kind::Unavailable);
        assert_eq!(kind("PUT http://169.254.169.254/latest/api/token timed out"), Kind::Denied);
    }
}
