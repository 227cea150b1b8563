//! Decoded arrays as the values that they stand for.

use std::fmt::Write;

use polars::prelude::{PolarsResult, polars_err};
use polars_arrow::{
    array::{
        Array, BinaryViewArray, FixedSizeBinaryArray, ListArray, MutableBinaryViewArray,
        PrimitiveArray, StructArray,
    },
    bitmap::Bitmap,
    datatypes::{ArrowDataType, Field, TimeUnit},
};

use super::{decimal::decimal_text, schema::Content};
use crate::{
    arrow_types::{ArrowType, widen},
    text,
};

/// Bytes of a value that a message contains.
const SHOWN: usize = 20;
const JULIAN_DAY_OF_1970: i64 = 2_440_588;

/// How columns are read whose values ask for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ReadMode {
    /// Times of 96 bits are microseconds, which reach farther than nanoseconds.
    pub micros: bool,
    /// Bytes are shown as hexadecimal digits.
    pub hexadecimal: bool,
}

/// A value for which a column has to be read in another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// A time beyond the range of its unit, if microseconds reach it by its text.
    FarTime(String),
    /// Bytes that are no text, as hexadecimal digits.
    NoText(String),
}

/// Converts arrays, and looks for values that do not fit.
#[derive(Debug, Default)]
pub(super) struct Converter {
    pub mode: ReadMode,
    /// The first place with a value that does not fit, counted in leaves.
    pub misfit: Option<(usize, Misfit)>,
}

impl Converter {
    /// # Errors
    /// The array is not of the type that it was to be decoded in.
    pub fn convert(
        &mut self,
        array: Box<dyn Array>,
        content: &Content,
    ) -> PolarsResult<Box<dyn Array>> {
        match content {
            Content::Plain => Ok(array),
            Content::Stored(kind) => Ok(tag(kind, array)),
            Content::Counts(kind) => {
                let counts = downcast::<PrimitiveArray<i32>>(array.as_ref())?;
                let wide: Vec<i64> =
                    counts.values().iter().map(|count| i64::from(*count)).collect();
                let wide = PrimitiveArray::new(
                    ArrowDataType::Int64,
                    wide.into(),
                    counts.validity().cloned(),
                );
                Ok(tag(kind, wide.boxed()))
            }
            Content::Decimal { precision, scale } => {
                let kind = ArrowType::Decimal { precision: *precision, scale: *scale };
                Ok(tag(&kind, decimals(array.as_ref(), *scale)?))
            }
            Content::Float16 => {
                let bytes = downcast::<FixedSizeBinaryArray>(array.as_ref())?;
                let values = bytes.values().as_chunks::<2>().0;
                let values: Vec<f32> =
                    values.iter().map(|bytes| widen(u16::from_le_bytes(*bytes))).collect();
                let values = PrimitiveArray::new(
                    ArrowDataType::Float32,
                    values.into(),
                    bytes.validity().cloned(),
                );
                Ok(tag(&ArrowType::Float16, values.boxed()))
            }
            Content::Int96 => self.times(array.as_ref()),
            Content::Interval => texts(array.as_ref(), interval),
            Content::Uuid => Ok(tag(&ArrowType::Uuid, texts(array.as_ref(), uuid)?)),
            Content::Bytes => self.bytes(array.as_ref()),
            Content::List(item) => self.list(array.as_ref(), item),
            Content::Map(entry) => Ok(tag(&ArrowType::Map, self.list(array.as_ref(), entry)?)),
            Content::Struct(members) => {
                let structs = downcast::<StructArray>(array.as_ref())?;
                let fields = structs.fields().iter().zip(structs.values()).zip(members);
                let (mut types, mut values) = (Vec::new(), Vec::new());
                for ((field, value), content) in fields {
                    let value = self.convert(value.clone(), content)?;
                    types.push(Field { dtype: value.dtype().clone(), ..field.clone() });
                    values.push(value);
                }
                let structs = StructArray::try_new(
                    ArrowDataType::Struct(types),
                    structs.len(),
                    values,
                    structs.validity().cloned(),
                )?;
                Ok(structs.boxed())
            }
        }
    }

    fn list(&mut self, array: &dyn Array, content: &Content) -> PolarsResult<Box<dyn Array>> {
        let lists = downcast::<ListArray<i64>>(array)?;
        let values = self.convert(lists.values().clone(), content)?;
        let item = match lists.dtype() {
            ArrowDataType::LargeList(item) => item.as_ref().clone(),
            _ => Field::default(),
        };
        let item = Field { dtype: values.dtype().clone(), ..item };
        let dtype = ArrowDataType::LargeList(Box::new(item));
        let validity = lists.validity().cloned();
        Ok(ListArray::try_new(dtype, lists.offsets().clone(), values, validity)?.boxed())
    }

