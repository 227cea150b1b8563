//! Follows what the group assigns and takes away.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use krafka::consumer::{Consumer, ConsumerRebalanceListener, TopicPartition};
use tokio::time::timeout;

use super::{Partitions, Shared};

/// How long the group waits for partitions to be given up: the last results of each have 30 s to be written.
const GIVE_UP: Duration = Duration::from_secs(45);

pub(super) struct Listener {
    pub shared: Arc<Shared>,
    /// Whose listener it is, once that exists.
    pub consumer: Arc<OnceLock<Weak<Consumer>>>,
}

impl ConsumerRebalanceListener for Listener {
    async fn on_partitions_assigned(&self, added: &[TopicPartition]) {
        let Some(consumer) = self.consumer.get().and_then(Weak::upgrade) else { return };
        for partition in added {
            // Records are read by the streams of the partitions, from their own positions.
            let (topic, number) = (&partition.topic, partition.partition);
            consumer.pause(topic, &[number]).await;
            // It fails where the partition is not assigned any more.
            let _ = consumer.seek(topic, number, 0).await;
        }
        let assigned = consumer.assignment().await;
        let assigned = assigned.into_iter().flat_map(|(topic, numbers)| {
            let numbers = numbers.into_iter().filter_map(|number| u32::try_from(number).ok());
            numbers.map(move |number| (topic.clone(), number))
        });
        self.shared.assign(assigned.collect());
    }

    /// Returns once they are given up. The fence of their checkpoints stays, where that takes too long.
    async fn on_partitions_revoked(&self, revoked: &[TopicPartition]) {
        let revoked: Partitions = revoked
            .iter()
            .filter_map(|it| Some((it.topic.clone(), u32::try_from(it.partition).ok()?)))
            .collect();
        self.shared.revoke(&revoked);
        let mut running = self.shared.running.subscribe();
        let given_up = running.wait_for(|running: &BTreeSet<_>| running.is_disjoint(&revoked));
        if timeout(GIVE_UP, given_up).await.is_err() {
            tracing::warn!(
                "the group takes partitions away whose last results are not written yet: the process that gets them writes them"
            );
        }
    }

    // What is lost without a word, since the brokers did not hear of this process, is run until the group has said who has it.
}
