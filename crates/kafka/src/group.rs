//! The membership of a process in a consumer group: it says which partitions the process runs. Its consumer reads no records.

mod listener;
mod session;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anomal_stream::{Assignment, Cause, GroupMember, MessageOptions};
use krafka::{
    KrafkaError,
    consumer::{Consumer, GroupProtocol, OffsetAndMetadata, TopicPartition},
    error::ErrorCode,
};
use tokio::{
    sync::{Mutex as AsyncMutex, watch},
    task::JoinHandle,
    time::timeout,
};

use self::session::Joining;
use crate::{message::describe, reader::key};

/// Partitions by topic and number.
type Partitions = BTreeSet<(String, u32)>;

/// How long leaving is waited for.
const LEAVE: Duration = Duration::from_secs(6);

/// The state that the membership's task shares with its user.
struct Shared {
    assignment: watch::Sender<Assignment>,
    running: watch::Sender<Partitions>,
    /// While the process is a member.
    consumer: watch::Sender<Option<Arc<Consumer>>>,
}

impl Shared {
    fn assign(&self, partitions: Partitions) {
        self.assignment.send_if_modified(|assignment| {
            let partitions = Some(partitions);
            let is_other = assignment.partitions != partitions;
            assignment.partitions = partitions;
            is_other
        });
    }

    fn revoke(&self, partitions: &Partitions) {
        self.assignment.send_if_modified(|assignment| {
            let Some(before) = &mut assignment.partitions else { return false };
            let count = before.len();
            before.retain(|partition| !partitions.contains(partition));
            before.len() != count
        });
    }

    fn fail(&self, failure: Option<String>) {
        self.assignment.send_if_modified(|assignment| {
            let is_other = assignment.failure != failure;
            assignment.failure = failure;
            is_other
        });
    }
}

/// A member of a group, which a task keeps.
pub(crate) struct KafkaMember {
    shared: Arc<Shared>,
    /// Of the assignment, as it was returned.
    seen: AsyncMutex<watch::Receiver<Assignment>>,
    closed: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl KafkaMember {
    /// Begins to join.
    pub fn join(options: MessageOptions, group: String, name: String) -> Self {
        let shared = Arc::new(Shared {
            assignment: watch::Sender::default(),
            running: watch::Sender::default(),
            consumer: watch::Sender::default(),
        });
        let seen = AsyncMutex::new(shared.assignment.subscribe());
        let closed = watch::Sender::new(false);
        let joining = Joining {
            options,
            group,
            name,
            shared: Arc::clone(&shared),
            closed: closed.subscribe(),
            protocol: GroupProtocol::Consumer,
            refused: None,
        };
        let task = Mutex::new(Some(tokio::spawn(joining.run())));
        Self { shared, seen, closed, task }
    }
}

#[async_trait::async_trait]
impl GroupMember for KafkaMember {
    async fn changed(&self) -> Assignment {
        let mut seen = self.seen.lock().await;
        // Its sender lives as long as this.
        let _ = seen.changed().await;
        seen.borrow_and_update().clone()
    }

    fn run(&self, partitions: Partitions) {
        self.shared.running.send_replace(partitions);
    }

    async fn write_offsets(&self, offsets: &[(String, u32, u64)]) -> Result<bool, Cause> {
        let consumer = self.shared.consumer.borrow().clone();
        let Some(consumer) = consumer else { return Ok(false) };
        let offset =
            |offset: u64| OffsetAndMetadata::new(i64::try_from(offset).unwrap_or(i64::MAX));
        let offsets: Vec<(TopicPartition, OffsetAndMetadata)> = offsets
            .iter()
            .map(|(topic, number, next)| (key(topic, *number), offset(*next)))
            .collect();
        match consumer.commit_offsets(offsets).await {
            Ok(()) => Ok(true),
            Err(error) if passes(&error) => Ok(false),
            Err(error) => Err(describe(&error).into()),
        }
    }

    async fn leave(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.closed.send_replace(true);
        if let Some(task) = task {
            // It is dropped with the process if it takes longer.
            let _ = timeout(LEAVE, task).await;
        }
    }
}

/// Whether offsets are taken again once the group has been shared out.
fn passes(error: &KrafkaError) -> bool {
    match error {
        KrafkaError::IllegalState { .. } => true,
        KrafkaError::Broker { code, .. } => matches!(
            code,
            ErrorCode::RebalanceInProgress
                | ErrorCode::IllegalGeneration
                | ErrorCode::UnknownMemberId
                | ErrorCode::FencedMemberEpoch
                | ErrorCode::StaleMemberEpoch
                | ErrorCode::FencedInstanceId
        ),
        _ => false,
    }
}
