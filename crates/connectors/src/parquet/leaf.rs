//! How the values of a leaf are decoded.

use polars_arrow::datatypes::{ArrowDataType, TimeUnit};
use polars_parquet::parquet::schema::types::{
    PhysicalType, PrimitiveConvertedType as Converted, PrimitiveLogicalType as Logical,
    PrimitiveType,
};

use super::schema::{Content, UUID};
use crate::arrow_types::ArrowType;

/// How a leaf is decoded, and what its values are. `dtype`: what the Parquet types alone say; `hint`: the writer's type.
pub(super) fn leaf(
    leaf: &PrimitiveType,
    dtype: &ArrowDataType,
    hint: Option<&ArrowDataType>,
) -> (ArrowDataType, Content) {
    use ArrowDataType as Arrow;
    let plain = |dtype: ArrowDataType| (dtype, Content::Plain);
    if leaf.logical_type == Some(Logical::Unknown) {
        return plain(Arrow::Null);
    }
    if let Some((precision, scale)) = decimal(leaf) {
        let decoded = match leaf.physical_type {
            PhysicalType::Int32 => Arrow::Int32,
            PhysicalType::Int64 => Arrow::Int64,
            PhysicalType::FixedLenByteArray(size) => Arrow::FixedSizeBinary(size),
            _ => Arrow::BinaryView,
        };
        return (decoded, Content::Decimal { precision, scale });
    }
    match (leaf.physical_type, dtype) {
        (PhysicalType::Boolean, _) => plain(Arrow::Boolean),
        (PhysicalType::Float, _) => plain(Arrow::Float32),
        (PhysicalType::Double, _) => plain(Arrow::Float64),
        (PhysicalType::Int96, _) => (Arrow::FixedSizeBinary(12), Content::Int96),
        (PhysicalType::Int32, Arrow::Int8) => (Arrow::Int32, Content::Stored(ArrowType::Int8)),
        (PhysicalType::Int32, Arrow::Int16) => (Arrow::Int32, Content::Stored(ArrowType::Int16)),
        (PhysicalType::Int32, Arrow::UInt8) => (Arrow::UInt32, Content::Stored(ArrowType::UInt8)),
        (PhysicalType::Int32, Arrow::UInt16) => (Arrow::UInt32, Content::Stored(ArrowType::UInt16)),
        (PhysicalType::Int32, Arrow::UInt32 | Arrow::Date32) => plain(dtype.clone()),
        (PhysicalType::Int32, Arrow::Time32(unit)) => {
            (Arrow::Int32, Content::Counts(ArrowType::Time(*unit)))
        }
        (PhysicalType::Int32, _) => match hint {
            Some(Arrow::Time32(TimeUnit::Second)) => {
                (Arrow::Int32, Content::Counts(ArrowType::Time(TimeUnit::Second)))
            }
            _ => plain(Arrow::Int32),
        },
        (PhysicalType::Int64, Arrow::UInt64) => plain(Arrow::UInt64),
        (PhysicalType::Int64, Arrow::Timestamp(unit, zone)) => {
            let zone = match hint {
                Some(Arrow::Timestamp(_, Some(own))) if zone.is_some() => Some(own.clone()),
                _ => zone.clone(),
            };
            plain(Arrow::Timestamp(*unit, zone))
        }
        (PhysicalType::Int64, Arrow::Time64(unit)) => {
            (Arrow::Int64, Content::Stored(ArrowType::Time(*unit)))
        }
        (PhysicalType::Int64, _) => match hint {
            Some(Arrow::Duration(TimeUnit::Second)) => {
                (Arrow::Int64, Content::Stored(ArrowType::DurationSeconds))
            }
            Some(Arrow::Duration(unit)) => plain(Arrow::Duration(*unit)),
            Some(Arrow::Timestamp(TimeUnit::Second, zone)) => {
                (Arrow::Int64, Content::Stored(ArrowType::Seconds(zone.clone())))
            }
            Some(Arrow::Date64) => (Arrow::Int64, Content::Stored(ArrowType::Date64)),
            _ => plain(Arrow::Int64),
        },
        (PhysicalType::ByteArray, _) if is_text(leaf, hint) => plain(Arrow::Utf8View),
        (PhysicalType::ByteArray, _) => (Arrow::BinaryView, Content::Bytes),
        (PhysicalType::FixedLenByteArray(size), _) => {
            (Arrow::FixedSizeBinary(size), fixed_size(leaf, size, hint))
        }
    }
}

fn decimal(leaf: &PrimitiveType) -> Option<(usize, usize)> {
    match (&leaf.logical_type, &leaf.converted_type) {
        (Some(Logical::Decimal(precision, scale)), _)
        | (None, Some(Converted::Decimal(precision, scale))) => Some((*precision, *scale)),
        _ => None,
    }
}

fn is_text(leaf: &PrimitiveType, hint: Option<&ArrowDataType>) -> bool {
    match (&leaf.logical_type, &leaf.converted_type) {
        (Some(Logical::String | Logical::Json | Logical::Enum), _)
        | (None, Some(Converted::Utf8 | Converted::Json | Converted::Enum)) => true,
        (None, None) => matches!(
            hint,
            Some(ArrowDataType::Utf8 | ArrowDataType::LargeUtf8 | ArrowDataType::Utf8View)
        ),
        _ => false,
    }
}

fn fixed_size(leaf: &PrimitiveType, size: usize, hint: Option<&ArrowDataType>) -> Content {
    let uuid = leaf.logical_type == Some(Logical::Uuid)
        || matches!(hint, Some(ArrowDataType::Extension(extension)) if extension.name == UUID);
    match size {
        2 if leaf.logical_type == Some(Logical::Float16) => Content::Float16,
        12 if leaf.converted_type == Some(Converted::Interval) => Content::Interval,
        16 if uuid => Content::Uuid,
        _ => Content::Bytes,
    }
}
