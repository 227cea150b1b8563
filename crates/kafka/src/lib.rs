//! Topics of Kafka as logs of streams.
//!
//! Positions are those of the stream's checkpoints; the offsets of a group are written for tools that show lag, and never read.
//! A group that is joined says which partitions a process runs, and reads nothing. Krafka is used here alone, so that another client
//! could take its place (docs/adr/0033-kafka-by-krafka.md).

mod connect;
mod event;
mod group;
mod log;
mod message;
mod places;
mod reader;
mod reset;

use std::sync::Arc;

use anomal_stream::{Cause, GroupMember, MessageClient, MessageLog, MessageOptions};

/// The client of Kafka.
#[derive(Clone, Copy, Debug, Default)]
pub struct KafkaClient;

#[async_trait::async_trait]
impl MessageClient for KafkaClient {
    fn open(&self, options: MessageOptions) -> Result<Box<dyn MessageLog>, Cause> {
        connect::check(&options)?;
        Ok(Box::new(log::KafkaLog::new(options)))
    }

    async fn partitions(&self, options: &MessageOptions) -> Result<Vec<(String, u32)>, Cause> {
        connect::check(options)?;
        let topics = reader::describe(options).await?;
        let of_topic = |(name, topic): (String, places::TopicNow)| {
            topic.partitions.into_iter().map(move |number| (name.clone(), number))
        };
        Ok(topics.into_iter().flat_map(of_topic).collect())
    }

    fn join(&self, options: MessageOptions, name: &str) -> Result<Arc<dyn GroupMember>, Cause> {
        connect::check(&options)?;
        let group = options.group.clone().ok_or("a group has a name")?;
        Ok(Arc::new(group::KafkaMember::join(options, group, name.to_owned())))
    }
}
