//! What an answer means for what was sent: pure functions of a status, so that every case is a line of a test.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The first pause between two tries, and the longest; each is up to twice the one before.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(20);
/// Longer no server is waited for at once, whatever it asks for.
const LONGEST_ASKED: Duration = Duration::from_mins(1);

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was answered, be it with a refusal that is for whoever asked to understand.
    Answered,
    /// Another try, perhaps on another node, may help.
    Again,
    /// Who asks is not known (any more), or may not.
    Denied,
}

pub(super) fn of_request(status: u16) -> Verdict {
    match status {
        401 | 403 => Verdict::Denied,
        408 | 429 | 500 | 502..=504 => Verdict::Again,
        _ => Verdict::Answered,
    }
}

/// What becomes of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Written,
    /// It was there before: written by an earlier try, or by an earlier run.
    There,
    Again,
    /// The document itself is at fault.
    Refused,
    /// No document would be taken.
    Stopped,
}

/// `kind`: the error's type, such as `document_parsing_exception`.
pub(super) fn of_item(status: u16, kind: &str) -> Fate {
    match (status, kind) {
        (200..=299, _) => Fate::Written,
        (409, kind) if kind != "cluster_block_exception" => Fate::There,
        // A disk that is too full, or an index that somebody closed for writing: both pass.
        (_, "cluster_block_exception") | (408 | 429 | 500.., _) => Fate::Again,
        (401 | 403, _)
        | (
            _,
            "index_not_found_exception"
            | "index_closed_exception"
            | "invalid_index_name_exception"
            | "validation_exception",
        ) => Fate::Stopped,
        _ => Fate::Refused,
    }
}

/// Whether a request is more than the server would take if it had nothing else to do: it says so as if it were busy,
/// by what it would take in memory and what that may be at most.
pub(super) fn never_fits(reason: &str) -> bool {
    let number = |name: &str| {
        let (_, rest) = reason.split_once(name)?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse::<u64>().ok()
    };
    let needed = ["coordinating_operation_bytes=", "primary_operation_bytes="];
    let most =
        ["max_coordinating_bytes=", "max_primary_bytes=", "max_coordinating_and_primary_bytes="];
    let (needed, most) = (needed.into_iter().find_map(number), most.into_iter().find_map(number));
    needed.zip(most).is_some_and(|(needed, most)| needed > most)
}

/// From 0 to 1, as good as chance: it only keeps those apart who failed together.
pub(super) fn chance() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let hash = xxhash_rust::xxh3::xxh3_64(&now.as_nanos().to_le_bytes());
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

/// The pause before a try. `share`: [`chance`], so that those who failed together do not come back
/// together; `asked`: by the server.
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
        let of = |status: &[u16]| status.iter().map(|s| of_request(*s)).collect::<Vec<_>>();
        assert!(of(&[200, 201, 400, 404, 405, 409, 413]).iter().all(|v| *v == Verdict::Answered));
        assert!(of(&[408, 429, 500, 502, 503, 504]).iter().all(|v| *v == Verdict::Again));
        assert!(of(&[401, 403]).iter().all(|v| *v == Verdict::Denied));
    }

    #[test]
    fn documents() {
        let cases = [
            (200, "", Fate::Written),
            (201, "", Fate::Written),
            (409, "version_conflict_engine_exception", Fate::There),
            (429, "es_rejected_execution_exception", Fate::Again),
            (429, "cluster_block_exception", Fate::Again),
            (403, "cluster_block_exception", Fate::Again),
            (503, "unavailable_shards_exception", Fate::Again),
            (500, "", Fate::Again),
            (400, "document_parsing_exception", Fate::Refused),
            (400, "mapper_parsing_exception", Fate::Refused),
            (400, "illegal_argument_exception", Fate::Refused),
            (413, "", Fate::Refused),
            (401, "security_exception", Fate::Stopped),
            (403, "security_exception", Fate::Stopped),
            (404, "index_not_found_exception", Fate::Stopped),
            (400, "validation_exception", Fate::Stopped),
        ];
        for (status, kind, fate) in cases {
            assert_eq!(of_item(status, kind), fate, "{status} {kind}");
        }
    }

    #[test]
    fn what_no_patience_helps_is_told_from_what_it_does() {
        let told = |needed: u64, most: &str| {
            never_fits(&format!(
                "rejected execution of coordinating operation [coordinating_and_primary_bytes=0, replica_bytes=0, \
                 all_bytes=0, coordinating_operation_bytes={needed}, {most}=53687091]"
            ))
        };
        assert!(told(102_760_764, "max_coordinating_bytes"));
        assert!(told(102_760_716, "max_coordinating_and_primary_bytes"));
        assert!(!told(1000, "max_coordinating_bytes"));
        let primary = "[all_bytes=5, primary_operation_bytes=60, max_primary_bytes=53]";
        assert!(never_fits(primary));
        assert!(!never_fits("es_rejected_execution_exception: queue capacity = 1000"));
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
