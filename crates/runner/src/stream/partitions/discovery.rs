//! The partitions of the topics, of which a process has those of its number.

use std::time::Duration;

use anomal_connectors::topic_partitions;
use anomal_core::{Code, Result};
use futures::future::LocalBoxFuture;

use super::{
    super::{Replica, StreamControl, StreamRun},
    Partition, stops,
};

/// Looks for the partitions of the topics, so much later.
pub(super) fn discover<'a>(
    run: &StreamRun<'a>,
    control: &StreamControl,
    later: Duration,
) -> LocalBoxFuture<'a, Result<Vec<Partition>>> {
    let (job, options) = (run.job, run.options);
    let mut stop = control.stop.clone();
    Box::pin(async move {
        let _ = tokio::time::timeout(later, stops(&mut stop)).await;
        let Some(kafka) = &job.spec.input.kafka else { return Ok(Vec::new()) };
        let client = options.connectors.message_client();
        let found = topic_partitions(kafka, &options.secrets, client).await;
        let named = |(topic, number)| Partition { topic, number };
        found.map(|found| found.into_iter().map(named).collect())
    })
}

/// Whether the topics can be looked at.
#[derive(Default)]
pub(super) struct Discovery {
    has_looked: bool,
    is_known: bool,
    is_down: bool,
}

impl Discovery {
    pub fn has_looked(&self) -> bool {
        self.has_looked
    }

    /// Whether the partitions were listed once.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    pub fn is_down(&self) -> bool {
        self.is_down
    }

    /// Those of this process; none while the brokers are away, with one warning.
    ///
    /// # Errors
    /// Those that do not pass by waiting.
    pub fn mine(
        &mut self,
        run: &StreamRun<'_>,
        replica: Replica,
        found: Result<Vec<Partition>>,
    ) -> Result<Vec<Partition>> {
        self.has_looked = true;
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
