//! Topics of Kafka as logs of streams.
//!
//! Partitions are assigned by this crate, not by a consumer group, and positions are those of the stream's checkpoints. The
//! offsets of a group are written for tools that show lag, and never read. Krafka is used here alone, so that another client
//! could take its place (docs/adr/0033-kafka-by-krafka.md).

mod connect;
mod event;
mod log;
mod message;
mod places;
mod reader;
mod reset;

use anomal_stream::{Cause, MessageClient, MessageLog, MessageOptions};

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
}
