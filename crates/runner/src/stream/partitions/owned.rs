//! One partition: it is run as a stream, waited for, or watched while another process has it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anomal_connectors::{OnePartition, TopicLog};
use anomal_core::{Code, Error, Result, blocking};
use anomal_stream::{Checkpoints, GroupMember, RestorePoint, ShardOptions, Standby};
use tracing::Instrument;

use super::{
    super::{
        FENCED, StreamControl, StreamRun, StreamSummary, failure, first_records::FirstRecords,
        log::StreamLog, state, state::StreamCounts, state_folder, status::StreamStatus, store,
    },
    Partition, folder,
    preloaded::Preloaded,
    stops,
};

/// How often a folder or a file is tried again that another process uses, or a store that does not answer.
const RETRY: Duration = Duration::from_secs(1);
/// An owner that reads nothing saves a checkpoint after so many times that of checkpoints.
const HEARTBEAT: u32 = 6;
/// Heartbeats without which an owner is gone.
const MISSED: u32 = 3;
/// Times in a row that an owner may save a checkpoint just before the process that takes over from it.
const OVERTAKEN: u32 = 10;
/// Bytes of results that wait for sinks, of all partitions of a process and at least of each.
const OUTBOX: usize = 256 << 20;
const LEAST_OUTBOX: usize = 8 << 20;

/// What a partition begins with.
#[derive(Clone)]
pub(super) struct Begin<'a> {
    pub first: FirstRecords,
    pub preloaded: &'a Preloaded,
    /// The membership of the process in the group that has assigned it.
    pub member: Option<Arc<dyn GroupMember>>,
}

pub(super) struct OwnedPartition<'a> {
    run: &'a StreamRun<'a>,
    partition: Partition,
    folder: PathBuf,
    begin: Begin<'a>,
    /// The partitions that share the memory of the process.
    share: usize,
    /// Bytes of results that may wait.
    outbox: usize,
    /// The last warning, while it is not read.
    warned: Option<String>,
    /// Times that another process saved a checkpoint just before this one.
    overtaken: u32,
}

impl<'a> OwnedPartition<'a> {
    /// `share`: the partitions of this process, which share its memory.
    pub fn new(
        run: &'a StreamRun<'a>,
        partition: Partition,
        begin: Begin<'a>,
        share: usize,
    ) -> Self {
        let folder = folder(&state_folder(run.job, run.stream), &partition.name());
        let outbox = (OUTBOX / share.max(1)).max(LEAST_OUTBOX);
        Self { run, partition, folder, begin, share, outbox, warned: None, overtaken: 0 }
    }

    /// Runs it until the process is stopped. None: it was not read then.
    pub async fn run(mut self, control: StreamControl) -> Result<Option<StreamSummary>> {
        let span = tracing::info_span!("partition", name = self.partition.name());
        self.keep(control).instrument(span).await
    }

    async fn keep(&mut self, mut control: StreamControl) -> Result<Option<StreamSummary>> {
        while !*control.stop.borrow() {
            let ended = Box::pin(self.once(&control)).await;
            let error = match ended {
                Ok(summary) => return Ok(Some(summary)),
                Err(error) if control.until_caught_up => return Err(error),
                Err(error) => error,
            };
            // Its figures are those of the other process.
            control.status.send_replace(None);
            match error.reason.as_str() {
                // An owner also removes old checkpoints while they are read here.
                FENCED | "NO_CHECKPOINT" if self.overtaken < OVERTAKEN => {
                    self.overtaken += 1;
                    self.wait(&mut control, &error).await;
                }
                FENCED => {
                    tracing::warn!(
                        "another process has taken it over; this one takes it again when that one is gone"
                    );
                    self.stand_by(&mut control).await;
                }
                store::IN_USE => self.wait(&mut control, &error).await,
                // A store that is away.
                "STATE" if error.code != Code::InvalidSettings => {
                    self.wait(&mut control, &error).await;
                }
                _ => return Err(error),
            }
        }
        Ok(None)
    }

