//! Continuous jobs: files that grow, topics and what is pushed, judged row by row or by windows, with results that are written
//! once whatever is killed.

mod attempts;
mod check;
mod drive;
mod event_time;
mod first_records;
mod generation;
mod history;
mod judge;
mod judges;
mod learning;
mod log;
mod memory;
mod online;
mod outputs;
mod partitions;
mod quarantine;
mod refit;
mod replica;
mod reports;
mod settings;
mod setup;
mod state;
mod status;
mod store;
mod warm_up;
mod windows;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anomal_connectors::{Sample, StreamResults};
use anomal_core::{Code, Error, Result, blocking};
use anomal_spec::{AnomalyJob, Auth, Stream, bytes, milliseconds, seconds};
use anomal_stream::{
    Cause, Checkpoints, Judge, JudgeState, NamedSink, RestorePoint, SaverOf, Shard, ShardOptions,
    ShardParts, Store, ThreadSaver,
};
use serde::Serialize;
use tokio::sync::watch;

use self::{
    attempts::{Attempts, Running},
    history::PRELOAD,
    judges::AnyJudge,
    log::StreamLog,
    reports::Reports,
    setup::{open_log, sample},
    state::StreamCounts,
};
use crate::{
    files,
    options::{Engines, Options},
};

pub use check::check_stream;
pub(crate) use check::{is_collected, learned_features, refuse_whole_table, time_column};
pub use learning::{EntityCounts, ModelCounts, SilentEntities};
pub use memory::{MemoryCounts, state_memory};
pub use online::online_choice;
pub use replica::Replica;
pub(crate) use reports::ReportColumns;
pub use status::{Preloading, StreamLag, StreamStatus};

/// When a stream ends.
#[derive(Debug)]
pub struct StreamControl {
    /// It ends, with a last checkpoint, once this is true.
    pub stop: watch::Receiver<bool>,
    /// It ends where the input has no more records.
    pub until_caught_up: bool,
    /// Which of the processes it is that share the partitions of topics.
    pub replica: Replica,
    /// Its name in the consumer group, where that says which partitions it runs.
    pub member: Option<String>,
    /// Receives how it is, several times a second; none before it has begun.
    pub status: watch::Sender<Option<StreamStatus>>,
}

/// The figures of a stream since its beginning, over all its restarts. `rows = rejected + filtered + results`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamSummary {
    pub job: String,
    /// Records read.
    pub rows: u64,
    pub rejected: u64,
    pub filtered: u64,
    /// Records of topics or of a journal that were gone before they were read.
    #[serde(skip_serializing_if = "is_zero")]
    pub lost: u64,
    /// Windows that were judged as a whole.
    #[serde(skip_serializing_if = "is_zero")]
    pub windows: u64,
    /// Records from before the stream that it has learned, which are in none of the other numbers.
    #[serde(skip_serializing_if = "is_zero")]
    pub preloaded: u64,
    /// Rows with results.
    pub results: u64,
    /// Results that an output itself has refused, each with its reason in the output's dead-letter file.
    pub refused: u64,
    pub suspicious: u64,
    pub flagged: u64,
    /// Rows whose times are behind the watermark by more than `stream.time.lateness`.
    pub late: u64,
    /// Rows whose times are in the future by more than `stream.time.ahead`.
    pub skewed: u64,
    /// Whether rows are scored: false before the end of the warm-up, and without classification.
    pub warm: bool,
    /// The models of a stream that learns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<ModelCounts>,
    /// The memory of the state, where it is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryCounts>,
    /// The entities of a stream that has profiles of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entities: Option<EntityCounts>,
    /// Of partitions that are shared: how many of them are this process's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<PartitionCounts>,
    /// The number of the last checkpoint; the highest of several chains.
    pub checkpoint: u64,
    /// The folder of the checkpoints.
    pub state: PathBuf,
    pub duration_seconds: f64,
}

/// The partitions of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PartitionCounts {
    /// Those that belong to it, by its number or its group.
    pub owned: usize,
    /// Those of them that it reads: the others are still, or again, read by another process.
    pub read: usize,
}

