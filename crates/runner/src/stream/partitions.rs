//! Partitions of topics that several processes share: each is a stream of its own, which the process runs that it belongs to.
//!
//! There is no coordinator. The numbered checkpoints of a partition are its fence: a process that takes one over saves the next
//! number, and the one before stops when it finds that taken.

mod owned;
mod preloaded;
mod totals;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use anomal_connectors::topic_partitions;
use anomal_core::{Code, Error, Result};
use futures::{FutureExt, StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use tokio::sync::watch;

use self::{owned::OwnedPartition, preloaded::Preloaded, totals::Totals};
use super::{
    Replica, StreamControl, StreamRun, StreamStatus, StreamSummary,
    first_records::{self, FirstRecords},
    open_log, state_folder, store,
};

/// How often partitions are looked for that were added to the topics.
const DISCOVER: Duration = Duration::from_secs(5);
/// How often the process says how its partitions are.
const STATUS: Duration = Duration::from_millis(250);

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Partition {
    topic: String,
    number: u32,
}

impl Partition {
    /// As in the names of its folder and files.
    fn name(&self) -> String {
        format!("{}-{}", self.topic, self.number)
    }
}

/// What a partition begins with.
struct Begin<'a> {
    first: FirstRecords,
    preloaded: &'a Preloaded,
}

enum Event {
    /// The partitions of the topics, or why they can't be listed.
    Found(Result<Vec<Partition>>),
    /// A partition is not run any more. None: it was not read at the end.
    Ended(Partition, Result<Option<StreamSummary>>),
}

/// Runs the partitions of this process until it is stopped.
///
/// # Errors
/// The first that ends a partition; the others are written and saved before.
pub(super) async fn run(run: &StreamRun<'_>, control: StreamControl) -> Result<StreamSummary> {
    // Settings by which no broker can be reached are refused at once.
    drop(open_log(run.job, run.stream, run.options, false)?);
    let state = state_folder(run.job, run.stream);
    let root = store::open_shared(state.clone(), run.auth(), run.options.secrets.clone()).await?;
    let mut totals = Totals::new(run, &state);
    control.status.send_replace(Some(totals.status()));
    let Some(first) = first_records::find(run, root, &control).await? else {
        return Ok(totals.summary());
    };
    let preloaded = Preloaded::default();
    let (stop, stopped) = watch::channel(false);
    let mut work: FuturesUnordered<LocalBoxFuture<'_, Event>> = FuturesUnordered::new();
    work.push(discover(run, &control, Duration::ZERO));
    let mut known: BTreeMap<Partition, watch::Receiver<Option<StreamStatus>>> = BTreeMap::new();
    let mut ticks = tokio::time::interval(STATUS);
    let mut discovery = Discovery::default();
    let mut failure: Option<Error> = None;
    let mut asked = control.stop.clone();
    loop {
        let is_stopping = *stop.borrow();
        tokio::select! {
            event = work.next() => match event {
                None => break,
                Some(Event::Ended(partition, Ok(summary))) => totals.end(partition, summary),
                Some(Event::Ended(partition, Err(error))) => {
                    if failure.is_some() {
                        tracing::warn!("partition {}: {error}", partition.name());
                    }
                    failure.get_or_insert(error);
                    totals.end(partition, None);
                    stop.send_replace(true);
                }
                Some(Event::Found(_)) if is_stopping => {}
                Some(Event::Found(found)) => {
                    let mine = match discovery.mine(run, control.replica, found) {
                        Ok(mine) => mine,
                        Err(error) => {
                            failure.get_or_insert(error);
                            stop.send_replace(true);
                            continue;
                        }
                    };
                    let count = mine.len();
                    for partition in mine {
                        if known.contains_key(&partition) {
                            continue;
                        }
                        let (status, watched) = watch::channel(None);
                        known.insert(partition.clone(), watched);
                        let control = StreamControl {
                            stop: stopped.clone(),
                            until_caught_up: control.until_caught_up,
                            replica: control.replica,
                            status,
                        };
                        let begin = Begin { first: first.clone(), preloaded: &preloaded };
                        let owned = OwnedPartition::new(run, partition.clone(), begin, count);
                        work.push(Box::pin(owned.run(control).map(|ended| Event::Ended(partition, ended))));
                    }
                    if !(control.until_caught_up && discovery.is_known()) {
                        work.push(discover(run, &control, DISCOVER));
                    }
                }
            },
            () = stops(&mut asked), if !is_stopping => {
                stop.send_replace(true);
            }
            _ = ticks.tick() => {
                totals.set(&known, discovery.is_down());
                control.status.send_replace(Some(totals.status()));
            }
        }
        if *stop.borrow() && known.len() == totals.ended() {
            break;
        }
    }
    totals.set(&known, false);
    control.status.send_replace(Some(totals.status()));
    failure.map_or(Ok(totals.summary()), Err)
}

/// Waits until it is true, or its sender is gone, as the process ends.
async fn stops(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Looks for the partitions of the topics, so much later.
fn discover<'a>(
    run: &StreamRun<'a>,
    control: &StreamControl,
    later: Duration,
) -> LocalBoxFuture<'a, Event> {
    let (job, options) = (run.job, run.options);
    let mut stop = control.stop.clone();
    Box::pin(async move {
        let _ = tokio::time::timeout(later, stops(&mut stop)).await;
        let Some(kafka) = &job.spec.input.kafka else { return Event::Found(Ok(Vec::new())) };
        let client = options.connectors.message_client();
        let found = topic_partitions(kafka, &options.secrets, client).await;
        let named = |(topic, number)| Partition { topic, number };
        Event::Found(found.map(|found| found.into_iter().map(named).collect()))
    })
}

/// Whether the topics can be looked at.
#[derive(Default)]
struct Discovery {
    is_known: bool,
    is_down: bool,
}

impl Discovery {
    fn is_known(&self) -> bool {
        self.is_known
    }

    fn is_down(&self) -> bool {
        self.is_down
    }

    /// Those of this process; none while the brokers are away, with one warning.
    ///
    /// # Errors
    /// Those that do not pass by waiting.
    fn mine(
        &mut self,
        run: &StreamRun<'_>,
        replica: Replica,
        found: Result<Vec<Partition>>,
    ) -> Result<Vec<Partition>> {
        let mut mine = match found {
            Ok(found) => found,
            Err(error) if error.code == Code::Unavailable => {
                if !std::mem::replace(&mut self.is_down, true) {
                    tracing::warn!("input: {error}; reading is tried again");
                }
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let of = mine.len();
        mine.retain(|partition| replica.owns(&partition.topic, partition.number));
        if std::mem::take(&mut self.is_down) {
            tracing::warn!("the input can be read again");
        }
        if !std::mem::replace(&mut self.is_known, true) {
            let (number, count) = (replica.number(), replica.count());
            if mine.is_empty() {
                tracing::warn!(
                    "{}: process {number}/{count} has none of {of} partitions: fewer processes are enough",
                    run.job.metadata.name
                );
            } else {
                tracing::info!("process {number}/{count} has {} of {of} partitions", mine.len());
            }
        }
        Ok(mine)
    }
}

/// The folder of this name where the checkpoints are.
fn folder(state: &Path, name: &str) -> PathBuf {
    match state.to_str().filter(|state| anomal_spec::is_url(state)) {
        Some(url) => PathBuf::from(format!("{url}{name}/")),
        None => state.join(name),
    }
}