    async fn once(&mut self, control: &StreamControl) -> Result<StreamSummary> {
        let (run, name) = (self.run, self.partition.name());
        let secrets = &run.options.secrets;
        let store = store::open(self.folder.clone(), run.auth(), secrets.clone()).await?;
        let mut restored = run.restore(store, Some(&name)).await?;
        restored.streams = self.share;
        let input = run.job.spec.input.kafka.as_ref();
        let input = input.ok_or_else(|| Error::internal("partitions without topics"))?;
        let Partition { topic, number } = self.partition.clone();
        let only = OnePartition { topic, number, member: self.begin.member.clone() };
        let client = run.options.connectors.message_client();
        let mut log = StreamLog::Topics(TopicLog::open(input, secrets, client, Some(only))?);
        let begun = StreamSummary::new(&StreamCounts::default(), false, 0);
        let begun = run.named(&self.folder, &begun);
        let sample = match &restored.point {
            Some(RestorePoint { state, .. }) => state::sample(state)?,
            None => {
                let Begin { first, preloaded, .. } = &self.begin;
                first.begin(&mut log)?;
                if let Some(input) = run.stream.preload() {
                    let learned = preloaded.state(run, input, first, (control, &begun)).await?;
                    let Some(learned) = learned else { return Ok(begun) };
                    restored.learned = Some(learned);
                }
                first.sample.clone()
            }
        };
        let options = ShardOptions {
            outbox_bytes: self.outbox,
            heartbeat: Some(run.checkpoint_every() * HEARTBEAT),
            ..run.shard_options()
        };
        let shard = run.shard(log, restored, sample, options, (control, &begun)).await?;
        let Some(shard) = shard else { return Ok(begun) };
        // From here on, it loses the partition if it is fenced.
        self.overtaken = OVERTAKEN;
        if self.warned.take().is_some() {
            tracing::warn!("it is read by this process now");
        }
        let named = run.named(&self.folder, &StreamSummary::of_shard(&shard.0));
        let control = StreamControl {
            stop: control.stop.clone(),
            until_caught_up: control.until_caught_up,
            replica: control.replica,
            member: None,
            status: control.status.clone(),
        };
        control.status.send_replace(Some(StreamStatus::begun(named.clone())));
        run.drive(shard, control, named).await
    }

    /// Says once why it is not read, and waits a moment.
    async fn wait(&mut self, control: &mut StreamControl, error: &Error) {
        if self.warned.as_ref() != Some(&error.message) {
            tracing::warn!("{}; it is tried again", error.message);
            self.warned = Some(error.message.clone());
        }
        let _ = tokio::time::timeout(RETRY, stops(&mut control.stop)).await;
    }

    /// Watches the checkpoints of the other process, until it saves none any more.
    async fn stand_by(&mut self, control: &mut StreamControl) {
        (self.warned, self.overtaken) = (Some(String::new()), 0);
        let (run, every) = (self.run, self.run.checkpoint_every());
        let patience = every * HEARTBEAT * MISSED;
        let mut standby = Standby::new(patience, run.since.elapsed());
        let mut kept = None;
        while !*control.stop.borrow() {
            let _ = tokio::time::timeout(every, stops(&mut control.stop)).await;
            let store = match kept.take() {
                Some(store) => Ok(store),
                None => {
                    let secrets = run.options.secrets.clone();
                    store::open(self.folder.clone(), run.auth(), secrets).await
                }
            };
            let Ok(store) = store else { continue };
            let newest = blocking(move |_| {
                let newest = Checkpoints::newest(&*store).map_err(failure)?;
                Ok((store, newest))
            });
            // A store that does not answer says nothing about the owner.
            let Ok((store, newest)) = newest.await else {
                standby = Standby::new(patience, run.since.elapsed());
                continue;
            };
            kept = Some(store);
            if standby.look(newest, run.since.elapsed()) {
                return;
            }
        }
    }
}
