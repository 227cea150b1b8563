//! Columns in Arrow's layout, as they cross the boundary. Those of a guest are untrusted.

use anomal_core::proto::DataType;
use polars::prelude::{
    BooleanChunked, Column, DataType as Dtype, Float64Chunked, Int64Chunked, IntoColumn,
    NewChunkedArray, PolarsResult, StringChunked, TimeUnit,
};

use crate::world::WireColumn;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Integer,
    Float,
    Boolean,
    /// Microseconds since 1970 in UTC.
    Datetime,
}

impl Kind {
    pub(crate) fn from_wire(number: u8) -> Option<Self> {
        [Self::Text, Self::Integer, Self::Float, Self::Boolean, Self::Datetime]
            .get(usize::from(number))
            .copied()
    }

    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::String,
            Self::Integer => DataType::Integer,
            Self::Float => DataType::Float,
            Self::Boolean => DataType::Boolean,
            Self::Datetime => DataType::Datetime,
        }
    }

    pub(crate) fn dtype(self) -> Dtype {
        match self {
            Self::Text => Dtype::String,
            Self::Integer => Dtype::Int64,
            Self::Float => Dtype::Float64,
            Self::Boolean => Dtype::Boolean,
            Self::Datetime => Dtype::Datetime(TimeUnit::Microseconds, None),
        }
    }
}

/// A column in Arrow's layout; see `column` in `wit/anomal-pack.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnBuffers {
    /// The number of a [`Kind`].
    pub kind: u8,
    pub rows: u32,
    pub validity: Vec<u8>,
    pub offsets: Vec<u8>,
    pub values: Vec<u8>,
}

impl From<WireColumn> for ColumnBuffers {
    fn from((kind, rows, validity, offsets, values): WireColumn) -> Self {
        Self { kind, rows, validity, offsets, values }
    }
}

impl ColumnBuffers {
    /// The rows of a column of one of the five types.
    ///
    /// # Errors
    /// The column has another type; its texts have 4 GiB or more.
    pub fn encode(column: &Column) -> PolarsResult<Self> {
        match column.dtype() {
            Dtype::String => Ok(Self::from_texts(column.str()?.iter())),
            Dtype::Boolean => Ok(Self::from_bits(column.bool()?.iter())),
            Dtype::Float64 => {
                let numbers = column.f64()?.iter();
                Ok(Self::from_numbers(
                    Kind::Float,
                    numbers.map(|value| value.map(f64::to_le_bytes)),
                ))
            }
            Dtype::Datetime(..) => {
                let micros = column.cast(&Kind::Datetime.dtype())?;
                let micros = micros.to_physical_repr().i64()?.clone();
                let micros = micros.iter().map(|value| value.map(i64::to_le_bytes));
                Ok(Self::from_numbers(Kind::Datetime, micros))
            }
            _ => {
                let numbers = column.cast(&Dtype::Int64)?;
                let numbers = numbers.i64()?.iter().map(|value| value.map(i64::to_le_bytes));
                Ok(Self::from_numbers(Kind::Integer, numbers))
            }
        }
    }

