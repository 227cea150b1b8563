//! The deadline that a client sets for a request (`grpc-timeout`).

use std::{future::Future, time::Duration};

use anomal_core::{Code, Error, Result};
use tokio::time::Instant;
use tonic::metadata::MetadataMap;

pub(crate) const DEADLINE: &str = "DEADLINE";
/// How long before the deadline a request is ended with an error: at the deadline, the transport ends it without a message.
const MARGIN: Duration = Duration::from_millis(20);

/// When a request is ended.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// As the client has set it.
    time: Duration,
    until: Instant,
}

impl Deadline {
    /// That of a request that has just come; none if its client has set none.
    pub fn of(metadata: &MetadataMap) -> Option<Self> {
        let time = metadata.get("grpc-timeout").and_then(|value| parse(value.to_str().ok()?))?;
        let until = Instant::now() + time.saturating_sub(MARGIN.min(time / 4));
        Some(Self { time, until })
    }
}

/// Does the work, with an error at the deadline.
///
/// # Errors
/// `DeadlineExceeded`; those of the work.
pub async fn within<T>(
    deadline: Option<Deadline>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some(Deadline { time, until }) = deadline else { return work.await };
    match tokio::time::timeout_at(until, work).await {
        Ok(done) => done,
        Err(_) => Err(Error::new(
            Code::DeadlineExceeded,
            DEADLINE,
            format!(
                "the request took longer than the deadline of {time:?} that its client set; raise it, or send less \
                 at once"
            ),
        )),
    }
}

/// Parses at most eight digits and a unit.
fn parse(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_parsed_as_grpc_specifies() {
        assert_eq!(parse("2H"), Some(Duration::from_hours(2)));
        assert_eq!(parse("3M"), Some(Duration::from_mins(3)));
        assert_eq!(parse("00000004S"), Some(Duration::from_secs(4)));
        assert_eq!(parse("5m"), Some(Duration::from_millis(5)));
        assert_eq!(parse("6u"), Some(Duration::from_micros(6)));
        assert_eq!(parse("7n"), Some(Duration::from_nanos(7)));
        for bad in ["", "S", "1", "123456789S", "-1S", "1x", "1é", "99999999999999999999S"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
