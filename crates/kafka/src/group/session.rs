//! Joins a group, and joins it again whenever that ends.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anomal_stream::MessageOptions;
use krafka::{
    CloseOptions, KrafkaError, ProtocolErrorKind,
    admin::{AdminClient, DescribeConsumerGroupsOptions},
    consumer::{Consumer, GroupProtocol},
    error::ErrorCode,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{Shared, listener::Listener};
use crate::{
    connect::{self, Membership},
    message::describe,
    places::TopicNow,
    reader::{ANSWER, topics_now},
};

/// How often the assignment is looked at.
const POLL: Duration = Duration::from_millis(250);
/// How often topics and the group are looked at, and sooner while that fails.
const LOOK: Duration = Duration::from_secs(5);
/// The wait before the next attempt.
const RETRY: Duration = Duration::from_secs(1);
/// How long the brokers may take to hear that the process leaves.
const CLOSE: Duration = Duration::from_secs(4);

/// Why a session ends.
enum End {
    /// The process leaves the group.
    Closed,
    /// The brokers have the classic protocol alone.
    Classic,
    /// It begins anew, for this reason.
    Failed(String),
}

pub(super) struct Joining {
    pub options: MessageOptions,
    pub group: String,
    pub name: String,
    pub shared: Arc<Shared>,
    pub closed: watch::Receiver<bool>,
    pub protocol: GroupProtocol,
    /// Why the group does not take the process, while that lasts.
    pub refused: Option<String>,
}

impl Joining {
    /// Is a member until the process leaves.
    pub async fn run(mut self) {
        loop {
            match self.session().await {
                End::Closed => return,
                End::Classic => self.protocol = GroupProtocol::Classic,
                End::Failed(failure) => {
                    self.refused = Some(failure);
                    self.shared.fail(self.refused.clone());
                    let mut closed = self.closed.clone();
                    tokio::select! {
                        () = sleep(RETRY) => {}
                        _ = closed.wait_for(|closed| *closed) => return,
                    }
                }
            }
        }
    }

    async fn session(&mut self) -> End {
        let mut closed = self.closed.clone();
        let begun = tokio::select! {
            begun = self.begin() => begun,
            _ = closed.wait_for(|closed| *closed) => return End::Closed,
        };
        let (consumer, admin) = match begun {
            Ok(begun) => begun,
            Err(error) => return End::Failed(describe(&error)),
        };
        let end = tokio::select! {
            end = self.keep(&consumer, &admin) => end,
            _ = closed.wait_for(|closed| *closed) => End::Closed,
        };
        self.shared.consumer.send_replace(None);
        // Else it is joined again by the same name at once, and closing would give up what is assigned.
        if matches!(end, End::Closed) {
            // The partitions stay reserved. The group notices by itself, later, if it does not hear of it.
            let _ = consumer.close_with(CloseOptions::new().timeout(CLOSE)).await;
        }
        end
    }

    async fn begin(&self) -> Result<(Arc<Consumer>, AdminClient), KrafkaError> {
        let kafka = connect::connect_member(&self.options).await?;
        let own = Arc::new(OnceLock::new());
        let listener = Listener { shared: Arc::clone(&self.shared), consumer: Arc::clone(&own) };
        let membership =
            Membership { group: &self.group, name: &self.name, protocol: self.protocol };
        let consumer = Arc::new(connect::member(&kafka, &membership, listener).await?);
        // It is set once.
        let _ = own.set(Arc::downgrade(&consumer));
        Ok((consumer, kafka.admin().default_api_timeout(ANSWER).metrics_push(false)))
    }

    /// Follows the group until that ends.
    async fn keep(&mut self, consumer: &Arc<Consumer>, admin: &AdminClient) -> End {
        let mut topics = BTreeMap::new();
        let mut subscriptions = 0;
        let mut look = Instant::now();
        loop {
            if Instant::now() >= look {
                let looked = self.look(consumer, admin, &mut topics, &mut subscriptions).await;
                look = Instant::now() + if looked.is_ok() { LOOK } else { RETRY };
                self.shared.fail(looked.err().or_else(|| self.refused.clone()));
            }
            if topics.is_empty() {
                sleep(POLL).await;
                continue;
            }
            let Err(error) = consumer.poll(POLL).await else {
                if consumer.group_metadata().await.is_some() {
                    self.joined(consumer);
                }
                continue;
            };
            if self.protocol == GroupProtocol::Consumer && has_not(&error) {
                return End::Classic;
            }
            if is_taken(&error) {
                self.run_what_is_held(admin).await;
                return End::Failed(format!(
                    "it has a member {} already: one that was killed is forgotten when its session ends, and its partitions are run \
                     meanwhile; if another process has this name, give each its own by --member",
                    self.name
                ));
            }
            if error.is_fatal() {
                return End::Failed(describe(&error));
            }
            self.refused = Some(describe(&error));
            self.shared.fail(self.refused.clone());
            sleep(RETRY).await;
        }
    }

    /// The group has taken the process.
    fn joined(&mut self, consumer: &Arc<Consumer>) {
        if self.refused.take().is_some() {
            self.shared.fail(None);
        }
        self.shared.consumer.send_if_modified(|known| {
            let is_new = known.is_none();
            known.get_or_insert_with(|| Arc::clone(consumer));
            is_new
        });
    }

    /// Looks at the topics and at the group, and subscribes to the topics where they have changed.
    async fn look(
        &self,
        consumer: &Consumer,
        admin: &AdminClient,
        topics: &mut BTreeMap<String, TopicNow>,
        subscriptions: &mut usize,
    ) -> Result<(), String> {
        let now = topics_now(admin, &self.options).await?;
        if now != *topics {
            let mut names: Vec<&String> = now.keys().collect();
            // A leader of the classic protocol looks for partitions that were added when a subscription is another one.
            let is_again = self.protocol == GroupProtocol::Classic && *subscriptions % 2 == 1;
            names.extend(names.first().copied().filter(|_| is_again));
            consumer.subscribe(names).await.map_err(|error| describe(&error))?;
            (*topics, *subscriptions) = (now, *subscriptions + 1);
            return Ok(());
        }
        self.describe(admin).await.map(drop)
    }

    /// The partitions of the group that are assigned to this member's name; none: it has no such member.
    async fn describe(&self, admin: &AdminClient) -> Result<Option<super::Partitions>, String> {
        let options = DescribeConsumerGroupsOptions::default();
        let described = admin.describe_consumer_groups([&self.group], options).await;
        let mut described = described.map_err(|error| describe(&error))?;
        let Some(group) = described.remove(&self.group) else { return Ok(None) };
        let group = group.map_err(|error| format!("group {}: {}", self.group, describe(&error)))?;
        let mut members = group.members.into_iter();
        let own = members.find(|member| member.instance_id.as_ref() == Some(&self.name));
        let assigned = own.and_then(|member| member.assignment);
        let partitions = assigned.into_iter().flatten().flat_map(|of| {
            let numbers = of.partitions.into_iter();
            let name = of.topic_name;
            numbers.filter_map(move |number| Some((name.clone(), u32::try_from(number).ok()?)))
        });
        Ok(Some(partitions.collect()))
    }

    /// Runs what the group keeps for a member of this name that was killed, until its session ends.
    async fn run_what_is_held(&self, admin: &AdminClient) {
        if let Ok(Some(partitions)) = self.describe(admin).await {
            self.shared.assign(partitions);
        }
    }
}

/// Whether the brokers do not have the protocol.
fn has_not(error: &KrafkaError) -> bool {
    match error {
        KrafkaError::Protocol { kind, .. } => *kind == ProtocolErrorKind::UnknownApiVersion,
        KrafkaError::Broker { code, .. } => *code == ErrorCode::UnsupportedVersion,
        _ => false,
    }
}

/// Whether another member has the name.
fn is_taken(error: &KrafkaError) -> bool {
    match error {
        KrafkaError::Fenced { .. } => true,
        KrafkaError::Broker { code, .. } => {
            matches!(code, ErrorCode::UnreleasedInstanceId | ErrorCode::FencedInstanceId)
        }
        _ => false,
    }
}
