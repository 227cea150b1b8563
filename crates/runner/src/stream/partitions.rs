//! Partitions of topics that several processes share: each is a stream of its own, which the process runs that it belongs to.
//!
//! Whose a partition is, the numbers of the processes say, or a consumer group. The state has another authority: the numbered
//! checkpoints of a partition are its fence. A process that takes one over saves the next number, and the one before stops when
//! it finds that taken.

mod discovery;
mod owned;
mod preloaded;
mod running;
mod source;
mod totals;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anomal_core::{Error, Result};
use futures::{StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use tokio::sync::watch;

use self::{
    preloaded::Preloaded,
    running::RunningPartitions,
    source::{Found, Source},
    totals::Totals,
};
use super::{
    StreamControl, StreamRun, StreamSummary, first_records, open_log, state_folder, store,
};

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

enum Event {
    /// Something is known about the partitions of this process.
    Found(Found),
    /// A partition is not run any more. None: it was not read at the end.
    Ended(Partition, Result<Option<Box<StreamSummary>>>),
}

type Work<'a> = FuturesUnordered<LocalBoxFuture<'a, Event>>;

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
    let mut source = Source::begin(run, &control)?;
    let mut running = RunningPartitions::new(run, &control, first, &preloaded, source.member());
    let mut work = Work::new();
    work.push(source.next(run, &control));
    let mut ticks = tokio::time::interval(STATUS);
    let mut failure: Option<Error> = None;
    let mut asked = control.stop.clone();
    loop {
        let failed = tokio::select! {
            event = work.next() => match event {
                None => break,
                Some(Event::Ended(partition, ended)) => running.end(partition, ended, &mut totals),
                Some(Event::Found(_)) if running.is_stopping() => Ok(()),
                Some(Event::Found(found)) => {
                    let found = source.take(run, found);
                    if source.goes_on(&control) {
                        work.push(source.next(run, &control));
                    }
                    found.map(|wanted| wanted.into_iter().for_each(|wanted| running.want(wanted)))
                }
            },
            () = stops(&mut asked), if !running.is_stopping() => {
                running.stop();
                Ok(())
            }
            _ = ticks.tick() => {
                totals.set(running.known(), source.is_down());
                control.status.send_replace(Some(totals.status()));
                Ok(())
            }
        };
        if let Err(error) = failed {
            if failure.is_some() {
                tracing::warn!("{error}");
            }
            failure.get_or_insert(error);
            running.stop();
        }
        work.extend(running.start());
        source.runs(running.known().keys());
        if running.is_stopping() && running.known().len() == totals.ended() {
            break;
        }
    }
    source.leave().await;
    totals.set(running.known(), false);
    control.status.send_replace(Some(totals.status()));
    failure.map_or(Ok(totals.summary()), Err)
}

/// Waits until it is true, or its sender is gone, as the process ends.
async fn stops(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The folder of this name where the checkpoints are.
fn folder(state: &Path, name: &str) -> PathBuf {
    match state.to_str().filter(|state| anomal_spec::is_url(state)) {
        Some(url) => PathBuf::from(format!("{url}{name}/")),
        None => state.join(name),
    }
}
