//! The figures that the pods of a stream report, and those of its status.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use k8s_openapi::{
    api::core::v1::Pod,
    jiff::{SignedDuration, Timestamp},
};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::state::time;
use crate::{
    api::{LagFigures, StreamFigures},
    children::METRICS,
};

/// How often a pod is asked; one that does not answer, such as for a network policy, less often.
const INTERVAL: Duration = Duration::from_secs(15);
const WITHOUT_ANSWER: Duration = Duration::from_mins(1);
/// Pods of many streams are not asked at once: up to this is added, by the run.
const JITTER: Duration = Duration::from_secs(3);
/// A write of the status is seen as a change: it does not make the pod be asked again.
const RECENT: SignedDuration = SignedDuration::from_secs(10);
/// How long figures stay in a status at least.
const KEPT: SignedDuration = SignedDuration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(1);
/// The longest answer.
const MAX_BYTES: u64 = 16 << 10;
const MAX_DOWN: usize = 32;

/// The answer of a pod.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodFigures {
    rows: u64,
    rejected: u64,
    filtered: u64,
    lost: u64,
    refused: u64,
    suspicious: u64,
    flagged: u64,
    warm: bool,
    caught_up: bool,
    /// Seconds since the epoch.
    watermark: Option<f64>,
    /// In seconds.
    checkpoint_age: f64,
    waiting_bytes: u64,
    down: BTreeSet<String>,
    models: Option<Models>,
    lag: Option<LagFigures>,
    entities: Option<Entities>,
    memory: Option<Memory>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
