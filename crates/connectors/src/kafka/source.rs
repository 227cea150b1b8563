//! The records of topics: their values, with further columns.

use std::path::PathBuf;

use anomal_core::{
    Batch, Error, Position, Result, column_of_view,
    proto::{Column, TimeReading},
};
use anomal_dataflow::{ChunkDecoder, Reader, Source, Split, TextChunk};
use polars::prelude::{Column as FrameColumn, DataFrame, IdxCa, IdxSize};

use super::columns;

pub(super) struct KafkaSource {
    values: Box<dyn Source>,
    schema: Vec<Column>,
    /// Of the columns beside the values.
    own: Vec<Column>,
    selected: Vec<Column>,
    empty: DataFrame,
}

impl KafkaSource {
    /// # Errors
    /// A defect.
    pub fn new(values: Box<dyn Source>, headers: &[String]) -> Result<Self> {
        let mut schema = values.schema().to_vec();
        let (mut own, mut empty) = (columns::schema(headers), columns::empty(headers)?);
        // A member of the values with such a name goes before.
        own.retain(|column| {
            let is_new = schema.iter().all(|known| known.name != column.name);
            if !is_new {
                empty = empty.drop(&column.name).unwrap_or_default();
            }
            is_new
        });
        schema.extend(own.clone());
        Ok(Self { values, schema, own, selected: Vec::new(), empty })
    }
}

impl Source for KafkaSource {
    fn schema(&self) -> &[Column] {
        &self.schema
    }

    fn times(&self) -> Vec<TimeReading> {
        self.values.times()
    }

    fn select(&mut self, columns: &[Column]) -> Result<()> {
        let find =
            |column: &Column| self.own.iter().find(|own| own.name == column_of_view(&column.name));
        let (mut own, mut values) = (Vec::new(), Vec::new());
        for column in columns {
            match find(column) {
                Some(known) => {
                    columns::check(column, known)?;
                    own.push(column.clone());
                }
                None => values.push(column.clone()),
            }
        }
        self.selected = own;
        self.values.select(&values)
    }

    fn is_bounded(&self) -> bool {
        false
    }

    fn open(&mut self, _: &Split, _: Option<Position>) -> Result<Box<dyn Reader>> {
        Err(Error::internal("topics are read by a log"))
    }

    fn empty(&self) -> DataFrame {
        let values = self.values.empty();
        values.hstack(self.empty.columns()).unwrap_or(values)
    }

    fn files(&self) -> &[PathBuf] {
        &[]
    }

    fn decoder(&self) -> Option<Box<dyn ChunkDecoder>> {
        let values = self.values.decoder()?;
        let names = self.own.iter().map(|column| column.name.clone()).collect();
        Some(Box::new(KafkaDecoder { values, names, selected: self.selected.clone() }))
    }
}

struct KafkaDecoder {
    values: Box<dyn ChunkDecoder>,
    names: Vec<String>,
    selected: Vec<Column>,
}

impl ChunkDecoder for KafkaDecoder {
    fn decode(&mut self, mut chunk: TextChunk) -> Result<Batch> {
        let attributes = chunk.attributes.take();
        let attributes = attributes.ok_or_else(|| Error::internal("records without attributes"))?;
        let mut batch = self.values.decode(TextChunk { first: 0, line: 1, ..chunk })?;
        let rows =
            batch.offsets().into_iter().map(|row| IdxSize::try_from(row).unwrap_or(IdxSize::MAX));
        let rows = IdxCa::from_vec("row".into(), rows.collect());
        let own = attributes.columns.take(&rows)?;
        batch.typed = joined(&batch.typed, columns::typed(&own, &self.selected)?, rows.len())?;
        let raw = own.select(self.names.iter().map(String::as_str))?;
        batch.raw = joined(&batch.raw, raw.columns().to_vec(), rows.len())?;
        for record in &mut batch.rejected {
            record.line = 1;
        }
        let mut batch = batch.renumber(&attributes.offsets)?;
        let further = attributes.rejected.len() as u64;
        batch.statistics.read += further;
        batch.statistics.rejected += further;
        batch.rejected.extend(attributes.rejected);
        batch.rejected.sort_by_key(|record| record.row);
        Ok(batch)
    }
}

