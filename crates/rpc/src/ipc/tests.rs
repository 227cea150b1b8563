use anomal_core::{Code, Error, Result, Table};
use polars::prelude::*;
use polars_arrow::io::ipc::format::ipc::{
    BodyCompression, Buffer, DictionaryEncoding, Field, FieldNode, Int, LargeUtf8, List, Message,
    MessageHeader, MetadataVersion, RecordBatch, Schema, Struct, Type, Utf8View, planus::Builder,
};
use proptest::prelude::*;

use super::CONTINUATION;
use crate::{Assembler, chunks};

fn read(stream: &[u8]) -> Result<Table> {
    let mut assembler = Assembler::new(1 << 20);
    assembler.push(stream)?;
    assembler.into_table()
}

#[track_caller]
fn assert_refused(stream: &[u8], part: &str) {
    let error = read(stream).unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::InvalidRequest, "TABLE_INVALID"));
    assert!(error.message.contains(part), "{error}");
}

fn message(header: MessageHeader, body_length: i64) -> Vec<u8> {
    let message = Message {
        version: MetadataVersion::V5,
        header: Some(header),
        body_length,
        custom_metadata: None,
    };
    let mut builder = Builder::new();
    let bytes = builder.finish(&message, None);
    let length = i32::try_from(bytes.len()).unwrap().to_le_bytes();
    [&CONTINUATION[..], &length[..], bytes].concat()
}

fn field(name: &str, data_type: Type) -> Field {
    Field { name: Some(name.into()), nullable: true, type_: Some(data_type), ..Field::default() }
}

fn rows_field() -> Field {
    field("anomal.row", Type::Int(Box::new(Int { bit_width: 64, is_signed: false })))
}

fn schema(fields: Vec<Field>) -> Vec<u8> {
    let schema = Schema { fields: Some(fields), ..Schema::default() };
    message(MessageHeader::Schema(Box::new(schema)), 0)
}

/// A schema of row numbers, and a batch with this header and a body of 8 bytes.
fn one_batch(change: impl Fn(&mut RecordBatch), body: i64) -> Vec<u8> {
    let mut batch = RecordBatch {
        length: 1,
        nodes: Some(vec![FieldNode { length: 1, null_count: 0 }]),
        buffers: Some(vec![Buffer { offset: 0, length: 0 }, Buffer { offset: 0, length: 8 }]),
        compression: None,
        variadic_buffer_counts: None,
    };
    change(&mut batch);
    let batch = message(MessageHeader::RecordBatch(Box::new(batch)), body);
    [schema(vec![rows_field()]), batch, 7_u64.to_le_bytes().to_vec()].concat()
}

#[test]
fn a_handmade_stream_is_read() {
    assert_eq!(read(&one_batch(|_| (), 8)).unwrap().rows(), [7]);
}

#[test]
fn lengths_beyond_what_was_sent_are_refused() {
    let announced = [&CONTINUATION[..], &i32::MAX.to_le_bytes(), b"short"].concat();
    assert_refused(&announced, "2147483647 bytes are announced, but there are 5");
    assert_refused(&[CONTINUATION, (-1_i32).to_le_bytes()].concat(), "not a table");
    assert_refused(&one_batch(|_| (), i64::MAX), "announced");
    assert_refused(&one_batch(|_| (), -1), "not a table");
    for length in [9, 1 << 40, i64::MAX] {
        let long = |batch: &mut RecordBatch| {
            batch.buffers.as_mut().unwrap()[1].length = length;
        };
        assert_refused(&one_batch(long, 8), "can't be in 8 bytes");
    }
    let far = |batch: &mut RecordBatch| batch.buffers.as_mut().unwrap()[1].offset = i64::MAX;
    assert_refused(&one_batch(far, 8), "can't be in 8 bytes");
    let negative = |batch: &mut RecordBatch| batch.buffers.as_mut().unwrap()[1].length = -8;
    assert_refused(&one_batch(negative, 8), "not a table");
    let many = |batch: &mut RecordBatch| {
        batch.length = 1 << 50;
        batch.nodes.as_mut().unwrap()[0].length = 1 << 50;
    };
    assert_refused(&one_batch(many, 8), "rows can't be in");
}