/// Runs a job that has `stream` until it is stopped. Its paths are resolved already.
///
/// # Errors
/// With the code that says whose fault it is. What was judged behind the last checkpoint is judged again by the next run.
pub async fn run_stream(
    job: &AnomalyJob,
    engines: &Engines,
    options: &Options,
    control: StreamControl,
) -> Result<StreamSummary> {
    let mut job = with_absolute_paths(job)?;
    let group = job.consumer_group();
    if let Some(kafka) = &mut job.spec.input.kafka {
        kafka.group = group;
    }
    let job = &job;
    let stream = &job.spec.stream.clone().unwrap_or_default();
    let reports = Reports::for_job(job, options);
    let run = StreamRun { job, stream, engines, options, reports, since: Instant::now() };
    let streamed = async {
        if job.spec.has_shared_partitions() {
            partitions::run(&run, control).await
        } else {
            run.whole(control).await
        }
    };
    let Some(reports) = &run.reports else { return streamed.await };
    let ended = tokio::select! {
        ended = streamed => ended,
        never = reports.run() => match never {},
    };
    // What was judged is in it, also where the stream has failed.
    reports.publish().await;
    ended
}

/// What a stream is run with.
struct StreamRun<'a> {
    job: &'a AnomalyJob,
    stream: &'a Stream,
    engines: &'a Engines,
    options: &'a Options,
    /// None: it makes none.
    reports: Option<Arc<Reports>>,
    /// When it began.
    since: Instant,
}

/// What a shard continues with.
struct Restored {
    sinks: Vec<NamedSink<StreamResults>>,
    store: Arc<dyn Store>,
    checkpoints: Checkpoints,
    /// None: it begins.
    point: Option<RestorePoint>,
    /// What it has learned already where it begins.
    learned: Option<JudgeState>,
    /// The streams that share the memory of the process.
    streams: usize,
}

