//! The partitions that a process runs, each with its own end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anomal_core::Result;
use anomal_stream::GroupMember;
use futures::{FutureExt, future::LocalBoxFuture};
use tokio::sync::watch;

use super::{
    super::{
        Replica, StreamControl, StreamRun, StreamStatus, StreamSummary, first_records::FirstRecords,
    },
    Event, Partition,
    owned::{Begin, OwnedPartition},
    preloaded::Preloaded,
    source::Wanted,
    totals::Totals,
};

pub(super) struct RunningPartitions<'a> {
    run: &'a StreamRun<'a>,
    until_caught_up: bool,
    replica: Replica,
    begin: Begin<'a>,
    /// Those that the process is to run.
    wanted: BTreeSet<Partition>,
    known: BTreeMap<Partition, RunningPartition>,
    is_stopping: bool,
}

/// One that is run, or has ended with the process.
pub(super) struct RunningPartition {
    pub status: watch::Receiver<Option<StreamStatus>>,
    stop: watch::Sender<bool>,
    /// Another process is to run it.
    is_given_up: bool,
}

impl<'a> RunningPartitions<'a> {
    pub fn new(
        run: &'a StreamRun<'a>,
        control: &StreamControl,
        first: FirstRecords,
        preloaded: &'a Preloaded,
        member: Option<Arc<dyn GroupMember>>,
    ) -> Self {
        Self {
            run,
            until_caught_up: control.until_caught_up,
            replica: control.replica,
            begin: Begin { first, preloaded, member },
            wanted: BTreeSet::new(),
            known: BTreeMap::new(),
            is_stopping: false,
        }
    }

    /// Those that are run, or have ended with the process.
    pub fn known(&self) -> &BTreeMap<Partition, RunningPartition> {
        &self.known
    }

    pub fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// Gives up those that are not wanted any more, each behind a last checkpoint.
    pub fn want(&mut self, wanted: Wanted) {
        match wanted {
            Wanted::More(more) => self.wanted.extend(more),
            Wanted::Only(only) => {
                let others =
                    self.known.iter_mut().filter(|(partition, _)| !only.contains(partition));
                for (_, running) in others {
                    running.is_given_up = true;
                    running.stop.send_replace(true);
                }
                self.wanted = only;
            }
        }
    }

    /// Starts those that are wanted and not run.
    pub fn start(&mut self) -> Vec<LocalBoxFuture<'a, Event>> {
        let mut started: Vec<LocalBoxFuture<'a, Event>> = Vec::new();
        if self.is_stopping {
            return started;
        }
        let new: Vec<Partition> =
            self.wanted.iter().filter(|it| !self.known.contains_key(it)).cloned().collect();
        for partition in new {
            let (stop, stopped) = watch::channel(false);
            let (status, watched) = watch::channel(None);
            let running = RunningPartition { status: watched, stop, is_given_up: false };
            self.known.insert(partition.clone(), running);
            let control = StreamControl {
                stop: stopped,
                until_caught_up: self.until_caught_up,
                replica: self.replica,
                member: None,
                status,
            };
            let count = self.wanted.len();
            let owned = OwnedPartition::new(self.run, partition.clone(), self.begin.clone(), count);
            let ended = owned
                .run(control)
                .map(|ended| Event::Ended(partition, ended.map(|summary| summary.map(Box::new))));
            started.push(Box::pin(ended));
        }
        started
    }

    /// All end, each behind a last checkpoint.
    pub fn stop(&mut self) {
        self.is_stopping = true;
        for running in self.known.values() {
            running.stop.send_replace(true);
        }
    }

    /// One has ended.
    ///
    /// # Errors
    /// That of the partition, if it was not given up.
    pub fn end(
        &mut self,
        partition: Partition,
        ended: Result<Option<Box<StreamSummary>>>,
        totals: &mut Totals,
    ) -> Result<()> {
        let is_given_up = self.known.get(&partition).is_some_and(|known| known.is_given_up);
        if is_given_up && !self.is_stopping {
            if let Err(error) = ended {
                tracing::warn!(
                    "partition {} was given up: {error}; the process that has it now goes on behind its last checkpoint",
                    partition.name()
                );
            }
            self.known.remove(&partition);
            return Ok(());
        }
        let (summary, result) = match ended {
            Ok(summary) => (summary.map(|summary| *summary), Ok(())),
            Err(error) => (None, Err(error)),
        };
        totals.end(partition, summary);
        result
    }
}
