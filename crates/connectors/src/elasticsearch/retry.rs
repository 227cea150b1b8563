//! Whether a request or a document is retried, and when. Pure functions of a status, so that every case is a line of a
//! test.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The first pause between two attempts, and the longest; each is up to twice the one before.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(20);
/// The longest pause that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_mins(1);

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestOutcome {
    /// The server answered, possibly with an error that the caller has to handle.
    Answered,
    /// Another attempt may succeed, perhaps on another node.
    Retry,
    /// The credentials are unknown, expired or insufficient.
    Denied,
}

impl RequestOutcome {
    pub fn from_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Denied,
            408 | 429 | 500 | 502..=504 => Self::Retry,
            _ => Self::Answered,
        }
    }
}

/// The outcome of one document of a bulk request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DocumentOutcome {
    Created,
    /// An earlier attempt or run has written it.
    Exists,
    Retry,
    /// The document itself is at fault.
    Rejected,
    /// The index accepts no document.
    Fatal,
}

impl DocumentOutcome {
    /// `kind`: the type of the error, such as `document_parsing_exception`.
    pub fn from_response(status: u16, kind: &str) -> Self {
        match (status, kind) {
            (200..=299, _) => Self::Created,
            (409, kind) if kind != "cluster_block_exception" => Self::Exists,
            // A full disk, or an index that is closed for writing: both are temporary.
            (_, "cluster_block_exception") | (408 | 429 | 500.., _) => Self::Retry,
            (401 | 403, _)
            | (
                _,
                "index_not_found_exception"
                | "index_closed_exception"
                | "invalid_index_name_exception"
                | "validation_exception",
            ) => Self::Fatal,
            _ => Self::Rejected,
        }
    }
}

/// Whether a request is larger than the server would accept if it were idle. The server reports this like a busy
/// state, with the bytes that the request needs and the limit.
pub(super) fn exceeds_limit(reason: &str) -> bool {
    let number = |name: &str| {
        let (_, rest) = reason.split_once(name)?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse::<u64>().ok()
    };
    let needed = ["coordinating_operation_bytes=", "primary_operation_bytes="];
    let limit =
        ["max_coordinating_bytes=", "max_primary_bytes=", "max_coordinating_and_primary_bytes="];
    let (needed, limit) = (needed.into_iter().find_map(number), limit.into_iter().find_map(number));
    needed.zip(limit).is_some_and(|(needed, limit)| needed > limit)
}

/// A number from 0 to 1 that differs between clients, to spread their retries.
pub(super) fn chance() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let hash = xxhash_rust::xxh3::xxh3_64(&now.as_nanos().to_le_bytes());
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

/// The pause before an attempt. `share`: [`chance`], which spreads the retries of clients that failed together;
/// `asked`: the pause that the server asked for.
pub(super) fn pause(failures: u32, share: f64, asked: Option<Duration>) -> Duration {
    let whole = FIRST.saturating_mul(1 << failures.min(10)).min(LONGEST);
    let jittered = whole.mul_f64(0.5 + share.clamp(0.0, 1.0) / 2.0);
    jittered.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let outcomes = |status: &[u16]| -> Vec<RequestOutcome> {
            status.iter().map(|status| RequestOutcome::from_status(*status)).collect()
        };
        assert!(
            outcomes(&[200, 201, 400, 404, 405, 409, 413])
                .iter()
                .all(|v| *v == RequestOutcome::Answered)
        );
        assert!(
            outcomes(&[408, 429, 500, 502, 503, 504]).iter().all(|v| *v == RequestOutcome::Retry)
        );
        assert!(outcomes(&[401, 403]).iter().all(|v| *v == RequestOutcome::Denied));
    }

    #[test]
    fn documents() {
        let cases = [
            (200, "", DocumentOutcome::Created),
            (201, "", DocumentOutcome::Created),
            (409, "version_conflict_engine_exception", DocumentOutcome::Exists),
            (429, "es_rejected_execution_exception", DocumentOutcome::Retry),
            (429, "cluster_block_exception", DocumentOutcome::Retry),
            (403, "cluster_block_exception", DocumentOutcome::Retry),
            (503, "unavailable_shards_exception", DocumentOutcome::Retry),
            (500, "", DocumentOutcome::Retry),
            (400, "document_parsing_exception", DocumentOutcome::Rejected),
            (400, "mapper_parsing_exception", DocumentOutcome::Rejected),
            (400, "illegal_argument_exception", DocumentOutcome::Rejected),
            (413, "", DocumentOutcome::Rejected),
            (401, "security_exception", DocumentOutcome::Fatal),
            (403, "security_exception", DocumentOutcome::Fatal),
            (404, "index_not_found_exception", DocumentOutcome::Fatal),
            (400, "validation_exception", DocumentOutcome::Fatal),
        ];
        for (status, kind, outcome) in cases {
            assert_eq!(DocumentOutcome::from_response(status, kind), outcome, "{status} {kind}");
        }
    }

    #[test]
    fn requests_beyond_the_limit_are_recognised() {
        let exceeds = |needed: u64, limit: &str| {
            exceeds_limit(&format!(
                "rejected execution of coordinating operation [coordinating_and_primary_bytes=0, replica_bytes=0, \
                 all_bytes=0, coordinating_operation_bytes={needed}, {limit}=53687091]"
            ))
        };
        assert!(exceeds(102_760_764, "max_coordinating_bytes"));
        assert!(exceeds(102_760_716, "max_coordinating_and_primary_bytes"));
        assert!(!exceeds(1000, "max_coordinating_bytes"));
        let primary = "[all_bytes=5, primary_operation_bytes=60, max_primary_bytes=53]";
        assert!(exceeds_limit(primary));
        assert!(!exceeds_limit("es_rejected_execution_exception: queue capacity = 1000"));
    }

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        let of = |failures| pause(failures, 1.0, None);
        assert_eq!(of(0), FIRST);
        assert!((0..6).all(|failures| of(failures) < of(failures + 1)));
        assert_eq!(of(100), LONGEST);
        assert_eq!(pause(0, 0.0, None), FIRST / 2);
        assert_eq!(pause(0, 0.0, Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(pause(0, 0.0, Some(Duration::from_hours(7))), LONGEST_ASKED);
    }
}