impl StreamRun<'_> {
    /// Runs it as one stream that reads all of the input.
    async fn whole(&self, control: StreamControl) -> Result<StreamSummary> {
        let state = state_folder(self.job, self.stream);
        let store = self.open_when_free(&state, &control).await?;
        let store = first_records::refuse_shared(store).await?;
        let mut log = open_log(self.job, self.stream, self.options, !control.until_caught_up)?;
        let restored = self.restore(store, None).await?;
        let ended = |summary: StreamSummary| StreamSummary {
            duration_seconds: self.since.elapsed().as_secs_f64(),
            ..self.named(&state, &summary)
        };
        let nothing = || ended(StreamSummary::new(&StreamCounts::default(), false, 0));
        let named = nothing();
        control.status.send_replace(Some(StreamStatus::begun(named.clone())));
        let sample = match &restored.point {
            Some(RestorePoint { state, .. }) => state::sample(state)?,
            None => {
                log.listen().await?;
                let wait = setup::sample_wait(&self.job.spec);
                match sample(&mut log, &control, wait).await? {
                    Some(sample) => sample,
                    None => {
                        log.close().await;
                        return Ok(nothing());
                    }
                }
            }
        };
        let options = self.shard_options();
        let shard = self.shard(log, restored, sample, options, (&control, &named)).await?;
        let Some(shard) = shard else { return Ok(nothing()) };
        self.drive(shard, control, named).await.map(ended)
    }

    /// Opens the store of checkpoints. In a cluster the process of a pod that was deleted by force may have it some seconds
    /// longer; to end would cost more than to wait, since the kubelet restarts a container later each time.
    async fn open_when_free(
        &self,
        state: &Path,
        control: &StreamControl,
    ) -> Result<Arc<dyn Store>> {
        let patience = self.options.namespace.as_ref().map_or(Duration::ZERO, |_| IN_USE_PATIENCE);
        let mut stop = control.stop.clone();
        let mut warned = false;
        loop {
            let opened = store::open(state.to_owned(), self.auth(), self.options.secrets.clone());
            let error = match opened.await {
                Err(error) if error.reason == store::IN_USE => error,
                opened => return opened,
            };
            if self.since.elapsed() >= patience || *stop.borrow() {
                return Err(error);
            }
            if !std::mem::replace(&mut warned, true) {
                tracing::warn!("{}; it is tried again", error.message);
            }
            let _ = tokio::time::timeout(IN_USE_RETRY, stop.wait_for(|stop| *stop)).await;
        }
    }

    /// Opens the outputs and finds the checkpoint to continue from.
    async fn restore(&self, store: Arc<dyn Store>, partition: Option<&str>) -> Result<Restored> {
        let owner = uuid::Uuid::now_v7();
        let id = owner.simple().to_string();
        let sinks = outputs::sinks(self.job, self.options, &id, partition)?;
        let mut checkpoints = owned_checkpoints(&store, owner);
        let names: Vec<String> = sinks.iter().map(|sink| sink.name.clone()).collect();
        // It may ask an object store.
        let (checkpoints, point) = blocking(move |_| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let point = checkpoints.restore(&names).map_err(failure)?;
            Ok((checkpoints, point))
        })
        .await?;
        Ok(Restored { sinks, store, checkpoints, point, learned: None, streams: 1 })
    }

    /// Opens a shard, behind the records from before it. None: it was stopped while it learned these.
    async fn shard(
        &self,
        mut log: StreamLog,
        restored: Restored,
        sample: Sample,
        options: ShardOptions,
        (control, named): (&StreamControl, &StreamSummary),
    ) -> Result<Option<(StreamShard, Running)>> {
        let Restored { sinks, store, checkpoints, point, learned, streams } = restored;
        let begun = point.as_ref().map_or(0, |point| point.base.positions.records());
        let begin = blocking(move |_| {
            let begun = Attempts::begin(store, begun);
            begun.map_err(|cause| failure(anomal_stream::Error::Store(cause)))
        });
        let (attempts, running) = begin.await?;
        let opened = async {
            let (job, engines, run_options) = (self.job, self.engines, self.options);
            let mut judge =
                AnyJudge::new(job, self.stream, engines, run_options, sample, attempts).await?;
            if let Some(most) = self.stream.state.max_memory.as_deref().and_then(bytes) {
                judge.limit_memory(&job.spec, most / streams.max(1) as u64)?;
            }
            match (&point, learned) {
                (Some(_), _) => {}
                (None, Some(learned)) => judge.restore(learned).map_err(judge_failure)?,
                (None, None) => {
                    let watch = preloading(control, named);
                    if !judge.preload(self.job, self.stream, self.options, watch).await? {
                        log.close().await;
                        return Ok(None);
                    }
                }
            }
            if let Some(reports) = &self.reports {
                judge.report_to(reports);
            }
            let saver: SaverOf = Box::new(|checkpoints| Box::new(ThreadSaver::new(checkpoints)));
            let parts = ShardParts { log, judge, sinks, checkpoints, saver };
            let shard = Shard::open(parts, options, self.since.elapsed()).map_err(failure)?;
            let preloads = self.stream.preload().is_some();
            if point.is_some() && preloads && shard.judge().counts().preloaded == 0 {
                tracing::warn!(
                    "{PRELOAD} is not read, since the stream has begun without it; name another folder of state to begin anew"
                );
            }
            Ok(Some(shard))
        };
        let opened: Result<Option<StreamShard>> = opened.await;
        match opened {
            Ok(Some(shard)) => Ok(Some((shard, running))),
            other => {
                end(running).await?;
                other.map(|_| None)
            }
        }
    }

    /// Runs a shard until it is stopped.
    async fn drive(
        &self,
        (shard, running): (StreamShard, Running),
        control: StreamControl,
        named: StreamSummary,
    ) -> Result<StreamSummary> {
        let streamed = async {
            // Of a stream that continues: the log goes on behind its place now.
            shard.log().listen().await?;
            drive::start(shard, control, named, (self.since, self.wait())).await
        };
        let streamed = streamed.await;
        let has_panicked = streamed.as_ref().is_err_and(|error| error.reason == drive::PANICKED);
        if !has_panicked {
            end(running).await?;
        }
        streamed
    }

    fn shard_options(&self) -> ShardOptions {
        ShardOptions { checkpoint_every: self.checkpoint_every(), ..ShardOptions::default() }
    }

    fn checkpoint_every(&self) -> Duration {
        Duration::from_secs(seconds(&self.stream.state.checkpoint.every).unwrap_or(10))
    }

    /// How often an input is looked at that had nothing to read.
    fn wait(&self) -> Duration {
        let batch = self.stream.batch.clone().unwrap_or_default();
        Duration::from_millis(milliseconds(&batch.wait).unwrap_or(50))
    }

    /// The credentials of the place of checkpoints.
    fn auth(&self) -> Option<Auth> {
        self.stream.state.checkpoint.auth.clone()
    }

    fn named(&self, state: &Path, summary: &StreamSummary) -> StreamSummary {
        let job = self.job.metadata.name.clone();
        StreamSummary { job, state: state.to_owned(), ..*summary }
    }
}

