//! Arrow arrays in the types that columns stand for, for files.

use polars::prelude::{PolarsResult, polars_err};
use polars_arrow::{
    array::{Array, FixedSizeBinaryArray, ListArray, PrimitiveArray, StructArray, Utf8ViewArray},
    compute::utils::combine_validities_and,
    datatypes::{ArrowDataType, ExtensionType, Field, TimeUnit},
    types::NativeType,
};

use super::ArrowType;

/// The most digits of a decimal of 128 bits.
const MAX_PRECISION: usize = 38;

/// A column with the types that it stands for.
pub(crate) fn export_field(field: &Field) -> Field {
    Field { dtype: export_dtype(&field.dtype, false), ..field.clone() }
}

/// `nested`: whether it is the type of items or members.
fn export_dtype(dtype: &ArrowDataType, nested: bool) -> ArrowDataType {
    let inner = |field: &Field| Field { dtype: export_dtype(&field.dtype, true), ..field.clone() };
    match dtype {
        ArrowDataType::LargeList(item) => ArrowDataType::LargeList(Box::new(inner(item))),
        ArrowDataType::Struct(fields) => match (ArrowType::from_arrow(dtype), fields.as_slice()) {
            // Files of the writer have bytes of a fixed size in columns alone.
            (Some(ArrowType::Uuid), [field]) if nested => field.dtype.clone(),
            (Some(kind), [field]) => target(&kind, &field.dtype),
            _ => ArrowDataType::Struct(fields.iter().map(inner).collect()),
        },
        dtype => dtype.clone(),
    }
}

/// The type in files. `stored`: the type of the field.
fn target(kind: &ArrowType, stored: &ArrowDataType) -> ArrowDataType {
    match kind {
        ArrowType::Int8 => ArrowDataType::Int8,
        ArrowType::Int16 => ArrowDataType::Int16,
        ArrowType::UInt8 => ArrowDataType::UInt8,
        ArrowType::UInt16 => ArrowDataType::UInt16,
        ArrowType::Decimal { precision, scale } if *precision <= MAX_PRECISION => {
            ArrowDataType::Decimal(*precision, *scale)
        }
        ArrowType::Date64 => ArrowDataType::Date64,
        ArrowType::Seconds(zone) => ArrowDataType::Timestamp(TimeUnit::Second, zone.clone()),
        ArrowType::DurationSeconds => ArrowDataType::Duration(TimeUnit::Second),
        ArrowType::Time(unit @ (TimeUnit::Second | TimeUnit::Millisecond)) => {
            ArrowDataType::Time32(*unit)
        }
        ArrowType::Time(unit) => ArrowDataType::Time64(*unit),
        ArrowType::Uuid => ArrowDataType::Extension(Box::new(ExtensionType {
            name: "arrow.uuid".into(),
            inner: ArrowDataType::FixedSizeBinary(16),
            metadata: None,
        })),
        ArrowType::Map => export_dtype(stored, true),
        ArrowType::Float16
        | ArrowType::Decimal { .. }
        | ArrowType::Binary
        | ArrowType::Hexadecimal => stored.clone(),
    }
}

/// An array in the types that it stands for.
///
/// # Errors
/// A column's field is not of the type that its name says.
pub(crate) fn export_array(array: &dyn Array) -> PolarsResult<Box<dyn Array>> {
    export(array, false)
}

fn export(array: &dyn Array, nested: bool) -> PolarsResult<Box<dyn Array>> {
    let dtype = export_dtype(array.dtype(), nested);
    if let Some(lists) = array.as_any().downcast_ref::<ListArray<i64>>() {
        let values = export(lists.values().as_ref(), true)?;
        let lists =
            ListArray::try_new(dtype, lists.offsets().clone(), values, lists.validity().cloned())?;
        return Ok(Box::new(lists));
    }
    let Some(structs) = array.as_any().downcast_ref::<StructArray>() else {
        return Ok(array.to_boxed());
    };
    if let (Some(kind), [field]) = (ArrowType::from_arrow(array.dtype()), structs.values()) {
        let validity = combine_validities_and(structs.validity(), field.validity());
        return export_values(&kind, field.with_validity(validity).as_ref(), dtype);
    }
    let fields = structs.values().iter().map(|field| export(field.as_ref(), true));
    let fields = fields.collect::<PolarsResult<Vec<_>>>()?;
    let structs = StructArray::try_new(dtype, structs.len(), fields, structs.validity().cloned())?;
    Ok(Box::new(structs))
}

#[expect(clippy::cast_possible_truncation, reason = "the values were read as the narrower type")]
fn export_values(
    kind: &ArrowType,
    field: &dyn Array,
    dtype: ArrowDataType,
) -> PolarsResult<Box<dyn Array>> {
    match kind {
        ArrowType::Int8 => numbers(field, dtype, |value: i32| value as i8),
        ArrowType::Int16 => numbers(field, dtype, |value: i32| value as i16),
        ArrowType::UInt8 => numbers(field, dtype, |value: u32| value as u8),
        ArrowType::UInt16 => numbers(field, dtype, |value: u32| value as u16),
        ArrowType::Time(TimeUnit::Second | TimeUnit::Millisecond) => {
            numbers(field, dtype, |value: i64| value as i32)
        }
        ArrowType::Time(_)
        | ArrowType::Date64
        | ArrowType::Seconds(_)
        | ArrowType::DurationSeconds => numbers(field, dtype, |value: i64| value),
        ArrowType::Decimal { precision, .. } if *precision <= MAX_PRECISION => {
            let texts = downcast::<Utf8ViewArray>(field)?;
            let values: Vec<i128> =
                texts.iter().map(|text| text.and_then(unscaled).unwrap_or_default()).collect();
            Ok(Box::new(PrimitiveArray::try_new(dtype, values.into(), texts.validity().cloned())?))
        }
        ArrowType::Uuid if matches!(dtype, ArrowDataType::Extension(_)) => {
            let texts = downcast::<Utf8ViewArray>(field)?;
            let bytes = texts.iter().map(|text| {
                let digits = text.unwrap_or_default().replace('-', "");
                u128::from_str_radix(&digits, 16).unwrap_or_default().to_be_bytes()
            });
            let bytes: Vec<u8> = bytes.flatten().collect();
            let array =
                FixedSizeBinaryArray::try_new(dtype, bytes.into(), texts.validity().cloned())?;
            Ok(Box::new(array))
        }
        ArrowType::Map => export(field, true),
        ArrowType::Float16
        | ArrowType::Decimal { .. }
        | ArrowType::Binary
        | ArrowType::Hexadecimal
        | ArrowType::Uuid => Ok(field.to_boxed()),
    }
}

/// The digits of a decimal as a whole number.
fn unscaled(text: &str) -> Option<i128> {
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{whole}{fraction}").parse().ok(),
        None => text.parse().ok(),
    }
}

fn downcast<A: Array + 'static>(array: &dyn Array) -> PolarsResult<&A> {
    array.as_any().downcast_ref().ok_or_else(|| {
        polars_err!(ComputeError: "a column of {:?} has another type than its name says", array.dtype())
    })
}

fn numbers<T: NativeType, U: NativeType>(
    array: &dyn Array,
    dtype: ArrowDataType,
    convert: impl Fn(T) -> U,
) -> PolarsResult<Box<dyn Array>> {
    let numbers = downcast::<PrimitiveArray<T>>(array)?;
    let values: Vec<U> = numbers.values().iter().map(|value| convert(*value)).collect();
    Ok(Box::new(PrimitiveArray::try_new(dtype, values.into(), numbers.validity().cloned())?))
}