    /// Times of 96 bits.
    fn times(&mut self, array: &dyn Array) -> PolarsResult<Box<dyn Array>> {
        let bytes = downcast::<FixedSizeBinaryArray>(array)?;
        let (unit, per_day, nanos) = if self.mode.micros {
            (TimeUnit::Microsecond, 86_400_000_000, 1_000)
        } else {
            (TimeUnit::Nanosecond, 86_400_000_000_000, 1)
        };
        let (mut values, mut valid) = (Vec::new(), Vec::new());
        for (row, value) in bytes.iter().enumerate() {
            let time = value.and_then(|value| time96(value, per_day, nanos));
            if value.is_some() && time.is_none() {
                self.misfit.get_or_insert_with(|| (row, Misfit::FarTime(far_time(value))));
            }
            values.push(time.unwrap_or_default());
            valid.push(time.is_some());
        }
        let validity = Bitmap::from(valid);
        let dtype = ArrowDataType::Timestamp(unit, None);
        Ok(PrimitiveArray::try_new(dtype, values.into(), Some(validity))?.boxed())
    }

    fn bytes(&mut self, array: &dyn Array) -> PolarsResult<Box<dyn Array>> {
        let bytes: Box<dyn Array> = match array.as_any().downcast_ref::<FixedSizeBinaryArray>() {
            Some(fixed) => {
                let bytes: MutableBinaryViewArray<[u8]> = fixed.iter().collect();
                bytes.freeze().boxed()
            }
            None => array.to_boxed(),
        };
        if self.mode.hexadecimal {
            return Ok(tag(&ArrowType::Hexadecimal, bytes));
        }
        let values = downcast::<BinaryViewArray>(bytes.as_ref())?.iter().enumerate();
        let mut no_text = values.filter_map(|(row, value)| {
            value
                .filter(|value| simdutf8::basic::from_utf8(value).is_err())
                .map(|value| (row, value))
        });
        if let (None, Some((row, value))) = (&self.misfit, no_text.next()) {
            let mut text = String::from("0x");
            for byte in value.iter().take(SHOWN) {
                // Writing to a string cannot fail.
                let _ = write!(text, "{byte:02x}");
            }
            self.misfit = Some((row, Misfit::NoText(text)));
        }
        Ok(tag(&ArrowType::Binary, bytes))
    }
}

/// A time of 96 bits in microseconds; nothing if it is beyond them.
fn far_time(value: Option<&[u8]>) -> String {
    let time = value.and_then(|value| time96(value, 86_400_000_000, 1_000));
    time.map_or_else(String::new, |time| {
        text::instant(time, polars::prelude::TimeUnit::Microseconds)
    })
}

/// Nanoseconds of the day and a Julian day in units since 1970. `nanos`: nanoseconds in a unit.
fn time96(value: &[u8], per_day: i64, nanos: i64) -> Option<i64> {
    let (of_day, day) = value.split_at_checked(8)?;
    let of_day = i64::from_le_bytes(of_day.try_into().ok()?);
    let day = i64::from(u32::from_le_bytes(day.try_into().ok()?));
    let time = (day - JULIAN_DAY_OF_1970).checked_mul(per_day)?;
    time.checked_add(of_day / nanos)
}

/// The array under the name of a type.
fn tag(kind: &ArrowType, array: Box<dyn Array>) -> Box<dyn Array> {
    let field = Field::new(kind.field_name(), array.dtype().clone(), true);
    let length = array.len();
    StructArray::new(ArrowDataType::Struct(vec![field]), length, vec![array], None).boxed()
}

fn downcast<A: Array + 'static>(array: &dyn Array) -> PolarsResult<&A> {
    array
        .as_any()
        .downcast_ref()
        .ok_or_else(|| polars_err!(ComputeError: "a column was decoded as {:?}", array.dtype()))
}

fn decimals(array: &dyn Array, scale: usize) -> PolarsResult<Box<dyn Array>> {
    let any = array.as_any();
    let texts: MutableBinaryViewArray<str> =
        if let Some(values) = any.downcast_ref::<PrimitiveArray<i32>>() {
            values.iter().map(|value| Some(decimal_text(&value?.to_be_bytes(), scale))).collect()
        } else if let Some(values) = any.downcast_ref::<PrimitiveArray<i64>>() {
            values.iter().map(|value| Some(decimal_text(&value?.to_be_bytes(), scale))).collect()
        } else if let Some(values) = any.downcast_ref::<FixedSizeBinaryArray>() {
            values.iter().map(|value| Some(decimal_text(value?, scale))).collect()
        } else {
            let values = downcast::<BinaryViewArray>(array)?;
            values.iter().map(|value| Some(decimal_text(value?, scale))).collect()
        };
    Ok(texts.freeze().boxed())
}

/// The texts of values of a fixed size.
fn texts(array: &dyn Array, text: fn(&[u8]) -> String) -> PolarsResult<Box<dyn Array>> {
    let values = downcast::<FixedSizeBinaryArray>(array)?;
    let texts: MutableBinaryViewArray<str> = values.iter().map(|value| value.map(text)).collect();
    Ok(texts.freeze().boxed())
}

fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Months, days and milliseconds as an ISO 8601 duration.
fn interval(bytes: &[u8]) -> String {
    let mut parts = bytes.as_chunks::<4>().0.iter().map(|part| u32::from_le_bytes(*part));
    let mut next = || parts.next().unwrap_or_default();
    let (months, days, millis) = (next(), next(), next());
    let mut period = String::from("P");
    for (count, unit) in [(months, 'M'), (days, 'D')] {
        if count > 0 {
            let _ = write!(period, "{count}{unit}");
        }
    }
    if millis > 0 || period.len() == 1 {
        let seconds = text::seconds(i64::from(millis), 1_000);
        let _ = write!(period, "T{seconds}S");
    }
    period
}