struct Entities {
    known: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
struct Memory {
    evicted: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
struct Models {
    generation: u32,
    #[serde(default)]
    drifted: bool,
}

impl PodFigures {
    /// The figures of several pods, of which each has partitions of its own; of one alone, its figures.
    pub fn sum(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        let least = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        all.into_iter().reduce(|one, other| {
            // A pod without records does not count for `warm`.
            let (is_first, is_second) = (one.rows > 0, other.rows > 0);
            let models = one.models.into_iter().chain(other.models);
            let entities = one.entities.into_iter().chain(other.entities);
            let memories = one.memory.into_iter().chain(other.memory);
            let lags = one.lag.into_iter().chain(other.lag);
            Self {
                rows: one.rows + other.rows,
                rejected: one.rejected + other.rejected,
                filtered: one.filtered + other.filtered,
                lost: one.lost + other.lost,
                refused: one.refused + other.refused,
                suspicious: one.suspicious + other.suspicious,
                flagged: one.flagged + other.flagged,
                warm: (one.warm || !is_first)
                    && (other.warm || !is_second)
                    && (is_first || is_second),
                caught_up: one.caught_up && other.caught_up,
                watermark: least(one.watermark, other.watermark),
                checkpoint_age: one.checkpoint_age.max(other.checkpoint_age),
                waiting_bytes: one.waiting_bytes + other.waiting_bytes,
                down: one.down.into_iter().chain(other.down).collect(),
                lag: lags.reduce(|one, other| LagFigures {
                    records: one.records + other.records,
                    seconds: one.seconds.max(other.seconds),
                }),
                models: models.reduce(|one, other| Models {
                    generation: one.generation.max(other.generation),
                    drifted: one.drifted || other.drifted,
                }),
                entities: entities.reduce(|one, other| Entities { known: one.known + other.known }),
                memory: memories
                    .reduce(|one, other| Memory { evicted: one.evicted + other.evicted }),
            }
        })
    }
}

/// The figures of all of these pods; none if one of them does not answer, or there is none.
pub async fn ask_all(pods: &[&Pod]) -> Option<PodFigures> {
    let answers = futures::future::join_all(pods.iter().map(|pod| ask(pod))).await;
    PodFigures::sum(answers.into_iter().collect::<Option<Vec<PodFigures>>>()?)
}

/// Whether the pod is to be asked.
pub fn is_due(before: Option<&StreamFigures>, now: Timestamp) -> bool {
    age(before, now).is_none_or(|age| age >= RECENT)
}

/// When the pod is asked again.
pub fn next(is_answered: bool, run: &str) -> Duration {
    let share = run.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let interval = if is_answered { INTERVAL } else { WITHOUT_ANSWER };
    interval + JITTER * (share % 100) / 100
}

/// Asks a pod. None if it does not answer in time, or has not begun.
async fn ask(pod: &Pod) -> Option<PodFigures> {
    let address: IpAddr = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
    let answer = tokio::time::timeout(TIMEOUT, get((address, METRICS).into())).await;
    match answer {
        Ok(Ok(answer)) => parse(&answer),
        Ok(Err(error)) => {
            tracing::debug!("the pod of a stream gives no figures: {error}");
            None
        }
        Err(_) => None,
    }
}

async fn get(address: SocketAddr) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    // The end of the connection is the end of the answer.
    connection.write_all(b"GET /status HTTP/1.0\r\nHost: pod\r\n\r\n").await?;
    let mut answer = Vec::new();
    connection.take(MAX_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The body of an answer; none if it is another one.
fn parse(answer: &str) -> Option<PodFigures> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let is_good = head.lines().next()?.split(' ').nth(1) == Some("200");
    serde_json::from_str::<Option<PodFigures>>(body).ok().flatten().filter(|_| is_good)
}

/// The figures for the status: those before, unless they are old and the new ones differ from them.
pub fn figures(
    reported: &PodFigures,
    before: Option<&StreamFigures>,
    now: Timestamp,
) -> StreamFigures {
    let down: Vec<String> = reported.down.iter().take(MAX_DOWN).cloned().collect();
    let since = |seconds: f64| {
        let age = SignedDuration::try_from_secs_f64(seconds).ok()?;
        now.checked_sub(age).ok().map(time)
    };
    let watermark = reported.watermark.and_then(|seconds| {
        let since_epoch = SignedDuration::try_from_secs_f64(seconds).ok()?;
        Timestamp::UNIX_EPOCH.checked_add(since_epoch).ok().map(time)
    });
    let rate = before.zip(age(before, now)).and_then(|(before, age)| {
        let seconds = age.as_secs_f64();
        let rows = reported.rows.saturating_sub(before.rows);
        (seconds > 0.0).then(|| digits(rows as f64 / seconds, 3))
    });
    let new = StreamFigures {
        observed_at: time(now),
        rows: reported.rows,
        rate,
        rejected: reported.rejected,
        filtered: reported.filtered,
        lost: reported.lost,
        refused: reported.refused,
        suspicious: reported.suspicious,
        flagged: reported.flagged,
        warm: reported.warm,
        caught_up: reported.caught_up,
        watermark,
        last_checkpoint: since(reported.checkpoint_age),
        waiting_bytes: reported.waiting_bytes,
        lag: reported.lag.map(|lag| LagFigures { seconds: digits(lag.seconds, 3), ..lag }),
        model: reported.models.as_ref().map(|models| models.generation),
        drifted: reported.models.as_ref().is_some_and(|models| models.drifted),
        entities: reported.entities.as_ref().map(|entities| entities.known),
        evicted: reported.memory.as_ref().map(|memory| memory.evicted),
        down,
        // They are known without asking.
        ..before.cloned().unwrap_or_default()
    };
    let Some(before) = before else { return new };
    let holds = |it: &StreamFigures| {
        (it.warm, it.drifted, it.lost > 0, it.evicted > Some(0), it.down.clone())
    };
    let is_urgent = holds(before) != holds(&new);
    let is_recent = age(Some(before), now).is_some_and(|age| age < KEPT);
    if !is_urgent && (is_recent || are_alike(before, &new)) { before.clone() } else { new }
}

fn age(figures: Option<&StreamFigures>, now: Timestamp) -> Option<SignedDuration> {
    let at: Timestamp = figures?.observed_at.parse().ok()?;
    Some(now.duration_since(at))
}

/// Whether figures have the same first two digits.
fn are_alike(one: &StreamFigures, other: &StreamFigures) -> bool {
    let counts = |it: &StreamFigures| {
        let all = [
            it.rows,
            it.rejected,
            it.filtered,
            it.lost,
            it.refused,
            it.suspicious,
            it.flagged,
            it.waiting_bytes,
        ];
        let counts = all.map(|count| digits(count as f64, 2));
        let entities = it.entities.map(|entities| digits(entities as f64, 2));
        let lag = it.lag.map(|lag| digits(lag.records as f64, 2));
        (counts, entities, lag, it.rate.map(|rate| digits(rate, 2)), it.caught_up, it.model)
    };
    counts(one) == counts(other)
}

/// A number with so many digits.
fn digits(number: f64, count: i32) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return 0.0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the logarithm of a finite number is small"
    )]
    let size = number.abs().log10().floor() as i32 + 1 - count;
    let scale = 10_f64.powi(size.abs());
    if size >= 0 { (number / scale).round() * scale } else { (number * scale).round() / scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_answer_is_read_and_no_other() {
        let body = r#"{"job":"live","rows":300,"suspicious":2,"warm":true,"caughtUp":true,"watermark":1.5,"checkpointAge":0.5,
            "down":["input"],"models":{"generation":3,"refused":0,"drifts":0}}"#;
        let reported =
            parse(&format!("HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{body}"));
        let reported = reported.unwrap();
        assert_eq!((reported.rows, reported.suspicious, reported.warm), (300, 2, true));
        let figures = figures(&reported, None, at("2026-01-01T00:00:10Z"));
        assert_eq!(figures.watermark.as_deref(), Some("1970-01-01T00:00:01Z"));
        assert_eq!(figures.last_checkpoint.as_deref(), Some("2026-01-01T00:00:09Z"));
        assert_eq!((figures.model, figures.rate), (Some(3), None));
        assert_eq!(figures.down, ["input"]);
        for other in [
            "",
            "HTTP/1.0 200 OK\r\n\r\nnull",
            "HTTP/1.0 200 OK\r\n\r\n{",
            "HTTP/1.0 404 X\r\n\r\n{}",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn figures_of_several_pods_are_added() {
        let reported = |text: &str| -> PodFigures { serde_json::from_str(text).unwrap() };
        let all = PodFigures::sum([
            reported(
                r#"{"rows":10,"warm":true,"caughtUp":true,"watermark":5,"checkpointAge":1,"models":{"generation":2,"drifted":true}}"#,
            ),
            reported(
                r#"{"rows":20,"lag":{"records":7,"seconds":1.5},"warm":true,"watermark":3,"checkpointAge":9,"down":["input"],"entities":{"known":4},"memory":{"evicted":3},"models":{"generation":1,"drifted":false}}"#,
            ),
            reported(
                r#"{"rows":0,"lag":{"records":1,"seconds":0.5},"warm":false,"entities":{"known":1},"memory":{"evicted":2}}"#,
            ),
        ]);
        let figures = figures(&all.unwrap(), None, at("2026-01-01T00:00:10Z"));
        assert_eq!((figures.rows, figures.warm, figures.caught_up), (30, true, false));
        assert_eq!((figures.model, figures.drifted, figures.entities), (Some(2), true, Some(5)));
        assert_eq!(figures.evicted, Some(5));
        assert_eq!(figures.watermark.as_deref(), Some("1970-01-01T00:00:03Z"));
        assert_eq!(figures.last_checkpoint.as_deref(), Some("2026-01-01T00:00:01Z"));
        assert_eq!(figures.lag, Some(LagFigures { records: 8, seconds: 1.5 }));
        assert_eq!(figures.down, ["input"]);
        assert_eq!(PodFigures::sum([]), None);
        let cold =
            PodFigures::sum([reported(r#"{"rows":1,"warm":true}"#), reported(r#"{"rows":1}"#)]);
        assert!(!cold.unwrap().warm);
    }

    #[test]
    fn figures_are_replaced_rarely_and_only_by_others() {
        let reported =
            |rows, caught_up| PodFigures { rows, warm: true, caught_up, ..PodFigures::default() };
        let first = figures(&reported(1_000, false), None, at("2026-01-01T00:00:00Z"));
        assert!(!is_due(Some(&first), at("2026-01-01T00:00:05Z")));
        assert!(
            is_due(Some(&first), at("2026-01-01T00:00:15Z"))
                && is_due(None, at("2026-01-01T00:00:00Z"))
        );
        // Not yet.
        let again = figures(&reported(2_000, true), Some(&first), at("2026-01-01T00:00:15Z"));
        assert_eq!(again, first);
        let second = figures(&reported(4_000, true), Some(&first), at("2026-01-01T00:00:30Z"));
        assert_eq!((second.rows, second.rate, second.caught_up), (4_000, Some(100.0), true));
        // The rate falls to nothing, once; a stream without records is then left alone.
        let quiet = figures(&reported(4_003, true), Some(&second), at("2026-01-01T00:01:30Z"));
        assert_eq!((quiet.rows, quiet.rate), (4_003, Some(0.05)));
        let later = figures(&reported(4_003, true), Some(&quiet), at("2026-01-01T00:02:30Z"));
        assert_eq!((later.rate, later.rows), (Some(0.0), 4_003));
        assert_eq!(
            figures(&reported(4_003, true), Some(&later), at("2026-01-01T09:00:00Z")),
            later
        );
        // What does not answer is in the status at once.
        let down = PodFigures { down: ["checkpoints".to_owned()].into(), ..reported(4_003, true) };
        let down = figures(&down, Some(&later), at("2026-01-01T00:02:31Z"));
        assert_eq!(down.down, ["checkpoints"]);
        // So is a first record that was lost.
        let lost = PodFigures { lost: 1, ..reported(4_003, true) };
        let lost = figures(&lost, Some(&later), at("2026-01-01T00:02:31Z"));
        assert_eq!(lost.lost, 1);
    }

    #[test]
    fn numbers_keep_their_first_digits() {
        assert_eq!(digits(123_456.0, 2), 120_000.0);
        assert_eq!(digits(0.012_345, 3), 0.0123);
        assert_eq!(digits(99.9, 2), 100.0);
        assert_eq!(digits(0.0, 2), 0.0);
    }

    #[test]
    fn pods_of_many_streams_are_not_asked_at_once() {
        let runs: BTreeSet<Duration> =
            ["ab12cd34", "zz77yy66", "qwertzui", "00000000"].map(|run| next(true, run)).into();
        assert!(runs.len() > 2, "{runs:?}");
        assert!(runs.iter().all(|next| (INTERVAL..INTERVAL + JITTER).contains(next)), "{runs:?}");
        assert!(next(false, "ab12cd34") >= WITHOUT_ANSWER);
    }
}
