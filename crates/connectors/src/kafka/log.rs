//! The log of a stream that reads topics: their records as lines.

use std::{path::PathBuf, sync::Arc};

use anomal_core::{Code, Error, RejectedRecord, Result};
use anomal_dataflow::{RecordAttributes, TextChunk};
use anomal_spec::{KafkaAttach, KafkaFormat, KafkaInput};
use anomal_storage::Secrets;
use anomal_stream::{
    Cause, Chunk, GroupMember, Lag, Log, Message, MessageClient, MessageLog, Messages, Positions,
};

use super::{columns, options};
use crate::{
    source::{FirstRecords, Sample, raw_text},
    value_line::{line, sample_lines},
};

/// Records and bytes from which types are inferred at most.
const SAMPLE_RECORDS: usize = 1_000;
const SAMPLE_BYTES: usize = 1 << 20;

/// One partition of one of the topics.
pub struct OnePartition {
    pub topic: String,
    pub number: u32,
    /// The membership of this process in the group that has assigned it.
    pub member: Option<Arc<dyn GroupMember>>,
}

/// The topics of an input.
pub struct TopicLog {
    log: Box<dyn MessageLog>,
    lines: Lines,
    topics: String,
}

/// How records become lines and columns.
pub(super) struct Lines {
    pub attach: KafkaAttach,
    pub json: bool,
}

impl TopicLog {
    /// All topics, or what `only` names.
    ///
    /// # Errors
    /// `InvalidSettings` if the secret is unusable, or the program has no client.
    pub fn open(
        input: &KafkaInput,
        secrets: &Secrets,
        client: Option<&dyn MessageClient>,
        only: Option<OnePartition>,
    ) -> Result<Self> {
        let mut options = options::from_input(input, secrets)?;
        if let Some(OnePartition { topic, number, member }) = only {
            (options.topics, options.topic_pattern) = (vec![topic], None);
            (options.partition, options.member) = (Some(number), member);
        }
        let log = known(client)?.open(options);
        let invalid = |error: Cause| Error::settings("input.kafka", "BAD_KAFKA", error.to_string());
        Ok(Self {
            log: log.map_err(invalid)?,
            lines: Lines { attach: input.attach.clone(), json: input.format == KafkaFormat::Json },
            topics: input.topic_names(),
        })
    }

    /// The first records that can be read; none if there are none.
    ///
    /// # Errors
    /// The brokers can't be read at the moment.
    pub fn sample(&mut self) -> Result<FirstRecords, Cause> {
        let first = self.log.first(SAMPLE_RECORDS, SAMPLE_BYTES)?;
        let text = sample_lines(&first.values, self.lines.json);
        let sample = Sample { name: PathBuf::from(&self.topics), text: text.into() };
        Ok(FirstRecords {
            sample: Some(sample).filter(|sample| !sample.text.is_empty()),
            full: first.full,
            caught_up: first.caught_up,
        })
    }

    /// Records that were gone when they were to be read.
    pub fn lost(&self) -> u64 {
        self.log.lost()
    }

    /// How far reading is behind; none before the brokers have answered.
    pub fn lag(&self) -> Option<Lag> {
        self.log.lag()
    }

    /// Reports the last position to the brokers and disconnects.
    pub async fn close(&mut self) {
        self.log.close().await;
    }
}

/// The partitions of the topics of an input as they are now, by topic and number.
///
/// # Errors
/// As [`TopicLog::open`]; `Unavailable` if the brokers can't be reached, or a topic does not exist.
pub async fn topic_partitions(
    input: &KafkaInput,
    secrets: &Secrets,
    client: Option<&dyn MessageClient>,
) -> Result<Vec<(String, u32)>> {
    let options = options::from_input(input, secrets)?;
    let partitions = known(client)?.partitions(&options).await;
    partitions.map_err(|error| Error::new(Code::Unavailable, "KAFKA", error.to_string()))
}

/// Joins the consumer group of an input, as a member of this name. It needs the runtime of tokio.
///
/// # Errors
/// As [`TopicLog::open`].
pub fn join_group(
    input: &KafkaInput,
    secrets: &Secrets,
    client: Option<&dyn MessageClient>,
    name: &str,
) -> Result<Arc<dyn GroupMember>> {
    let options = options::from_input(input, secrets)?;
    let joined = known(client)?.join(options, name);
    joined.map_err(|error| Error::settings("input.kafka", "BAD_KAFKA", error.to_string()))
}

fn known(client: Option<&dyn MessageClient>) -> Result<&dyn MessageClient> {
    client.ok_or_else(|| {
        let message = "this program was built without the client of Kafka: build it with `cargo build --release \
                       --features kafka`, or use the image of the runner";
        Error::settings("input.kafka", "NO_KAFKA", message)
    })
}

/// # Errors
/// A defect.
pub(super) fn text_chunk(chunk: Chunk<Messages>, lines: &Lines) -> Result<Chunk<TextChunk>> {
    let Chunk { partition, first, count, records } = chunk;
    let file = format!("{}/{}", records.topic, records.number);
    let (mut text, mut rejected) = (Vec::new(), Vec::new());
    let mut good: Vec<&Message> = Vec::with_capacity(records.messages.len());
    for message in &records.messages {
        let value = message.value.as_deref();
        match value
            .ok_or("a tombstone: the record has no value")
            .and_then(|value| line(value, lines.json))
        {
            Ok(line) => {
                text.extend_from_slice(&line);
                text.push(b'\n');
                good.push(message);
            }
            Err(reason) => rejected.push(RejectedRecord {
                file: file.clone(),
                line: 1,
                row: message.offset,
                column: None,
                reason: reason.to_owned(),
                raw: raw_text(value.unwrap_or_default()),
            }),
        }
    }
    let attributes = RecordAttributes {
        offsets: good.iter().map(|message| message.offset).collect(),
        columns: columns::frame(&records, &good, &lines.attach)?,
        rejected,
        window: None,
    };
    let attributes = Some(Box::new(attributes));
    let records =
        TextChunk { partition, first, text, heading: None, file: file.into(), line: 1, attributes };
    Ok(Chunk { partition, first, count, records })
}

impl Log for TopicLog {
    type Records = TextChunk;

    fn read(&mut self) -> Result<Option<Chunk<TextChunk>>, Cause> {
        let Some(chunk) = self.log.read()? else { return Ok(None) };
        Ok(Some(text_chunk(chunk, &self.lines)?))
    }

    fn place(&self) -> Result<Vec<u8>, Cause> {
        self.log.place()
    }

    fn restore(&mut self, place: &[u8]) -> Result<(), Cause> {
        self.log.restore(place)
    }

    fn caught_up(&self) -> bool {
        self.log.caught_up()
    }

    fn saved(&mut self, positions: &Positions) {
        self.log.saved(positions);
    }
}
