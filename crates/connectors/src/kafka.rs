//! Topics of Kafka, for streams.
//!
//! The value of a record is a line of one of the text formats; its other parts are further columns. What speaks the protocol
//! is behind [`MessageClient`](anomal_stream::MessageClient), which the program brings.

mod columns;
mod connector;
mod log;
mod options;
#[cfg(test)]
mod tests;

pub(crate) use self::connector::KafkaConnector;
pub use self::log::{OnePartition, TopicLog, join_group, topic_partitions};