#[test]
fn columns_that_share_their_bytes_are_refused() {
    let shared = |batch: &mut RecordBatch| {
        batch.buffers.as_mut().unwrap()[0].length = 8;
    };
    assert_refused(&one_batch(shared, 8), "can't be in 8 bytes");
}

#[test]
fn compressed_columns_are_refused() {
    let compressed =
        |batch: &mut RecordBatch| batch.compression = Some(Box::new(BodyCompression::default()));
    assert_refused(&one_batch(compressed, 8), "compressed");
}

#[test]
fn nested_columns_are_refused() {
    let mut nested = field("x", Type::LargeUtf8(Box::new(LargeUtf8 {})));
    for _ in 0..20 {
        let children = Some(vec![nested]);
        nested = Field { children, ..field("list", Type::List(Box::new(List {}))) };
    }
    assert_refused(&schema(vec![rows_field(), nested.clone()]), "nested");
    let children = Some(vec![nested.clone(), nested]);
    let tree = Field { children, ..field("tree", Type::Struct(Box::new(Struct {}))) };
    assert_refused(&schema(vec![rows_field(), tree]), "nested");
    assert_refused(
        &schema(vec![field("view", Type::Utf8View(Box::new(Utf8View {})))]),
        "LargeUtf8",
    );
    let dictionary = Some(Box::new(DictionaryEncoding::default()));
    let coded = Field { dictionary, ..field("x", Type::LargeUtf8(Box::new(LargeUtf8 {}))) };
    assert_refused(&schema(vec![rows_field(), coded]), "dictionary");
}

#[test]
fn a_stream_is_a_schema_and_batches() {
    assert_refused(b"", "empty");
    let batch = one_batch(|_| (), 8);
    let start = schema(vec![rows_field()]);
    assert_refused(&batch[start.len()..], "not a schema");
    assert_refused(&[start.clone(), start].concat(), "not a batch");
}

fn good() -> Vec<u8> {
    let columns = df!(
        "text" => [Some("a"), None, Some("äöü")],
        "number" => [Some(1.5), Some(-2.0), None],
        "whole" => [1_i64, 2, 3],
        "truth" => [Some(true), None, Some(false)],
    );
    chunks(Table::new(vec![3, 5, 9], columns.unwrap()).unwrap()).unwrap().flatten().collect()
}

/// Accepts a table, or an error about the request.
fn table_or_refused(read: Result<Table>) -> Result<(), TestCaseError> {
    match read {
        Ok(_) | Err(Error { code: Code::InvalidRequest, .. }) => Ok(()),
        Err(error) => Err(TestCaseError::fail(format!("{:?}: {error}", error.code))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn changed_bytes_are_handled(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut stream = good();
        for (place, byte) in changes {
            let place = place.index(stream.len());
            stream[place] = byte;
        }
        table_or_refused(read(&stream))?;
    }

    #[test]
    fn changed_lengths_are_handled(
        place in any::<prop::sample::Index>(),
        length in prop::sample::select(vec![i64::MIN, -1, 0, 1, 1 << 31, 1 << 40, 1 << 62, i64::MAX]),
    ) {
        let mut stream = good();
        let place = place.index(stream.len() - 8);
        stream[place..place + 8].copy_from_slice(&length.to_le_bytes());
        table_or_refused(read(&stream))?;
    }

    #[test]
    fn missing_bytes_are_handled(from in any::<prop::sample::Index>(), length in any::<prop::sample::Index>()) {
        let mut stream = good();
        table_or_refused(read(&stream[..from.index(stream.len())]))?;
        let from = from.index(stream.len());
        let to = from + length.index(stream.len() - from);
        stream.drain(from..to);
        table_or_refused(read(&stream))?;
    }
}
