//! Runs a shard on a thread of its own, since its log, sinks and store block.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anomal_core::{Code, Error, Result};
use anomal_stream::{Notice, Step};
use tokio::{runtime::Handle, sync::oneshot};
use tracing::Instrument;

use super::{
    StreamControl, StreamShard, StreamSummary, failure,
    status::{Silence, StreamLag, StreamStatus, follow},
};

/// The reason of an error behind which the state of the process is not known.
pub(super) const PANICKED: &str = "PANICKED";
/// How often it is looked at what does not go on: an output, a checkpoint, or an input that can't be read.
const POLL: Duration = Duration::from_millis(100);
/// How often outputs are looked at to which something is on its way: a request may have ended, so that the next one can begin.
const SENDING_POLL: Duration = Duration::from_millis(5);
/// How often it says how it is.
const STATUS: Duration = Duration::from_millis(250);
/// How often it is looked at whether the last results are written and saved.
const DRAIN_POLL: Duration = Duration::from_millis(10);
/// How long a stream that ends may take to write its last results.
const DRAIN: Duration = Duration::from_secs(30);

/// Runs the shard to its end. `named` has the name of the job and the folder of its state; `wait`: how often an input is looked
/// at that had nothing to read.
pub(super) async fn start(
    shard: StreamShard,
    control: StreamControl,
    named: StreamSummary,
    (since, wait): (Instant, Duration),
) -> Result<StreamSummary> {
    let (sender, ended) = oneshot::channel();
    let runtime = Handle::current();
    let work = run(shard, control, named, (since, wait)).in_current_span();
    let thread = std::thread::Builder::new().name("shard".into()).spawn(move || {
        // The receiver is gone where the process ends.
        let _ = sender.send(runtime.block_on(work));
    });
    thread.map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
    ended.await.map_err(|_| {
        let message =
            "the thread of the shard panicked: this is a defect of Anomal; please report it";
        Error::new(Code::Internal, PANICKED, message)
    })?
}

async fn run(
    mut shard: StreamShard,
    mut control: StreamControl,
    named: StreamSummary,
    (since, wait): (Instant, Duration),
) -> Result<StreamSummary> {
    let mut reporter =
        Reporter { named, down: BTreeSet::new(), said: None, silence: Silence::default() };
    loop {
        let step = shard.step(since.elapsed()).await;
        reporter.report(&mut shard, &control, since.elapsed());
        if *control.stop.borrow() {
            break;
        }
        if step.map_err(failure)? == Step::Busy {
            continue;
        }
        if control.until_caught_up && shard.caught_up() {
            break;
        }
        // Of an input that has just had records, more may be there at any time.
        let poll = if shard.caught_up() { wait } else { wait.min(POLL) };
        rest(&mut shard, &mut control, since, poll).await;
    }
    let doors = shard.log().doors();
    if let Some(doors) = doors {
        doors.close().await;
    }
    let deadline = Instant::now() + DRAIN;
    while !shard.drain(since.elapsed()).map_err(failure)? {
        reporter.report(&mut shard, &control, since.elapsed());
        if Instant::now() > deadline {
            let message = "not all results could be written within 30 s: the next run writes them from the last \
                           checkpoint";
            return Err(Error::new(Code::Output, "NOT_DRAINED", message));
        }
        tokio::time::sleep(DRAIN_POLL).await;
    }
    reporter.report(&mut shard, &control, since.elapsed());
    for (path, bytes) in shard.log().unfinished_lines() {
        tracing::warn!(
            "{}: the last {bytes} bytes have no line end and are left for the next run",
            path.display()
        );
    }
    let summary = StreamSummary::of_shard(&shard);
    shard.into_log().close().await;
    Ok(summary)
}

/// Waits so long, while what is on its way to outputs goes on.
async fn rest(
    shard: &mut StreamShard,
    control: &mut StreamControl,
    since: Instant,
    poll: Duration,
) {
    let until = Instant::now() + poll;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let is_sending = shard.is_sending();
        let pause = if is_sending { left.min(SENDING_POLL) } else { left };
        // It fails where the sender is gone, as the process ends.
        if tokio::time::timeout(pause, control.stop.changed()).await.is_ok() {
            return;
        }
        if is_sending {
            shard.send(since.elapsed());
        }
    }
}

/// Says what happens.
struct Reporter {
    /// With the name of the job and the folder of its state.
    named: StreamSummary,
    down: BTreeSet<String>,
    said: Option<Duration>,
    silence: Silence,
}

impl Reporter {
    fn report(&mut self, shard: &mut StreamShard, control: &StreamControl, now: Duration) {
        let notices = shard.take_notices();
        let is_due = self.said.is_none_or(|said| now >= said + STATUS);
        if notices.is_empty() && !is_due {
            return;
        }
        for notice in &notices {
            follow(&mut self.down, notice);
        }
        self.said = Some(now);
        control.status.send_replace(Some(self.status(shard, now)));
        log(notices);
    }

    fn status(&mut self, shard: &StreamShard, now: Duration) -> StreamStatus {
        let progress = shard.progress();
        let saved = progress.saved_at.unwrap_or_default();
        let watermark = shard.judge().watermark();
        let judge = shard.judge();
        let silent = self.silence.look(progress.records, now, |idle| judge.silent(idle));
        StreamStatus {
            silent,
            preload: None,
            summary: StreamSummary {
                job: self.named.job.clone(),
                state: self.named.state.clone(),
                duration_seconds: now.as_secs_f64(),
                ..StreamSummary::of_shard(shard)
            },
            caught_up: shard.caught_up(),
            watermark: watermark.map(|micros| micros as f64 / 1e6),
            lag: shard.log().lag().map(StreamLag::now),
            checkpoint_age: now.saturating_sub(saved).as_secs_f64(),
            waiting_bytes: progress.waiting as u64,
            down: self.down.clone(),
        }
    }
}

fn log(notices: Vec<Notice>) {
    for notice in notices {
        match notice {
            Notice::Restored { number, records } => {
                tracing::info!("continues behind record {records}, by checkpoint {number}");
            }
            Notice::CheckpointDamaged { name, reason } => tracing::warn!(
                "checkpoint {name} can't be used: {reason}; the one before it is used, and more is read again"
            ),
            Notice::LogDown { error } => tracing::warn!("input: {error}; reading is tried again"),
            Notice::LogUp => tracing::warn!("the input can be read again"),
            Notice::SinkDown { sink, error } => {
                tracing::warn!("output {sink}: {error}; results wait, and writing is tried again");
            }
            Notice::SinkUp { sink } => tracing::warn!("output {sink} takes results again"),
            Notice::StoreDown { error } => {
                tracing::warn!("cannot save a checkpoint: {error}; saving is tried again");
            }
            Notice::StoreUp => tracing::warn!("checkpoints are saved again"),
            Notice::CheckpointStale => {
                tracing::warn!("reading stops, since no checkpoint could be saved for 10 minutes");
            }
        }
    }
}