/// Says how far the records from before a stream are learned, and answers whether to go on.
fn preloading(control: &StreamControl, named: &StreamSummary) -> impl FnMut(Preloading) -> bool {
    move |preload| {
        let begun = StreamStatus::begun(named.clone());
        control.status.send_replace(Some(StreamStatus { preload: Some(preload), ..begun }));
        !*control.stop.borrow()
    }
}

async fn end(running: Running) -> Result<()> {
    blocking(move |_| {
        running.end();
        Ok(())
    })
    .await
}

/// The reason of an error: another process owns the state.
const FENCED: &str = "FENCED";
/// How long a folder may be in use by the process before, in a cluster.
const IN_USE_PATIENCE: Duration = Duration::from_secs(30);
const IN_USE_RETRY: Duration = Duration::from_millis(500);
const CHECKPOINT: &str = "stream.state.checkpoint.to";

/// A job whose state does not depend on the folder in which the process runs.
fn with_absolute_paths(job: &AnomalyJob) -> Result<AnomalyJob> {
    let mut job = job.clone();
    let mut failed = None;
    anomal_spec::visit_paths(&mut job.spec, &mut |place, path| match std::path::absolute(&path) {
        Ok(absolute) => *path = absolute.to_string_lossy().into_owned(),
        Err(error) => {
            failed.get_or_insert(Error::settings(place, "PATH", format!("{path}: {error}")));
        }
    });
    failed.map_or(Ok(job), Err)
}

/// Where the checkpoints are.
fn state_folder(job: &AnomalyJob, stream: &Stream) -> PathBuf {
    match &stream.state.checkpoint.to {
        Some(folder) => PathBuf::from(folder),
        None => files::beside(&job.spec, &format!("{}.state", job.metadata.name)).0,
    }
}

/// What ends a shard, as an error of the run.
fn failure(error: anomal_stream::Error) -> Error {
    use anomal_stream::Error as Failure;
    let message = error.to_string();
    let inner = |cause: Cause, code: Code, reason: &str, message: String| {
        let own = cause.downcast::<Error>();
        own.map_or_else(|_| Error::new(code, reason, message), |error| *error)
    };
    match error {
        Failure::Judge(cause) => inner(cause, Code::Internal, "STREAM", message),
        Failure::Sink { cause, .. } => inner(cause, Code::Output, "OUTPUT", message),
        Failure::Log(cause) => inner(cause, Code::InvalidInput, "POSITION", message),
        Failure::Store(_) => Error::new(Code::Output, "STATE", message),
        Failure::Fenced { .. } => Error::new(Code::Output, FENCED, message),
        Failure::NoCheckpoint(_) => Error::settings(CHECKPOINT, "NO_CHECKPOINT", message),
    }
}

/// The checkpoints of a store, for an owner that differs between processes.
fn owned_checkpoints(store: &Arc<dyn Store>, owner: uuid::Uuid) -> Checkpoints {
    let (high, low) = owner.as_u64_pair();
    Checkpoints::new(Box::new(Arc::clone(store)), high ^ low)
}

fn judge_failure(cause: Cause) -> Error {
    failure(anomal_stream::Error::Judge(cause))
}

type StreamShard = Shard<StreamLog, AnyJudge>;

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl StreamSummary {
    fn new(counts: &StreamCounts, warm: bool, checkpoint: u64) -> Self {
        Self {
            job: String::new(),
            rows: counts.read,
            rejected: counts.rejected,
            filtered: counts.filtered,
            lost: 0,
            windows: counts.windows,
            preloaded: counts.preloaded,
            results: counts.results,
            refused: 0,
            suspicious: counts.suspicious,
            flagged: counts.flagged,
            late: counts.late,
            skewed: counts.skewed,
            warm,
            models: None,
            memory: None,
            entities: None,
            partitions: None,
            checkpoint,
            state: PathBuf::new(),
            duration_seconds: 0.0,
        }
    }

    fn of_shard(shard: &StreamShard) -> Self {
        let judge = shard.judge();
        let summary = Self::new(judge.counts(), judge.is_warm(), shard.progress().checkpoint);
        let (models, entities, memory) = (judge.models(), judge.entities(), judge.memory());
        let (lost, refused) = (shard.log().lost(), shard.refused());
        Self { lost, refused, models, memory, entities, ..summary }
    }
}
