//! Columns in Arrow's layout, as the host passes and takes them.

/// Kind, rows, validity, offsets, values.
pub type WireColumn = (u8, u32, Vec<u8>, Vec<u8>, Vec<u8>);

pub const TEXT: u8 = 0;
pub const INTEGER: u8 = 1;
pub const FLOAT: u8 = 2;
pub const BOOLEAN: u8 = 3;
pub const DATETIME: u8 = 4;

/// A column of the host, read in place.
pub enum View<'a> {
    Absent,
    Text { validity: &'a [u8], offsets: &'a [u8], values: &'a str },
    Integers { validity: &'a [u8], values: &'a [u8] },
    Floats { validity: &'a [u8], values: &'a [u8] },
    Booleans { validity: &'a [u8], values: &'a [u8] },
}

impl<'a> View<'a> {
    pub fn new(column: Option<&'a WireColumn>) -> Self {
        let Some((kind, _, validity, offsets, values)) = column else { return Self::Absent };
        match *kind {
            TEXT => {
                // The host passes UTF-8.
                let values = std::str::from_utf8(values).unwrap_or_default();
                Self::Text { validity, offsets, values }
            }
            FLOAT => Self::Floats { validity, values },
            BOOLEAN => Self::Booleans { validity, values },
            _ => Self::Integers { validity, values },
        }
    }

    pub fn text(&self, row: usize) -> Option<&'a str> {
        let Self::Text { validity, offsets, values } = *self else { return None };
        let end =
            |place: usize| number(offsets, place).map(|bytes| u32::from_le_bytes(bytes) as usize);
        valid(validity, row).then(|| values.get(end(row)?..end(row + 1)?))?
    }

    pub fn integer(&self, row: usize) -> Option<i64> {
        let Self::Integers { validity, values } = *self else { return None };
        valid(validity, row).then(|| number(values, row).map(i64::from_le_bytes))?
    }

    pub fn float(&self, row: usize) -> Option<f64> {
        let Self::Floats { validity, values } = *self else {
            return self.integer(row).map(|value| value as f64);
        };
        valid(validity, row).then(|| number(values, row).map(f64::from_le_bytes))?
    }

    pub fn boolean(&self, row: usize) -> Option<bool> {
        let Self::Booleans { validity, values } = *self else { return None };
        valid(validity, row).then(|| bit(values, row))
    }
}

fn number<const N: usize>(bytes: &[u8], place: usize) -> Option<[u8; N]> {
    bytes.get(place * N..(place + 1) * N)?.try_into().ok()
}

fn valid(validity: &[u8], row: usize) -> bool {
    validity.is_empty() || bit(validity, row)
}

pub fn bit(bytes: &[u8], place: usize) -> bool {
    bytes.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1)
}

/// Bits, the first in the lowest place of the first byte.
#[derive(Default)]
pub struct Bits {
    bytes: Vec<u8>,
    length: usize,
    zeros: usize,
}

impl Bits {
    pub fn push(&mut self, bit: bool) {
        if self.length % 8 == 0 {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (self.length % 8);
        }
        self.length += 1;
        self.zeros += usize::from(!bit);
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// As a validity: empty if all are 1.
    fn into_validity(self) -> Vec<u8> {
        if self.zeros == 0 { Vec::new() } else { self.bytes }
    }
}

#[derive(Default)]
pub struct TextBuilder {
    validity: Bits,
    offsets: Vec<u8>,
    values: Vec<u8>,
}

impl TextBuilder {
    pub fn push(&mut self, text: Option<&str>) {
        if self.offsets.is_empty() {
            self.offsets.extend_from_slice(&[0; 4]);
        }
        self.values.extend_from_slice(text.unwrap_or_default().as_bytes());
        self.offsets.extend_from_slice(&(self.values.len() as u32).to_le_bytes());
        self.validity.push(text.is_some());
    }

    pub fn rows(&self) -> usize {
        self.validity.length
    }

    pub fn finish(mut self) -> WireColumn {
        let rows = self.rows() as u32;
        if self.offsets.is_empty() {
            self.offsets.extend_from_slice(&[0; 4]);
        }
        (TEXT, rows, self.validity.into_validity(), self.offsets, self.values)
    }
}

#[derive(Default)]
pub struct NumberBuilder {
    validity: Bits,
    values: Vec<u8>,
}

impl NumberBuilder {
    pub fn with_capacity(rows: usize) -> Self {
        Self { validity: Bits::default(), values: Vec::with_capacity(rows * 8) }
    }

    pub fn push(&mut self, bytes: Option<[u8; 8]>) {
        self.values.extend_from_slice(&bytes.unwrap_or_default());
        self.validity.push(bytes.is_some());
    }

    pub fn finish(self, kind: u8) -> WireColumn {
        let rows = self.validity.length as u32;
        (kind, rows, self.validity.into_validity(), Vec::new(), self.values)
    }
}

#[derive(Default)]
pub struct BooleanBuilder {
    validity: Bits,
    values: Bits,
}

impl BooleanBuilder {
    pub fn push(&mut self, value: Option<bool>) {
        self.values.push(value == Some(true));
        self.validity.push(value.is_some());
    }

    pub fn finish(self) -> WireColumn {
        let rows = self.validity.length as u32;
        (BOOLEAN, rows, self.validity.into_validity(), Vec::new(), self.values.into_bytes())
    }
}
