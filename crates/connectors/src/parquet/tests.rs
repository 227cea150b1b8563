//! Values of every type, written to a file and read again.

use std::{collections::BTreeMap, fs::File, io::Seek, sync::Arc};

use polars::prelude::{Column, CompatLevel, DataFrame};
use polars_arrow::{
    array::{
        Array, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, ListArray, PrimitiveArray,
        StructArray, Utf8ViewArray,
    },
    datatypes::{ArrowDataType, ArrowSchema, ExtensionType, Field, TimeUnit},
    offset::Offsets,
    record_batch::RecordBatchT,
    types::NativeType,
};
use polars_parquet::write::{FileWriter, RowGroupIterator, get_dtype_encoding};
use proptest::prelude::*;

use super::{
    convert::ReadMode,
    file::ParquetFile,
    pages::{file_schema, options, parquet_schema},
};
use crate::arrow_types::export_array;

/// Rows of each array.
const HEIGHT: usize = 20;

type Values = Vec<Option<i64>>;

fn units() -> impl Strategy<Value = TimeUnit> {
    prop_oneof![
        Just(TimeUnit::Second),
        Just(TimeUnit::Millisecond),
        Just(TimeUnit::Microsecond),
        Just(TimeUnit::Nanosecond)
    ]
}

fn leaves() -> impl Strategy<Value = ArrowDataType> {
    let zones = prop_oneof![Just(None), Just(Some("UTC".into())), Just(Some("Asia/Tokyo".into()))];
    prop_oneof![
        Just(ArrowDataType::Boolean),
        Just(ArrowDataType::Int8),
        Just(ArrowDataType::Int16),
        Just(ArrowDataType::Int32),
        Just(ArrowDataType::Int64),
        Just(ArrowDataType::UInt8),
        Just(ArrowDataType::UInt16),
        Just(ArrowDataType::UInt32),
        Just(ArrowDataType::UInt64),
        Just(ArrowDataType::Float32),
        Just(ArrowDataType::Float64),
        (1..=38usize).prop_flat_map(|precision| {
            (0..=precision).prop_map(move |scale| ArrowDataType::Decimal(precision, scale))
        }),
        Just(ArrowDataType::Date32),
        Just(ArrowDataType::Date64),
        (units(), zones).prop_map(|(unit, zone)| ArrowDataType::Timestamp(unit, zone)),
        Just(ArrowDataType::Time32(TimeUnit::Second)),
        Just(ArrowDataType::Time32(TimeUnit::Millisecond)),
        Just(ArrowDataType::Time64(TimeUnit::Microsecond)),
        Just(ArrowDataType::Time64(TimeUnit::Nanosecond)),
        units().prop_map(ArrowDataType::Duration),
        Just(ArrowDataType::Utf8View),
        Just(ArrowDataType::BinaryView),
    ]
}

fn types() -> impl Strategy<Value = ArrowDataType> {
    let field = |name: &str, dtype| Field::new(name.into(), dtype, true);
    let uuid = ExtensionType {
        name: "arrow.uuid".into(),
        inner: ArrowDataType::FixedSizeBinary(16),
        metadata: None,
    };
    let nested = leaves().prop_recursive(3, 8, 3, move |inner| {
        let list = inner
            .clone()
            .prop_map(move |item| ArrowDataType::LargeList(Box::new(field("item", item))));
        let structs = prop::collection::vec(inner, 1..3).prop_map(move |members| {
            let members = members.into_iter().enumerate();
            let members = members.map(|(place, dtype)| field(&format!("m{place}"), dtype));
            ArrowDataType::Struct(members.collect())
        });
        prop_oneof![list, structs]
    });
    // The writer has no lists and structs of them.
    prop_oneof![20 => nested, 1 => Just(ArrowDataType::Extension(Box::new(uuid)))]
}

fn values() -> impl Strategy<Value = Values> {
    let value = prop_oneof![
        1 => Just(None),
        2 => any::<i64>().prop_map(Some),
        2 => (-300..300i64).prop_map(Some)
    ];
    prop::collection::vec(value, HEIGHT)
}

