//! Errors of failed calls: a lost connection, a server that is not an engine, or an error of an engine.

use std::{error::Error as Cause, io, iter::successors, net::SocketAddr};

use anomal_core::{Code, Error};
use rustls::AlertDescription as Alert;
use tonic::Status;

use crate::{admission::BUSY, status::from_status};

/// The error with the address of its replica. A status that no engine sends is a lost connection if the transport failed,
/// and a server that is not an engine if it answered.
pub(super) fn with_address(address: SocketAddr, status: &Status) -> Error {
    let mut error = from_status(status);
    if error.reason != "REMOTE" {
        // Errors about the request do not depend on the replica.
        if retryable(&error) || matches!(error.code, Code::Incompatible | Code::DeadlineExceeded) {
            error.message = format!("the engine at {address}: {}", error.message);
        }
        return error;
    }
    if let Some(find_tls_error) = find_tls_error(status) {
        return tls_failure(address, &find_tls_error);
    }
    match error.code {
        Code::Incompatible => return incompatible(address, status),
        Code::DeadlineExceeded => {
            error.message = format!(
                "the engine at {address} took longer than its deadline; raise it, or send less at once"
            );
            return error;
        }
        _ if is_connection_lost(status) => error.code = Code::Unavailable,
        // The transport could not parse the answer.
        Code::Internal if status.source().is_some() => return incompatible(address, status),
        _ => {}
    }
    let cause = describe(status);
    error.message = match error.code {
        Code::Unavailable => format!(
            "cannot reach the engine at {address}: {cause}; check that it runs there, and whether to use http or \
             https"
        ),
        _ => format!("the engine at {address}: {cause}"),
    };
    error
}

pub(super) fn incompatible(address: SocketAddr, status: &Status) -> Error {
    Error::new(
        Code::Incompatible,
        "NO_ENGINE",
        format!(
            "the server at {address} is no engine of this type and version ({}); check the address and port (7401 \
             for a feature engine, 7402 for a classification engine), and whether to use http or https",
            describe(status)
        ),
    )
}

pub(super) fn retryable(error: &Error) -> bool {
    error.code == Code::Unavailable || error.reason == BUSY
}

/// Adds what to do about a missing or refused token, with the path in the settings.
pub(super) fn with_token_hint(mut error: Error, address: SocketAddr, place: &str) -> Error {
    if error.code == Code::Unauthenticated && !error.reason.starts_with(CLIENT_CERTIFICATE) {
        error.message = format!(
            "the engine at {address} requires a valid token: {}; set the file of a token with \
             `{place}.tokenFile`",
            error.message
        );
    }
    error
}

/// The prefix of reasons about the client certificate.
const CLIENT_CERTIFICATE: &str = "CLIENT_CERTIFICATE";

/// The error for a failure of TLS. It is not retried: the certificates would be the same.
fn tls_failure(address: SocketAddr, error: &rustls::Error) -> Error {
    let (code, reason, remedy) = match error {
        rustls::Error::InvalidCertificate(_) => (
            Code::Incompatible,
            "CERTIFICATE_REFUSED",
            "check that `tls.ca` has the authority that signed its certificate, and that the certificate is valid \
             for `tls.serverName`",
        ),
        rustls::Error::AlertReceived(Alert::CertificateRequired) => (
            Code::Unauthenticated,
            "CLIENT_CERTIFICATE_MISSING",
            "it requires a client certificate: set `tls.cert` and `tls.key`",
        ),
        rustls::Error::AlertReceived(alert) if CERTIFICATE_ALERTS.contains(alert) => (
            Code::Unauthenticated,
            "CLIENT_CERTIFICATE_REFUSED",
            "it refuses the client certificate: check that `tls.cert` is signed by the authority of the engine's \
             --client-ca, and has not expired",
        ),
        _ => (
            Code::Incompatible,
            "TLS_FAILED",
            "use http:// if it has no certificate, or set its --tls-cert and --tls-key",
        ),
    };
    let message = format!("TLS with the engine at {address} failed: {error}; {remedy}");
    Error::new(code, reason, message)
}

/// The alerts of servers for a refused or missing client certificate.
const CERTIFICATE_ALERTS: [Alert; 9] = [
    Alert::CertificateRequired,
    Alert::UnknownCA,
    Alert::BadCertificate,
    Alert::CertificateUnknown,
    Alert::CertificateExpired,
    Alert::CertificateRevoked,
    Alert::UnsupportedCertificate,
    Alert::DecryptError,
    Alert::AccessDenied,
];

fn find_tls_error(status: &Status) -> Option<rustls::Error> {
    let whole = chain(status).find_map(|cause| cause.downcast_ref().cloned());
    // With TLS 1.3, a server checks the client certificate after the client has finished its handshake. HTTP/2 reports
    // the alert only as text.
    whole.or_else(|| {
        let mut alerts = CERTIFICATE_ALERTS.into_iter().map(rustls::Error::AlertReceived);
        let texts: Vec<String> = chain(status).map(ToString::to_string).collect();
        alerts.find(|alert| {
            let alert = alert.to_string();
            texts.iter().any(|text| text.contains(&alert))
        })
    })
}

/// Whether a connection could not be opened, or was lost. `Cancelled` comes from the other side: this client cancels no
/// call whose result it awaits.
fn is_connection_lost(status: &Status) -> bool {
    let lost = matches!(status.code(), tonic::Code::Cancelled | tonic::Code::Unavailable);
    lost || chain(status)
        .any(|cause| cause.is::<io::Error>() || cause.downcast_ref().is_some_and(h2::Error::is_io))
}

/// The errors that caused a status of the client side.
fn chain(status: &Status) -> impl Iterator<Item = &(dyn Cause + 'static)> {
    successors(status.source(), |&cause| {
        // The source of an I/O error skips the error that it wraps.
        match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        }
    })
}

/// The message of a status with its causes.
fn describe(status: &Status) -> String {
    let mut text = match status.message() {
        "" => format!("{:?}", status.code()),
        message => message.to_owned(),
    };
    for cause in chain(status) {
        let message = cause.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
    }
    text
}
