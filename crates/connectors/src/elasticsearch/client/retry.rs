//! Decides which requests are retried, and when.

use std::time::{Duration, Instant};

use backon::ExponentialBuilder;

/// The first pause between two attempts, and the last; each is twice the one before. Backon adds up to as much again, so
/// that clients that failed together do not return together.
const FIRST: Duration = Duration::from_millis(125);
const LAST: Duration = Duration::from_secs(10);
/// The longest pause that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_mins(1);

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::elasticsearch) enum RequestOutcome {
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

/// The pauses between attempts, without an end.
pub(in crate::elasticsearch) fn backoff() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(FIRST)
        .with_max_delay(LAST)
        .with_jitter()
        .without_max_times()
}

/// The pause before the next attempt: `pause`, or longer if the server has asked for that; `None` if it would end more
/// than `limit` after `started`.
pub(in crate::elasticsearch) fn pause_within(
    limit: Duration,
    started: Instant,
    pause: Option<Duration>,
    asked: Option<Duration>,
) -> Option<Duration> {
    let pause = pause?.max(asked.unwrap_or_default().min(LONGEST_ASKED));
    (started.elapsed() + pause <= limit).then_some(pause)
}

#[cfg(test)]
mod tests {
    use backon::BackoffBuilder;

    use super::*;

    #[test]
    fn statuses_have_outcomes() {
        let outcomes = |status: &[u16]| -> Vec<RequestOutcome> {
            status.iter().map(|status| RequestOutcome::from_status(*status)).collect()
        };
        let answered = outcomes(&[200, 201, 400, 404, 405, 409, 413]);
        assert!(answered.iter().all(|outcome| *outcome == RequestOutcome::Answered));
        let retry = outcomes(&[408, 429, 500, 502, 503, 504]);
        assert!(retry.iter().all(|outcome| *outcome == RequestOutcome::Retry));
        let denied = outcomes(&[401, 403]);
        assert!(denied.iter().all(|outcome| *outcome == RequestOutcome::Denied));
    }

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        let pauses: Vec<Duration> = backoff().with_jitter_seed(1).build().take(50).collect();
        for (index, pause) in pauses.iter().enumerate() {
            let base = FIRST.saturating_mul(1 << index.min(16)).min(LAST);
            assert!((base..=2 * base).contains(pause), "{index}: {pause:?}");
        }
        let others: Vec<Duration> = backoff().with_jitter_seed(2).build().take(50).collect();
        assert_ne!(pauses, others);
    }

    #[test]
    fn a_server_may_ask_for_a_longer_pause_within_the_limit() {
        let (now, hour) = (Instant::now(), Duration::from_hours(1));
        let pause =
            |asked: u64| pause_within(hour, now, Some(LAST), Some(Duration::from_secs(asked)));
        assert_eq!(pause(7), Some(LAST));
        assert_eq!(pause(17), Some(Duration::from_secs(17)));
        assert_eq!(pause(7 * 3600), Some(LONGEST_ASKED));
        assert_eq!(pause_within(LAST / 2, now, Some(LAST), None), None);
        assert_eq!(pause_within(hour, now, None, None), None);
    }
}