fn numbers<T: NativeType>(
    dtype: &ArrowDataType,
    values: &Values,
    number: impl Fn(i64) -> T,
) -> Box<dyn Array> {
    let values: PrimitiveArray<T> = values.iter().map(|value| value.map(&number)).collect();
    values.to(dtype.clone()).boxed()
}

/// An array whose values follow from the numbers.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "any value will do")]
fn array(dtype: &ArrowDataType, values: &Values) -> Box<dyn Array> {
    use ArrowDataType as D;
    match dtype {
        D::Boolean => {
            let values: BooleanArray =
                values.iter().map(|value| value.map(|value| value & 1 == 0)).collect();
            values.boxed()
        }
        D::Int8 => numbers(dtype, values, |value| value as i8),
        D::Int16 => numbers(dtype, values, |value| value as i16),
        D::Int32 | D::Date32 => numbers(dtype, values, |value| value as i32),
        D::Time32(_) => numbers(dtype, values, |value| (value as i32).rem_euclid(86_400)),
        D::UInt8 => numbers(dtype, values, |value| value as u8),
        D::UInt16 => numbers(dtype, values, |value| value as u16),
        D::UInt32 => numbers(dtype, values, |value| value as u32),
        D::UInt64 => numbers(dtype, values, |value| value as u64),
        D::Float32 => numbers(dtype, values, |value| value as f32 / 8.0),
        D::Float64 => numbers(dtype, values, |value| value as f64 / 8.0),
        D::Decimal(precision, _) => {
            let modulus = 10i128.pow(u32::try_from(*precision).unwrap());
            // Of up to 126 bits.
            numbers(dtype, values, |value| (i128::from(value) * i128::from(value | 1)) % modulus)
        }
        D::Utf8View => {
            let texts = values.iter().map(|value| value.map(|value| format!("{value} \u{e4}")));
            Utf8ViewArray::from_slice(texts.collect::<Vec<_>>()).boxed()
        }
        D::BinaryView => {
            let bytes = values.iter().map(|value| value.map(i64::to_le_bytes));
            BinaryViewArray::from_slice(bytes.collect::<Vec<_>>()).boxed()
        }
        D::Extension(_) => {
            let bytes: Vec<_> = values
                .iter()
                .map(|value| value.map(|value| (u128::from(value as u64) << 7).to_be_bytes()))
                .collect();
            let storage = FixedSizeBinaryArray::from_iter(bytes, 16);
            let (_, bytes, validity) = storage.into_inner();
            FixedSizeBinaryArray::new(dtype.clone(), bytes, validity).boxed()
        }
        D::LargeList(item) => {
            // Some lists are empty, and some missing; the items of a row come from its value.
            let lengths: Vec<i64> =
                values.iter().map(|value| value.unwrap_or_default().rem_euclid(4)).collect();
            let items = values.iter().zip(&lengths).flat_map(|(value, length)| {
                let items = (0..*length).map(|place| (place != 1).then_some(place));
                items.map(move |place| Some(value.unwrap_or_default().wrapping_add(place?)))
            });
            let items: Values = items.collect();
            let offsets =
                Offsets::<i64>::try_from_lengths(lengths.iter().map(|length| *length as usize))
                    .unwrap();
            let validity = values.iter().map(Option::is_some).collect();
            let items = array(&item.dtype, &items);
            ListArray::new(dtype.clone(), offsets.into(), items, Some(validity)).boxed()
        }
        D::Struct(members) => {
            let shifted = |place: i64| -> Values {
                values.iter().map(|value| value.map(|value| value.wrapping_add(place))).collect()
            };
            let members = members.iter().zip(0..);
            let members = members.map(|(member, place)| array(&member.dtype, &shifted(place)));
            let validity = values.iter().map(|value| value.is_none_or(|value| value % 5 != 0));
            let validity: polars_arrow::bitmap::Bitmap = validity.collect();
            StructArray::new(dtype.clone(), values.len(), members.collect(), Some(validity)).boxed()
        }
        _ => numbers(dtype, values, |value| value),
    }
}