    /// Texts, of which none is missing.
    pub(crate) fn from_present<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let rows = texts.len();
        let (mut values, mut offsets) = (Vec::new(), Vec::with_capacity(rows * 4 + 4));
        offsets.extend_from_slice(&[0; 4]);
        for text in texts {
            values.extend_from_slice(text.as_bytes());
            offsets.extend_from_slice(&end(&values).to_le_bytes());
        }
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        Self { kind: Kind::Text as u8, rows, validity: Vec::new(), offsets, values }
    }

    fn from_texts<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut values = Vec::new();
        let mut offsets = vec![0; 4];
        let mut validity = Bits::default();
        for text in texts {
            values.extend_from_slice(text.unwrap_or_default().as_bytes());
            offsets.extend_from_slice(&end(&values).to_le_bytes());
            validity.push(text.is_some());
        }
        Self::new(Kind::Text, validity, offsets, values)
    }

    fn from_numbers(kind: Kind, numbers: impl Iterator<Item = Option<[u8; 8]>>) -> Self {
        let mut values = Vec::with_capacity(numbers.size_hint().0 * 8);
        let mut validity = Bits::default();
        for number in numbers {
            values.extend_from_slice(&number.unwrap_or_default());
            validity.push(number.is_some());
        }
        Self::new(kind, validity, Vec::new(), values)
    }

    fn from_bits(bits: impl Iterator<Item = Option<bool>>) -> Self {
        let (mut values, mut validity) = (Bits::default(), Bits::default());
        for bit in bits {
            values.push(bit == Some(true));
            validity.push(bit.is_some());
        }
        Self::new(Kind::Boolean, validity, Vec::new(), values.bytes)
    }

    fn new(kind: Kind, validity: Bits, offsets: Vec<u8>, values: Vec<u8>) -> Self {
        let rows = u32::try_from(validity.length).unwrap_or(u32::MAX);
        let validity = if validity.all { Vec::new() } else { validity.bytes };
        Self { kind: kind as u8, rows, validity, offsets, values }
    }

    /// Bytes of texts.
    pub(crate) fn text_bytes(&self) -> usize {
        if self.kind == Kind::Text as u8 { self.values.len() } else { 0 }
    }

    /// The column, if it is well formed: of this type, with so many rows, and texts of at most so many bytes.
    ///
    /// # Errors
    /// What is wrong.
    pub fn decode(&self, kind: Kind, rows: usize, max_text: usize) -> Result<Column, String> {
        if self.kind != kind as u8 {
            let found = Kind::from_wire(self.kind);
            let found = found.map_or_else(|| format!("{}", self.kind), |kind| format!("{kind:?}"));
            return Err(format!("a column of type {found} instead of {kind:?}").to_lowercase());
        }
        if self.rows as usize != rows {
            return Err(format!("{} values for {rows} rows", self.rows));
        }
        if !self.validity.is_empty() {
            expect_length("validity", self.validity.len(), rows.div_ceil(8))?;
        }
        if kind != Kind::Text {
            expect_length("offsets", self.offsets.len(), 0)?;
        }
        let valid = |row: usize| self.validity.is_empty() || bit(&self.validity, row);
        let name = "value".into();
        Ok(match kind {
            Kind::Text => {
                let texts = self.texts(rows, max_text)?;
                let texts = texts.iter().enumerate().map(|(row, text)| valid(row).then_some(*text));
                StringChunked::from_iter_options(name, texts).into_column()
            }
            Kind::Boolean => {
                expect_length("values", self.values.len(), rows.div_ceil(8))?;
                let bits = (0..rows).map(|row| valid(row).then(|| bit(&self.values, row)));
                BooleanChunked::from_iter_options(name, bits).into_column()
            }
            Kind::Float => {
                let numbers = self.numbers(rows)?.map(f64::from_le_bytes);
                if self.validity.is_empty() {
                    Float64Chunked::from_vec(name, numbers.collect()).into_column()
                } else {
                    let numbers = numbers.enumerate();
                    let numbers = numbers.map(|(row, number)| valid(row).then_some(number));
                    Float64Chunked::from_iter_options(name, numbers).into_column()
                }
            }
            Kind::Integer | Kind::Datetime => {
                let numbers = self.numbers(rows)?.map(i64::from_le_bytes);
                let column = if self.validity.is_empty() {
                    Int64Chunked::from_vec(name, numbers.collect()).into_column()
                } else {
                    let numbers = numbers.enumerate();
                    let numbers = numbers.map(|(row, number)| valid(row).then_some(number));
                    Int64Chunked::from_iter_options(name, numbers).into_column()
                };
                column.cast(&kind.dtype()).map_err(|error| error.to_string())?
            }
        })
    }

    fn numbers(&self, rows: usize) -> Result<impl Iterator<Item = [u8; 8]> + '_, String> {
        let (numbers, rest) = self.values.as_chunks::<8>();
        expect_length("values", self.values.len(), rows * 8)?;
        debug_assert!(rest.is_empty());
        Ok(numbers.iter().copied())
    }

    /// The texts of all rows; that of a missing value is arbitrary.
    fn texts(&self, rows: usize, max_text: usize) -> Result<Vec<&str>, String> {
        expect_length("offsets", self.offsets.len(), (rows + 1) * 4)?;
        if self.values.len() > max_text {
            let found = self.values.len();
            return Err(format!("{found} bytes of text where at most {max_text} are allowed"));
        }
        let text = std::str::from_utf8(&self.values)
            .map_err(|error| format!("text that is not UTF-8: {error}"))?;
        let (offsets, _) = self.offsets.as_chunks::<4>();
        let mut offsets = offsets.iter().map(|bytes| u32::from_le_bytes(*bytes) as usize);
        let mut start = offsets.next().unwrap_or_default();
        let mut texts = Vec::with_capacity(rows);
        for (row, end) in offsets.enumerate() {
            if end < start || end > text.len() {
                return Err(format!(
                    "the offsets {start} and {end} of row {row}, with {} bytes of text",
                    text.len()
                ));
            }
            let cut = || format!("offsets that cut a character in row {row}");
            texts.push(text.get(start..end).ok_or_else(cut)?);
            start = end;
        }
        Ok(texts)
    }
}

