//! How a stream is while it runs.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use anomal_stream::{Lag, Notice};
use serde::Serialize;

use super::{SilentEntities, StreamSummary};

/// How often it is looked which entities are silent.
const LOOK: Duration = Duration::from_secs(5);

/// The figures of a stream that runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamStatus {
    #[serde(flatten)]
    pub summary: StreamSummary,
    /// Whether the input has no more records, and all results are written.
    pub caught_up: bool,
    /// Seconds since the epoch before which no record is expected, of the partition that is farthest behind; none without
    /// times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<f64>,
    /// How far it is behind its topics; none of other inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<StreamLag>,
    /// Seconds since the last checkpoint, or since the start.
    pub checkpoint_age: f64,
    /// Bytes of results that are not yet safe in all outputs.
    pub waiting_bytes: u64,
    /// Entities that pause for longer than they ever did, where `stream.entity.silence` asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent: Option<SilentEntities>,
    /// How far it is in learning records from before it; none where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preload: Option<Preloading>,
    /// What does not answer at the moment: `input`, `checkpoints`, or an output by its place in the settings.
    pub down: BTreeSet<String>,
}

/// How far a stream is behind its topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StreamLag {
    /// Records that the brokers have and that were not read.
    pub records: u64,
    /// The age of the record that was read last, while there are such records; else 0.
    pub seconds: f64,
}

impl StreamLag {
    pub(super) fn now(lag: Lag) -> Self {
        let reached = lag.reached.filter(|_| lag.records > 0).and_then(|at| u64::try_from(at).ok());
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let age = reached.map(|at| now.saturating_sub(Duration::from_millis(at)));
        Self { records: lag.records, seconds: age.unwrap_or_default().as_secs_f64() }
    }
}

/// Records from before a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preloading {
    pub read: u64,
    /// Those of them that were learned.
    pub learned: u64,
}

impl StreamStatus {
    /// That of a stream which waits for its first record.
    pub(super) fn begun(summary: StreamSummary) -> Self {
        Self {
            summary,
            caught_up: false,
            watermark: None,
            lag: None,
            checkpoint_age: 0.0,
            waiting_bytes: 0,
            silent: None,
            preload: None,
            down: BTreeSet::new(),
        }
    }
}

/// Keeps what does not answer.
pub(super) fn follow(down: &mut BTreeSet<String>, notice: &Notice) {
    let (name, is_down) = match notice {
        Notice::LogDown { .. } => ("input", true),
        Notice::LogUp => ("input", false),
        Notice::StoreDown { .. } | Notice::CheckpointStale => ("checkpoints", true),
        Notice::StoreUp => ("checkpoints", false),
        Notice::SinkDown { sink, .. } => (sink.as_str(), true),
        Notice::SinkUp { sink } => (sink.as_str(), false),
        Notice::Restored { .. } | Notice::CheckpointDamaged { .. } => return,
    };
    if is_down {
        down.insert(name.to_owned());
    } else {
        down.remove(name);
    }
}

/// Watches which entities are silent.
#[derive(Default)]
pub(super) struct Silence {
    known: Option<SilentEntities>,
    /// When it was looked at last, and the records until then.
    looked: Option<Duration>,
    records: u64,
    /// When the last record was read.
    heard: Duration,
}

impl Silence {
    /// Looks again every five seconds, and says which are newly silent and which are heard of again.
    pub fn look(
        &mut self,
        records: u64,
        now: Duration,
        silent: impl Fn(Duration) -> Option<SilentEntities>,
    ) -> Option<SilentEntities> {
        if records != self.records {
            (self.records, self.heard) = (records, now);
        }
        if self.looked.is_none_or(|looked| now >= looked + LOOK) {
            self.looked = Some(now);
            let found = silent(now.saturating_sub(self.heard));
            for (before, after, what) in [
                (&self.known, &found, "is silent, for longer than it ever was"),
                (&found, &self.known, "is heard of again"),
            ] {
                for name in new(before.as_ref(), after.as_ref()) {
                    tracing::warn!("{name} {what}");
                }
            }
            self.known = found;
        }
        self.known.clone()
    }
}

/// The names in `after` alone, where `before` would have room for them.
fn new<'a>(
    before: Option<&'a SilentEntities>,
    after: Option<&'a SilentEntities>,
) -> impl Iterator<Item = &'a str> {
    let names = |silent: Option<&'a SilentEntities>| {
        silent.into_iter().flat_map(|silent| &silent.last).map(|(name, _)| name.as_str())
    };
    let is_whole = before.is_none_or(|before| before.count == before.last.len() as u64);
    let before: BTreeSet<&str> = names(before).collect();
    names(after).filter(move |name| is_whole && !before.contains(name))
}
