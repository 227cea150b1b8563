//! Errors as gRPC statuses, with `google.rpc` details from which the same error is restored.

use anomal_core::{Code, Error, Violation};
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};

const DOMAIN: &str = "anomal.dev";
const CODE: &str = "code";

const CODES: &[(Code, tonic::Code, &str)] = &[
    (Code::InvalidSettings, tonic::Code::InvalidArgument, "InvalidSettings"),
    (Code::InvalidInput, tonic::Code::FailedPrecondition, "InvalidInput"),
    (Code::InvalidRequest, tonic::Code::InvalidArgument, "InvalidRequest"),
    (Code::NotFound, tonic::Code::NotFound, "NotFound"),
    (Code::Unauthenticated, tonic::Code::Unauthenticated, "Unauthenticated"),
    (Code::PermissionDenied, tonic::Code::PermissionDenied, "PermissionDenied"),
    (Code::ResourceExhausted, tonic::Code::ResourceExhausted, "ResourceExhausted"),
    (Code::Unavailable, tonic::Code::Unavailable, "Unavailable"),
    (Code::Incompatible, tonic::Code::Unimplemented, "Incompatible"),
    (Code::DeadlineExceeded, tonic::Code::DeadlineExceeded, "DeadlineExceeded"),
    (Code::Cancelled, tonic::Code::Cancelled, "Cancelled"),
    (Code::Output, tonic::Code::DataLoss, "Output"),
    (Code::Internal, tonic::Code::Internal, "Internal"),
];

/// The status for an error.
pub fn to_status(error: &Error) -> Status {
    let entry = CODES.iter().find(|entry| entry.0 == error.code);
    let (grpc, name) =
        entry.map_or((tonic::Code::Internal, "Internal"), |entry| (entry.1, entry.2));
    let mut details = ErrorDetails::new();
    let metadata = std::collections::HashMap::from([(CODE.to_owned(), name.to_owned())]);
    details.set_error_info(&error.reason, DOMAIN, metadata);
    for violation in &error.violations {
        details.add_bad_request_violation(&violation.path, &violation.message);
    }
    Status::with_error_details(grpc, &error.message, details)
}

/// The error that an engine has sent; the closest error for a status of another server.
pub fn from_status(status: &Status) -> Error {
    let details = status.get_error_details();
    let info = details.error_info().filter(|info| info.domain == DOMAIN);
    let named = info.and_then(|info| {
        let name = info.metadata.get(CODE)?;
        CODES.iter().find(|entry| entry.2 == name)
    });
    let code = match named {
        Some(entry) => entry.0,
        None => match status.code() {
            tonic::Code::Unavailable => Code::Unavailable,
            tonic::Code::Unauthenticated => Code::Unauthenticated,
            tonic::Code::PermissionDenied => Code::PermissionDenied,
            tonic::Code::Unimplemented => Code::Incompatible,
            tonic::Code::DeadlineExceeded => Code::DeadlineExceeded,
            // The message with which the transport ends a request at its deadline, on both sides.
            tonic::Code::Cancelled if status.message() == "Timeout expired" => {
                Code::DeadlineExceeded
            }
            tonic::Code::Cancelled => Code::Cancelled,
            tonic::Code::ResourceExhausted => Code::ResourceExhausted,
            // The latter is the transport's code for a message beyond the size limit.
            tonic::Code::InvalidArgument | tonic::Code::OutOfRange => Code::InvalidRequest,
            _ => Code::Internal,
        },
    };
    let violations =
        details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    Error {
        code,
        message: status.message().to_owned(),
        reason: info.map_or_else(|| "REMOTE".to_owned(), |info| info.reason.clone()),
        violations: violations
            .iter()
            .map(|bad| Violation { path: bad.field.clone(), message: bad.description.clone() })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_error_is_restored_from_its_status(
            code in prop::sample::select(CODES), message in ".{0,40}", reason in "[A-Z_]{1,20}",
            violations in prop::collection::vec(("[a-z.]{1,10}", ".{0,20}"), 0..3),
        ) {
            let violations = violations.into_iter().map(|(path, message)| Violation { path, message }).collect();
            let error = Error { code: code.0, message, reason, violations };
            let status = to_status(&error);
            // As received in the headers.
            let sent = status.into_http::<()>().into_parts().0.headers;
            let back = Status::from_header_map(&sent).unwrap();
            prop_assert_eq!(from_status(&back), error);
        }
    }
}