/// A bit for each row, as a column of booleans without missing values.
///
/// # Errors
/// The length is wrong.
pub(crate) fn decode_bits(bytes: &[u8], rows: usize) -> Result<BooleanChunked, String> {
    expect_length("bits", bytes.len(), rows.div_ceil(8))?;
    Ok(BooleanChunked::from_iter_values("value".into(), (0..rows).map(|row| bit(bytes, row))))
}

/// Ascending numbers of rows.
///
/// # Errors
/// They do not ascend, or are not those of rows.
pub(crate) fn decode_rows(bytes: &[u8], rows: usize) -> Result<Vec<usize>, String> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(format!("{} bytes of row numbers, which is no multiple of 4", bytes.len()));
    }
    let numbers: Vec<usize> =
        numbers.iter().map(|bytes| u32::from_le_bytes(*bytes) as usize).collect();
    match numbers.iter().find(|row| **row >= rows) {
        Some(row) => Err(format!("a hit of row {row} in {rows} rows")),
        None if !numbers.is_sorted_by(|one, next| one < next) => {
            Err("rows of hits that do not ascend".into())
        }
        None => Ok(numbers),
    }
}

/// The end of the text that was written last.
fn end(values: &[u8]) -> u32 {
    u32::try_from(values.len()).unwrap_or(u32::MAX)
}

fn expect_length(buffer: &str, found: usize, wanted: usize) -> Result<(), String> {
    if found == wanted {
        return Ok(());
    }
    Err(format!("{found} bytes of {buffer} instead of {wanted}"))
}

fn bit(bytes: &[u8], place: usize) -> bool {
    bytes.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1)
}

/// Bits, the first in the lowest place of the first byte.
pub(crate) struct Bits {
    pub bytes: Vec<u8>,
    length: usize,
    /// Whether each is 1.
    all: bool,
}

impl Default for Bits {
    fn default() -> Self {
        Self { bytes: Vec::new(), length: 0, all: true }
    }
}

impl Bits {
    pub fn push(&mut self, bit: bool) {
        if self.length.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (self.length % 8);
        }
        self.length += 1;
        self.all &= bit;
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::NamedFrom;
    use polars::prelude::Series;
    use proptest::prelude::*;

    use super::*;

    fn column(kind: Kind, cells: &[Option<i64>]) -> Column {
        let numbers = Series::new("value".into(), cells.to_vec()).into_column();
        match kind {
            Kind::Text => {
                let texts = cells.iter().map(|cell| cell.map(|cell| format!("ä{cell}€")));
                Series::new("value".into(), texts.collect::<Vec<_>>()).into_column()
            }
            Kind::Boolean => {
                let bits = cells.iter().map(|cell| cell.map(|cell| cell % 2 == 0));
                Series::new("value".into(), bits.collect::<Vec<_>>()).into_column()
            }
            other => numbers.cast(&other.dtype()).unwrap(),
        }
    }

    fn kinds() -> impl Strategy<Value = Kind> {
        (0..5_u8).prop_map(|kind| Kind::from_wire(kind).unwrap())
    }