fn write(schema: &ArrowSchema, arrays: Vec<Box<dyn Array>>) -> File {
    let height = arrays[0].len();
    let batch = RecordBatchT::new(height, Arc::new(schema.clone()), arrays);
    let encodings = schema.iter_values().map(|field| get_dtype_encoding(&field.dtype)).collect();
    let batches = [Ok(batch)].into_iter();
    let groups = RowGroupIterator::try_new(batches, schema, options().unwrap(), encodings).unwrap();
    let file = tempfile::tempfile().unwrap();
    let types = parquet_schema(schema).unwrap();
    let copy = file.try_clone().unwrap();
    let mut writer =
        FileWriter::new_with_parquet_schema(copy, schema.clone(), types, options().unwrap());
    for group in groups {
        writer.write(height as u64, group.unwrap()).unwrap();
    }
    writer.end(None).unwrap();
    file
}

fn read(mut file: File) -> DataFrame {
    file.rewind().unwrap();
    let file = ParquetFile::open("in.parquet", file).unwrap();
    let ways = vec![ReadMode { hexadecimal: true, micros: false }; file.columns.len()];
    let places: Vec<usize> = (0..file.columns.len()).collect();
    let whole = file.read(0..HEIGHT, &places, &ways).unwrap().frame;
    let parts = [0..7, 7..HEIGHT].map(|part| file.read(part, &places, &ways).unwrap().frame);
    let [mut first, second] = parts;
    first.vstack_mut_owned(second).unwrap();
    assert!(whole.equals_missing(&first));
    assert_eq!(file.empty(&places, &ways).unwrap().schema(), whole.schema());
    whole
}

fn exported(column: &Column) -> Box<dyn Array> {
    let series = column.as_materialized_series().rechunk();
    export_array(series.to_arrow(0, CompatLevel::newest()).as_ref()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn values_of_every_type_are_read_as_they_were_written(dtype in types(), values in values()) {
        let schema: ArrowSchema =
            [Field::new("a".into(), dtype.clone(), true)].into_iter().collect();
        let array = array(&dtype, &values);
        let frame = read(write(&schema, vec![array.clone()]));
        let column = frame.column("a").unwrap();
        let again = exported(column);
        prop_assert_eq!(again.dtype(), &dtype);
        // Missing structs have missing members, whatever the members were.
        if !matches!(dtype, ArrowDataType::Struct(_) | ArrowDataType::LargeList(_)) {
            prop_assert_eq!(&again, &array);
        }
        let schema = file_schema(frame.schema());
        let twice = read(write(&schema, vec![again]));
        prop_assert!(frame.equals_missing(&twice));
        prop_assert_eq!(frame.schema(), twice.schema());
    }

    #[test]
    fn bytes_that_are_no_file_are_errors(cut in 0..1_000usize, place in 0..1_000usize, byte: u8) {
        let schema: ArrowSchema = [
            Field::new("a".into(), ArrowDataType::Decimal(20, 2), true),
            Field::new("b".into(), ArrowDataType::LargeList(Box::new(Field::new("item".into(), ArrowDataType::Utf8View, true))), true),
        ].into_iter().collect();
        let values: Values = (0..20).map(|value| (value % 3 > 0).then_some(value)).collect();
        let arrays = schema.iter_values().map(|field| array(&field.dtype, &values)).collect();
        let mut file = write(&schema, arrays);
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        let place = place * bytes.len() / 1_000;
        bytes[place] = byte;
        if cut % 4 == 0 {
            bytes.truncate(cut * bytes.len() / 1_000);
        }
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        // An error or other values, and no panic.
        if let Ok(file) = ParquetFile::open("in.parquet", file) {
            let ways = file.modes(&BTreeMap::new());
            let places: Vec<usize> = (0..file.columns.len()).collect();
            let _ = file.read(0..file.height().min(100), &places, &ways);
        }
    }
}
