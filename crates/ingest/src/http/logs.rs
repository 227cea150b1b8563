//! Logs of OpenTelemetry, by HTTP and by gRPC.

pub(super) mod grpc;
pub(super) mod http;

use axum::http::HeaderMap;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{
    answer::Refusal,
    door::{Door, Sender},
};
use crate::otlp;

/// Times the bytes of a body that its records may have, since each has the attributes of its resource.
const GROWTH: usize = 4;

/// Takes the records of a request.
///
/// # Errors
/// None is taken.
async fn take(
    door: &Door,
    sender: Sender,
    headers: &HeaderMap,
    request: &ExportLogsServiceRequest,
) -> Result<ExportLogsServiceResponse, Refusal> {
    let records = otlp::records(request, GROWTH * door.options.max_body);
    let records = records.map_err(|otlp::TooLarge| Refusal::TooLarge)?;
    let refused = records.iter().filter(|record| record.is_refused()).count();
    let reason = records.iter().map(|record| record.refused.as_str()).find(|it| !it.is_empty());
    let partial_success = reason.map(|reason| ExportLogsPartialSuccess {
        rejected_log_records: i64::try_from(refused).unwrap_or(i64::MAX),
        error_message: reason.to_owned(),
    });
    door.append(sender, headers, records).await?;
    Ok(ExportLogsServiceResponse { partial_success })
}

/// A refusal as senders of OpenTelemetry know it: where they are to come back later, it says when, or they would not.
fn status(refusal: &Refusal) -> Status {
    let code = match refusal {
        Refusal::Bad(_) | Refusal::UnknownEncoding | Refusal::UnknownType => Code::InvalidArgument,
        Refusal::Unauthorized => Code::Unauthenticated,
        Refusal::NoSuchPath(_) | Refusal::NoSuchMethod => Code::Unimplemented,
        Refusal::TooLarge | Refusal::TooMany | Refusal::Full => Code::ResourceExhausted,
        Refusal::TooSlow | Refusal::Later(_) => Code::Unavailable,
    };
    // A body that was too slow may be faster the next time.
    let delay = match refusal {
        Refusal::TooSlow => Some(super::answer::RETRY_AFTER),
        refusal => refusal.retry_after(),
    };
    match delay {
        Some(delay) => {
            let details = ErrorDetails::with_retry_info(Some(delay));
            Status::with_error_details(code, refusal.to_string(), details)
        }
        None => Status::new(code, refusal.to_string()),
    }
}