    proptest! {
        #[test]
        fn a_column_survives(kind in kinds(), cells in prop::collection::vec(any::<Option<i32>>(), 0..40)) {
            let cells: Vec<Option<i64>> = cells.into_iter().map(|cell| cell.map(i64::from)).collect();
            let column = column(kind, &cells);
            let buffers = ColumnBuffers::encode(&column).unwrap();
            let decoded = buffers.decode(kind, cells.len(), usize::MAX).unwrap();
            prop_assert!(decoded.equals_missing(&column));
            prop_assert_eq!(buffers.validity.is_empty(), cells.iter().all(Option::is_some));
        }

        /// Whatever a guest answers, it is a column of the type and length that was wanted, or refused.
        #[test]
        fn any_buffers_are_decoded_or_refused(
            kind in kinds(),
            rows in 0..20_u32,
            validity in prop::collection::vec(any::<u8>(), 0..4),
            offsets in prop::collection::vec(0..12_u32, 0..22),
            values in prop::collection::vec(any::<u8>(), 0..170),
        ) {
            let offsets = offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect();
            let buffers = ColumnBuffers { kind: kind as u8, rows, validity, offsets, values };
            if let Ok(column) = buffers.decode(kind, rows as usize, 100) {
                prop_assert_eq!(column.len(), rows as usize);
                prop_assert_eq!(column.dtype(), &kind.dtype());
            }
        }
    }

    #[test]
    fn malformed_columns_are_refused_with_the_reason() {
        let good = ColumnBuffers::from_present(["a", "€"].into_iter());
        let text = |change: &dyn Fn(&mut ColumnBuffers)| {
            let mut buffers = good.clone();
            change(&mut buffers);
            buffers.decode(Kind::Text, 2, 100).unwrap_err()
        };
        let offsets =
            |offsets: [u32; 3]| offsets.iter().flat_map(|end| end.to_le_bytes()).collect();
        assert_eq!(text(&|it| it.rows = 3), "3 values for 2 rows");
        assert_eq!(text(&|it| it.kind = 1), "a column of type integer instead of text");
        assert_eq!(text(&|it| it.kind = 9), "a column of type 9 instead of text");
        assert_eq!(text(&|it| it.validity = vec![1; 2]), "2 bytes of validity instead of 1");
        assert_eq!(text(&|it| it.offsets.truncate(8)), "8 bytes of offsets instead of 12");
        let message = "the offsets 3 and 1 of row 1, with 4 bytes of text";
        assert_eq!(
            text(&|it| it.offsets = offsets([0, 3, 1])),
            "offsets that cut a character in row 0"
        );
        assert_eq!(
            text(&|it| it.offsets = offsets([0, 1, 5])),
            "the offsets 1 and 5 of row 1, with 4 bytes of text"
        );
        assert_eq!(text(&|it| it.offsets = offsets([0, 4, 1])), message.replace("3 and", "4 and"));
        assert!(text(&|it| it.values[1] = 0xff).starts_with("text that is not UTF-8"));
        assert_eq!(
            good.decode(Kind::Text, 2, 3).unwrap_err(),
            "4 bytes of text where at most 3 are allowed"
        );
        let numbers = ColumnBuffers {
            kind: 1,
            rows: 1,
            validity: vec![],
            offsets: vec![],
            values: vec![0; 9],
        };
        assert_eq!(
            numbers.decode(Kind::Integer, 1, 0).unwrap_err(),
            "9 bytes of values instead of 8"
        );
        assert_eq!(decode_bits(&[0, 0], 8).unwrap_err(), "2 bytes of bits instead of 1");
        let rows = |numbers: &[u32]| {
            let bytes: Vec<u8> = numbers.iter().flat_map(|row| row.to_le_bytes()).collect();
            decode_rows(&bytes, 5)
        };
        assert_eq!(rows(&[0, 4]), Ok(vec![0, 4]));
        assert_eq!(rows(&[0, 5]).unwrap_err(), "a hit of row 5 in 5 rows");
        assert_eq!(rows(&[1, 1]).unwrap_err(), "rows of hits that do not ascend");
        assert_eq!(
            decode_rows(&[0; 5], 5).unwrap_err(),
            "5 bytes of row numbers, which is no multiple of 4"
        );
    }
}
