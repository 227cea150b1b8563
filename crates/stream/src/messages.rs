//! The interface of clients of message brokers: topics whose partitions hold records with a key, headers and a time.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;

use crate::{error::Cause, log::Log};

/// A record of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its offset in the partition of the broker. Offsets ascend and may have gaps.
    pub offset: u64,
    /// Milliseconds since the epoch, by the producer's or the broker's clock.
    pub timestamp: i64,
    pub key: Option<Bytes>,
    /// None: a tombstone.
    pub value: Option<Bytes>,
    /// In the order of the producer; names may repeat.
    pub headers: Vec<(String, Option<Bytes>)>,
}

/// Consecutive records of a partition of a topic.
#[derive(Clone, Debug)]
pub struct Messages {
    pub topic: Arc<str>,
    /// The number of the partition at the broker, which differs from [`Chunk::partition`](crate::Chunk::partition) where
    /// there are several topics, or where a topic was created anew.
    pub number: u32,
    pub messages: Vec<Message>,
}

/// Where reading of a partition begins the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartPosition {
    #[default]
    Earliest,
    Latest,
    /// The first record at or behind this time, in milliseconds since the epoch.
    Time(i64),
}

/// Where reading continues behind records that the broker no longer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResetPosition {
    #[default]
    Earliest,
    Latest,
    /// Nowhere: reading ends with [`RecordsLost`](crate::RecordsLost).
    Stop,
}

/// How a user proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

/// A user of a broker.
#[derive(Clone, PartialEq, Eq)]
pub struct SaslUser {
    pub mechanism: SaslMechanism,
    pub name: String,
    pub password: String,
}

/// How a connection is encrypted. All parts are PEM.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct BrokerTls {
    /// The authorities that are trusted in place of the usual ones.
    pub authorities: Option<String>,
    /// The client's certificate and its private key.
    pub identity: Option<(String, String)>,
}

/// What is read, and how brokers are reached.
#[derive(Clone)]
pub struct MessageOptions {
    /// `host:port`, at least one.
    pub brokers: Vec<String>,
    /// At least one, each once; none with a pattern.
    pub topics: Vec<String>,
    /// All topics whose names match: `*` is any characters, `?` is one.
    pub topic_pattern: Option<String>,
    /// The one partition that is read of each topic; none: all are. [`Chunk::partition`](crate::Chunk::partition) is its number
    /// then, and [`GENERATION`] more for each time that the topic was created anew.
    pub partition: Option<u32>,
    /// Of an unencrypted connection: none.
    pub tls: Option<BrokerTls>,
    pub user: Option<SaslUser>,
    pub start: StartPosition,
    pub reset: ResetPosition,
    /// Whether records of transactions that are open or were aborted are left out.
    pub committed: bool,
    /// The group whose offsets show to the broker's tools how far reading is. They are never read.
    pub group: Option<String>,
    /// The membership of this process in that group, by which its offsets are written: while a group has members, brokers take
    /// them from these alone.
    pub member: Option<Arc<dyn GroupMember>>,
}

/// More than the partitions that a topic has.
pub const GENERATION: u32 = 1 << 20;

/// How far reading is behind what the brokers have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Offsets that were not returned yet, as of the last answer.
    pub records: u64,
    /// The time of the record that was returned last, in milliseconds since the epoch; none before the first.
    pub reached: Option<i64>,
}

/// The first records of a log.
#[derive(Clone, Debug, Default)]
pub struct FirstMessages {
    pub values: Vec<Bytes>,
    /// Whether there are as many as were asked for.
    pub full: bool,
    /// Whether there are no more now.
    pub caught_up: bool,
}

/// A log of messages.
#[async_trait::async_trait]
pub trait MessageLog: Log<Records = Messages> {
    /// The values of the records that [`read`](Log::read) returns next, at most so many with so many bytes. They are not
    /// consumed.
    ///
    /// # Errors
    /// The brokers can't be read at the moment.
    fn first(&mut self, records: usize, bytes: usize) -> Result<FirstMessages, Cause>;

    /// Records that the broker did not have any more when they were to be read.
    fn lost(&self) -> u64;

    /// How far reading is behind; none before the brokers have answered.
    fn lag(&self) -> Option<Lag>;

    /// Reports the last position to the broker and disconnects.
    async fn close(&mut self);
}

/// What a group says to one of its members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// The partitions that are this member's, by topic and number; none before the group has said so.
    pub partitions: Option<BTreeSet<(String, u32)>>,
    /// Why the group can't be reached, while that lasts. The partitions are those that it has named last.
    pub failure: Option<String>,
}

/// The membership of a process in a group, among whose members the brokers share the partitions of topics. It says which
/// partitions a process runs; it reads no records, and does not say who owns the state of a partition.
#[async_trait::async_trait]
pub trait GroupMember: Send + Sync {
    /// The assignment once it differs from the one that was returned last.
    async fn changed(&self) -> Assignment;

    /// Says which partitions are run now. What the group takes from this member is given to another one once it is not among
    /// them, or has been run for a minute longer.
    fn run(&self, partitions: BTreeSet<(String, u32)>);

    /// Writes the offsets of partitions by topic and number. False: not while the group is shared out anew; it is to be tried again.
    ///
    /// # Errors
    /// The group does not take them.
    async fn write_offsets(&self, offsets: &[(String, u32, u64)]) -> Result<bool, Cause>;

    /// Stops being a member. The partitions stay reserved for a member of the same name until its session ends.
    async fn leave(&self);
}

/// A client of a message broker.
#[async_trait::async_trait]
pub trait MessageClient: Send + Sync {
    /// A log of topics. It connects at the first read.
    ///
    /// # Errors
    /// The options are invalid.
    fn open(&self, options: MessageOptions) -> Result<Box<dyn MessageLog>, Cause>;

    /// The partitions of the topics as they are now, by topic and number.
    ///
    /// # Errors
    /// The brokers can't be reached at the moment, or a topic does not exist.
    async fn partitions(&self, options: &MessageOptions) -> Result<Vec<(String, u32)>, Cause>;

    /// Joins the group of the options as the member of a name that no other process of the group has. It connects, and goes on
    /// trying to, in the background.
    ///
    /// # Errors
    /// The options are invalid.
    fn join(&self, options: MessageOptions, name: &str) -> Result<Arc<dyn GroupMember>, Cause>;
}
