//! What says which partitions a process runs: its number, or a consumer group.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anomal_connectors::join_group;
use anomal_core::{Error, Result};
use anomal_stream::{Assignment, GroupMember};
use futures::{FutureExt, future::LocalBoxFuture};

use super::{
    super::{Replica, StreamControl, StreamRun},
    Event, Partition,
    discovery::{Discovery, discover},
};

/// How often partitions are looked for that were added to the topics.
const DISCOVER: Duration = Duration::from_secs(5);

pub(super) enum Source {
    Number(Replica, Discovery),
    Group(Membership),
}

/// What was found out about partitions.
pub(super) enum Found {
    /// Those of the topics, or why they can't be listed.
    Topics(Result<Vec<Partition>>),
    /// Those that the group has assigned.
    Assigned(Assignment),
}

/// Partitions that a process is to run.
pub(super) enum Wanted {
    /// These, and those before.
    More(Vec<Partition>),
    /// These alone.
    Only(BTreeSet<Partition>),
}

pub(super) struct Membership {
    member: Arc<dyn GroupMember>,
    /// Those that were assigned last; none before the group has answered.
    assigned: Option<BTreeSet<Partition>>,
    is_down: bool,
    running: BTreeSet<(String, u32)>,
}

impl Source {
    /// Joins the group where one says it. A process that ends with its input does not wait for one.
    ///
    /// # Errors
    /// `InvalidSettings` if no group can be joined by the settings.
    pub fn begin(run: &StreamRun<'_>, control: &StreamControl) -> Result<Self> {
        let kafka = run.job.spec.input.kafka.as_ref();
        let is_assigned = run.job.spec.is_assigned_by_group() && !control.until_caught_up;
        let Some(kafka) = kafka.filter(|_| is_assigned) else {
            return Ok(Self::Number(control.replica, Discovery::default()));
        };
        let name = control.member.as_deref().ok_or_else(|| {
            let message = "the name of this process in the group is not known; give it by --member";
            Error::settings("input.kafka.assignment", "NO_MEMBER", message)
        })?;
        let client = run.options.connectors.message_client();
        let member = join_group(kafka, &run.options.secrets, client, name)?;
        let membership =
            Membership { member, assigned: None, is_down: false, running: BTreeSet::new() };
        Ok(Self::Group(membership))
    }

    /// The membership of the process.
    pub fn member(&self) -> Option<Arc<dyn GroupMember>> {
        match self {
            Self::Number(..) => None,
            Self::Group(group) => Some(Arc::clone(&group.member)),
        }
    }

    /// What is found out next.
    pub fn next<'a>(
        &self,
        run: &StreamRun<'a>,
        control: &StreamControl,
    ) -> LocalBoxFuture<'a, Event> {
        match self {
            Self::Number(_, discovery) => {
                let later = if discovery.has_looked() { DISCOVER } else { Duration::ZERO };
                Box::pin(
                    discover(run, control, later).map(|found| Event::Found(Found::Topics(found))),
                )
            }
            Self::Group(group) => {
                let member = Arc::clone(&group.member);
                Box::pin(async move { Event::Found(Found::Assigned(member.changed().await)) })
            }
        }
    }

    /// Whether there is something to find out, behind what was.
    pub fn goes_on(&self, control: &StreamControl) -> bool {
        match self {
            Self::Number(_, discovery) => !(control.until_caught_up && discovery.is_known()),
            Self::Group(_) => true,
        }
    }

    /// The partitions of the process by what was found out; none: as before.
    ///
    /// # Errors
    /// Those that do not pass by waiting.
    pub fn take(&mut self, run: &StreamRun<'_>, found: Found) -> Result<Option<Wanted>> {
        match (self, found) {
            (Self::Number(replica, discovery), Found::Topics(found)) => {
                discovery.mine(run, *replica, found).map(|mine| Some(Wanted::More(mine)))
            }
            (Self::Group(group), Found::Assigned(assignment)) => {
                Ok(group.assigned(run, assignment).map(Wanted::Only))
            }
            _ => Ok(None),
        }
    }

    /// Whether it does not answer.
    pub fn is_down(&self) -> bool {
        match self {
            Self::Number(_, discovery) => discovery.is_down(),
            Self::Group(group) => group.is_down,
        }
    }

    /// Says which partitions are run now: the group gives others away.
    pub fn runs<'a>(&mut self, partitions: impl Iterator<Item = &'a Partition>) {
        let Self::Group(group) = self else { return };
        let running = partitions.map(|partition| (partition.topic.clone(), partition.number));
        let running: BTreeSet<(String, u32)> = running.collect();
        if running != group.running {
            group.member.run(running.clone());
            group.running = running;
        }
    }

    /// The process ends.
    pub async fn leave(&mut self) {
        self.runs([].iter());
        if let Self::Group(group) = self {
            group.member.leave().await;
        }
    }
}

impl Membership {
    /// What is assigned, if that is something else than before. While the group does not answer, all stays as it was.
    fn assigned(
        &mut self,
        run: &StreamRun<'_>,
        assignment: Assignment,
    ) -> Option<BTreeSet<Partition>> {
        let (job, group) = (&run.job.metadata.name, run.job.consumer_group().unwrap_or_default());
        match (assignment.failure, self.is_down) {
            (Some(failure), false) => {
                tracing::warn!(
                    "{job}: the group {group}: {failure}; this process goes on with its partitions, and joining is tried again"
                );
                self.is_down = true;
            }
            (None, true) => {
                tracing::warn!("{job}: the group {group} can be reached again");
                self.is_down = false;
            }
            _ => {}
        }
        let named = |(topic, number)| Partition { topic, number };
        let assigned: BTreeSet<Partition> = assignment.partitions?.into_iter().map(named).collect();
        if self.assigned.as_ref() == Some(&assigned) {
            return None;
        }
        let names: Vec<String> = assigned.iter().map(Partition::name).collect();
        tracing::info!(
            "{job}: the group {group} has assigned {} partitions to this process: {}",
            names.len(),
            names.join(", ")
        );
        self.assigned = Some(assigned.clone());
        Some(assigned)
    }
}
