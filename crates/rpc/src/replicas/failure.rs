//! What a failed call means: a lost connection, a peer that is no engine of ours, or what an engine said.

use std::{error::Error as Cause, io, iter::successors, net::SocketAddr};

use anomal_core::{Code, Error};
use rustls::AlertDescription as Alert;
use tonic::Status;

use crate::{admission::BUSY, status::from_status};

/// The error with the address that it came from. What no server of ours says is a lost connection where
/// the transport broke, and something that is no engine where it answered.
pub(super) fn named(address: SocketAddr, status: &Status) -> Error {
    let mut error = from_status(status);
    if error.reason != "REMOTE" {
        // What is wrong with a request is the same wherever it is said.
        if retryable(&error) || matches!(error.code, Code::Incompatible | Code::DeadlineExceeded) {
            error.message = format!("the engine at {address}: {}", error.message);
        }
        return error;
    }
    if let Some(tls) = tls(status) {
        return untrusted(address, &tls);
    }
    match error.code {
        Code::Incompatible => return incompatible(address, status),
        Code::DeadlineExceeded => {
            error.message = format!(
                "the engine at {address} took longer than its time; give it more, or send less at once"
            );
            return error;
        }
        _ if broke(status) => error.code = Code::Unavailable,
        // The transport understood nothing of what came.
        Code::Internal if status.source().is_some() => return incompatible(address, status),
        _ => {}
    }
    let what = causes(status);
    error.message = match error.code {
        Code::Unavailable => format!(
            "the engine at {address} can't be reached: {what}; check that it runs there, and whether it is to be \
             called by http or https"
        ),
        _ => format!("the engine at {address}: {what}"),
    };
    error
}

pub(super) fn incompatible(address: SocketAddr, status: &Status) -> Error {
    Error::new(
        Code::Incompatible,
        "NO_ENGINE",
        format!(
            "what answers at {address} is no engine of this kind and version ({}); check the address and port (a \
             feature engine has 7401, a classification engine 7402), and whether it is to be called by http or https",
            causes(status)
        ),
    )
}

pub(super) fn retryable(error: &Error) -> bool {
    error.code == Code::Unavailable || error.reason == BUSY
}

/// Who calls is not known: what to do about it is told with the place in the settings.
pub(super) fn unknown(mut error: Error, address: SocketAddr, place: &str) -> Error {
    if error.code == Code::Unauthenticated && !error.reason.starts_with(CLIENT_CERTIFICATE) {
        error.message = format!(
            "the engine at {address} lets nobody in without a token that it knows: {}; name a file with one by \
             `{place}.tokenFile`",
            error.message
        );
    }
    error
}

/// What reasons about the caller's own certificate begin with.
const CLIENT_CERTIFICATE: &str = "CLIENT_CERTIFICATE";

/// Another try would see the same certificate.
fn untrusted(address: SocketAddr, error: &rustls::Error) -> Error {
    let (code, reason, remedy) = match error {
        rustls::Error::InvalidCertificate(_) => (
            Code::Incompatible,
            "CERTIFICATE_REFUSED",
            "check that `tls.ca` holds the authority that signed its certificate, and `tls.serverName` a name that \
             the certificate is for",
        ),
        rustls::Error::AlertReceived(Alert::CertificateRequired) => (
            Code::Unauthenticated,
            "CLIENT_CERTIFICATE_MISSING",
            "it wants a certificate of the caller: name one by `tls.cert` and `tls.key`",
        ),
        rustls::Error::AlertReceived(alert) if OF_CERTIFICATES.contains(alert) => (
            Code::Unauthenticated,
            "CLIENT_CERTIFICATE_REFUSED",
            "it refuses the caller's certificate: check that `tls.cert` is of the authority that the engine was \
             given by --client-ca, and has not expired",
        ),
        _ => (
            Code::Incompatible,
            "TLS_FAILED",
            "use http:// if it has no certificate, or give it one with --tls-cert and --tls-key",
        ),
    };
    let message = format!("the engine at {address} can't be talked to over TLS: {error}; {remedy}");
    Error::new(code, reason, message)
}

/// What servers say of a certificate that they do not accept, or miss.
const OF_CERTIFICATES: [Alert; 9] = [
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

fn tls(status: &Status) -> Option<rustls::Error> {
    let whole = chain(status).find_map(|cause| cause.downcast_ref().cloned());
    // A server judges our certificate when the handshake is over on our side (TLS 1.3), and HTTP/2 keeps only
    // the text of what it reads then.
    whole.or_else(|| {
        let mut alerts = OF_CERTIFICATES.into_iter().map(rustls::Error::AlertReceived);
        let texts: Vec<String> = chain(status).map(ToString::to_string).collect();
        alerts.find(|alert| {
            let alert = alert.to_string();
            texts.iter().any(|text| text.contains(&alert))
        })
    })
}

/// Whether a connection could not be made, or was lost. Our side ends no call whose outcome it asks for.
fn broke(status: &Status) -> bool {
    let lost = matches!(status.code(), tonic::Code::Cancelled | tonic::Code::Unavailable);
    lost || chain(status)
        .any(|cause| cause.is::<io::Error>() || cause.downcast_ref().is_some_and(h2::Error::is_io))
}

/// What is behind a status, where it was made on our side.
fn chain(status: &Status) -> impl Iterator<Item = &(dyn Cause + 'static)> {
    successors(status.source(), |&cause| {
        // An I/O error passes over what it was made of.
        match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        }
    })
}

/// A status' message with the causes behind it, which say what happened.
fn causes(status: &Status) -> String {
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
