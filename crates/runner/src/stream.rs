//! Continuous jobs: files that grow, topics and what is pushed, judged row by row or by windows, with results that are written
//! once whatever is killed.

mod check;
mod drive;
mod event_time;
mod generation;
mod judge;
mod judges;
mod learning;
mod log;
mod outputs;
mod quarantine;
mod refit;
mod setup;
mod state;
mod status;
mod store;
mod warm_up;
mod windows;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anomal_core::{Code, Error, Result, blocking};
use anomal_spec::{AnomalyJob, Stream, seconds};
use anomal_stream::{
    Checkpoints, RestorePoint, SaverOf, Shard, ShardOptions, ShardParts, ThreadSaver,
};
use serde::Serialize;
use tokio::sync::watch;

use self::{
    judges::AnyJudge,
    log::StreamLog,
    setup::{open_log, sample},
    state::StreamCounts,
};
use crate::{
    files,
    options::{Engines, Options},
};

pub use check::check_stream;
pub(crate) use check::{is_collected, refuse_whole_table, time_column};
pub use learning::{EntityCounts, ModelCounts, SilentEntities};
pub use status::StreamStatus;

/// When a stream ends.
#[derive(Debug)]
pub struct StreamControl {
    /// It ends, with a last checkpoint, once this is true.
    pub stop: watch::Receiver<bool>,
    /// It ends where the input has no more records.
    pub until_caught_up: bool,
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
    /// The entities of a stream that has profiles of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entities: Option<EntityCounts>,
    /// The number of the last checkpoint.
    pub checkpoint: u64,
    /// The folder of the checkpoints.
    pub state: PathBuf,
    pub duration_seconds: f64,
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
    let since = Instant::now();
    let job = &with_absolute_paths(job)?;
    let spec = &job.spec;
    let stream = spec.stream.clone().unwrap_or_default();
    let state = state_folder(job, &stream);
    let auth = stream.state.checkpoint.auth.clone();
    let store = store::open(state.clone(), auth, options.secrets.clone()).await?;
    let owner = uuid::Uuid::now_v7();
    let (high, low) = owner.as_u64_pair();
    let mut log = open_log(job, &stream, options, !control.until_caught_up)?;
    let sinks = outputs::sinks(job, options, &owner.simple().to_string())?;
    let mut checkpoints = Checkpoints::new(store, high ^ low);
    let names: Vec<String> = sinks.iter().map(|sink| sink.name.clone()).collect();
    // It may ask an object store.
    let (checkpoints, point) = blocking(move |_| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let point = checkpoints.restore(&names).map_err(failure)?;
        Ok((checkpoints, point))
    })
    .await?;
    let ended = |summary: StreamSummary| StreamSummary {
        duration_seconds: since.elapsed().as_secs_f64(),
        state: state.clone(),
        job: job.metadata.name.clone(),
        ..summary
    };
    let named = ended(StreamSummary::new(&StreamCounts::default(), false, 0));
    control.status.send_replace(Some(StreamStatus::begun(named.clone())));
    let sample = match &point {
        Some(RestorePoint { state, .. }) => state::sample(state)?,
        None => {
            log.listen().await?;
            match sample(&mut log, &control, setup::sample_wait(spec)).await? {
                Some(sample) => sample,
                None => {
                    log.close().await;
                    return Ok(ended(StreamSummary::new(&StreamCounts::default(), false, 0)));
                }
            }
        }
    };
    let judge = AnyJudge::new(job, &stream, engines, options, sample).await?;
    let every = seconds(&stream.state.checkpoint.every).unwrap_or(10);
    let shard_options =
        ShardOptions { checkpoint_every: Duration::from_secs(every), ..ShardOptions::default() };
    let saver: SaverOf = Box::new(|checkpoints| Box::new(ThreadSaver::new(checkpoints)));
    let parts = ShardParts { log, judge, sinks, checkpoints, saver };
    let opened = Shard::open(parts, shard_options, since.elapsed());
    let shard = opened.map_err(failure)?;
    // Of a stream that continues: the log goes on behind its place now.
    shard.log().listen().await?;
    drive::start(shard, control, named, since).await.map(ended)
}

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
    let inner = |cause: anomal_stream::Cause, code: Code, reason: &str, message: String| {
        let own = cause.downcast::<Error>();
        own.map_or_else(|_| Error::new(code, reason, message), |error| *error)
    };
    match error {
        Failure::Judge(cause) => inner(cause, Code::Internal, "STREAM", message),
        Failure::Sink { cause, .. } => inner(cause, Code::Output, "OUTPUT", message),
        Failure::Log(cause) => inner(cause, Code::InvalidInput, "POSITION", message),
        Failure::Store(_) => Error::new(Code::Output, "STATE", message),
        Failure::Fenced { .. } => Error::new(Code::Output, "FENCED", message),
        Failure::NoCheckpoint(_) => Error::settings(CHECKPOINT, "NO_CHECKPOINT", message),
    }
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
            results: counts.results,
            refused: 0,
            suspicious: counts.suspicious,
            flagged: counts.flagged,
            late: counts.late,
            skewed: counts.skewed,
            warm,
            models: None,
            entities: None,
            checkpoint,
            state: PathBuf::new(),
            duration_seconds: 0.0,
        }
    }

    fn of_shard(shard: &StreamShard) -> Self {
        let judge = shard.judge();
        let summary = Self::new(judge.counts(), judge.is_warm(), shard.progress().checkpoint);
        let (models, entities) = (judge.models(), judge.entities());
        Self { lost: shard.log().lost(), refused: shard.refused(), models, entities, ..summary }
    }
}