fn joined(frame: &DataFrame, columns: Vec<FrameColumn>, height: usize) -> Result<DataFrame> {
    if frame.width() == 0 {
        return Ok(DataFrame::new(height, columns)?);
    }
    Ok(frame.hstack(&columns)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use anomal_core::proto::DataType;
    use anomal_spec::{Input, KafkaFormat, KafkaInput};
    use anomal_stream::{Chunk, Message, Messages};
    use polars::prelude::AnyValue;

    use super::*;
    use crate::{
        ConnectorRegistry, OpenOptions, Sample,
        kafka::log::{Lines, text_chunk},
    };

    fn message(offset: u64, value: Option<&str>) -> Message {
        let headers = vec![
            ("tenant".to_owned(), Some("a".into())),
            ("tenant".to_owned(), Some("b".into())),
            ("other".to_owned(), None),
        ];
        let (key, value) = (Some("k".into()), value.map(|value| value.to_owned().into()));
        Message { offset, timestamp: 1_500, key, value, headers }
    }

    fn decode(input: KafkaInput, sample: &str, messages: Vec<Message>) -> Batch {
        let json = input.format == KafkaFormat::Json;
        let input = KafkaInput { headers: vec!["tenant".into()], ..input };
        let sample = Sample { name: "t".into(), text: sample.as_bytes().into() };
        let options = OpenOptions { sample: Some(sample), ..OpenOptions::default() };
        let lines = Lines { headers: input.headers.clone(), json };
        let mut source = ConnectorRegistry::default().open(&Input::from(input), &options).unwrap();
        let partition =
            Column { name: "kafka.partition".into(), data_type: DataType::Float.into() };
        source.select(&[partition]).unwrap();
        let (first, last) = (messages[0].offset, messages[messages.len() - 1].offset);
        let records = Messages { topic: Arc::from("t"), number: 3, messages };
        let chunk = Chunk { partition: 7, first, count: last + 1 - first, records };
        let chunk = text_chunk(chunk, &lines).unwrap();
        let count = chunk.records.records(chunk.count);
        let batch = source.decoder().unwrap().decode(chunk.records).unwrap();
        assert_eq!((batch.partition, batch.statistics.read), (7, count));
        assert_eq!(batch.raw.get_column_names(), source.empty().get_column_names());
        batch
    }

    #[test]
    fn rows_have_the_offsets_and_further_columns_of_their_records() {
        let input = KafkaInput::new("k:9092", "t");
        let messages = vec![
            message(10, Some("{\"a\": 1}\n")),
            message(11, None),
            message(14, Some("{\n\"a\":\n2}")),
            message(15, Some("no JSON")),
            message(16, Some(" ")),
            message(20, Some("{\"a\": 3}")),
        ];
        let batch = decode(input, "{\"a\": 1}\n", messages);
        assert_eq!(batch.offsets(), [10, 14, 20]);
        let rejected: Vec<u64> = batch.rejected.iter().map(|record| record.row).collect();
        assert_eq!((rejected, batch.statistics.rejected), (vec![11, 15, 16], 3));
        assert!(batch.rejected[0].reason.contains("tombstone"), "{:?}", batch.rejected[0]);
        assert_eq!((batch.rejected[1].file.as_str(), batch.rejected[1].line), ("t/3", 1));
        let cell = |name: &str| batch.raw.column(name).unwrap().get(1).unwrap().to_string();
        assert_eq!(
            ["kafka.offset", "kafka.partition", "kafka.key", "kafka.headers.tenant"].map(cell),
            ["14", "3", "\"k\"", "\"b\""]
        );
        let time = batch.raw.column("kafka.timestamp").unwrap().get(0).unwrap();
        assert!(matches!(time, AnyValue::Datetime(1_500_000, ..)), "{time:?}");
        assert_eq!(batch.typed.column("kafka.partition").unwrap().f64().unwrap().get(0), Some(3.0));
    }

    #[test]
    fn a_chunk_may_have_no_row() {
        let messages = vec![message(1, None), message(2, Some(""))];
        let batch = decode(KafkaInput::new("k:9092", "t"), "{\"a\": 1}\n", messages);
        assert_eq!((batch.height(), batch.rejected.len()), (0, 2));
    }

    #[test]
    fn values_are_lines_of_other_formats() {
        let csv = KafkaInput {
            format: KafkaFormat::Csv,
            names: vec!["a".into(), "b".into()],
            separator: ";".into(),
            ..KafkaInput::new("k:9092", "t")
        };
        let messages = vec![
            message(1, Some("1;\"x;y\"")),
            message(2, Some("too;many;cells")),
            message(3, Some("2;z")),
        ];
        let batch = decode(csv, "1;x\n", messages);
        assert_eq!((batch.offsets(), batch.rejected.len()), (vec![1, 3], 1));
        let texts = batch.raw.column("b").unwrap().str().unwrap();
        assert_eq!(texts.into_no_null_iter().collect::<Vec<_>>(), ["x;y", "z"]);
        let text = KafkaInput { format: KafkaFormat::Text, ..KafkaInput::new("k:9092", "t") };
        let batch = decode(text, "one\n", vec![message(5, Some("one\ntwo"))]);
        assert_eq!(batch.raw.column("message").unwrap().str().unwrap().get(0), Some("one two"));
        let logfmt = KafkaInput { format: KafkaFormat::Logfmt, ..KafkaInput::new("k:9092", "t") };
        let batch = decode(logfmt, "level=info n=1\n", vec![message(5, Some("level=warn n=2"))]);
        assert_eq!(batch.raw.column("level").unwrap().str().unwrap().get(0), Some("warn"));
    }
}
