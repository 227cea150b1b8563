//! The results of an author's functions, as columns.

use crate::{
    arguments::Datetime,
    buffers::{
        BOOLEAN, BooleanBuilder, DATETIME, FLOAT, INTEGER, NumberBuilder, TEXT, TextBuilder,
        WireColumn,
    },
};

/// A type of a metric's values.
pub trait Output: Sized {
    const KIND: u8;
    type Column: OutputColumn<Self>;
}

/// Values that are written to a column.
pub trait OutputColumn<T> {
    fn with_rows(rows: usize) -> Self;
    fn push(&mut self, value: Option<T>);
    fn finish(self) -> WireColumn;
}

macro_rules! number {
    ($type:ty, $kind:expr, $bytes:expr) => {
        impl Output for $type {
            const KIND: u8 = $kind;
            type Column = NumberBuilder;
        }

        impl OutputColumn<$type> for NumberBuilder {
            fn with_rows(rows: usize) -> Self {
                Self::with_capacity(rows)
            }

            fn push(&mut self, value: Option<$type>) {
                NumberBuilder::push(self, value.map($bytes));
            }

            fn finish(self) -> WireColumn {
                NumberBuilder::finish(self, $kind)
            }
        }
    };
}
number!(i64, INTEGER, i64::to_le_bytes);
number!(f64, FLOAT, f64::to_le_bytes);
number!(Datetime, DATETIME, |time: Datetime| time.0.to_le_bytes());

impl Output for bool {
    const KIND: u8 = BOOLEAN;
    type Column = BooleanBuilder;
}

impl OutputColumn<bool> for BooleanBuilder {
    fn with_rows(_: usize) -> Self {
        Self::default()
    }

    fn push(&mut self, value: Option<bool>) {
        BooleanBuilder::push(self, value);
    }

    fn finish(self) -> WireColumn {
        BooleanBuilder::finish(self)
    }
}

impl Output for String {
    const KIND: u8 = TEXT;
    type Column = TextBuilder;
}

impl OutputColumn<String> for TextBuilder {
    fn with_rows(_: usize) -> Self {
        Self::default()
    }

    fn push(&mut self, value: Option<String>) {
        TextBuilder::push(self, value.as_deref());
    }

    fn finish(self) -> WireColumn {
        TextBuilder::finish(self)
    }
}

/// Values, some of which are missing.
pub struct Optional<C>(C);

impl<T: Output> Output for Option<T> {
    const KIND: u8 = T::KIND;
    type Column = Optional<T::Column>;
}

impl<T, C: OutputColumn<T>> OutputColumn<Option<T>> for Optional<C> {
    fn with_rows(rows: usize) -> Self {
        Self(C::with_rows(rows))
    }

    fn push(&mut self, value: Option<Option<T>>) {
        self.0.push(value.flatten());
    }

    fn finish(self) -> WireColumn {
        self.0.finish()
    }
}

/// The result of a flag for a row.
pub trait FlagOutput {
    /// What was found, if the row is hit.
    fn found(self) -> Option<String>;
}

impl FlagOutput for Option<String> {
    fn found(self) -> Option<String> {
        self
    }
}

impl FlagOutput for bool {
    fn found(self) -> Option<String> {
        self.then(String::new)
    }
}

/// Rows that are hit.
#[derive(Default)]
pub struct HitsBuilder {
    rows: Vec<u8>,
    found: TextBuilder,
}

impl HitsBuilder {
    pub fn push(&mut self, row: usize, found: &str) {
        self.rows.extend_from_slice(&(row as u32).to_le_bytes());
        // The host takes texts of up to 1 KiB.
        let end = (0..=found.len().min(1024)).rev().find(|end| found.is_char_boundary(*end));
        self.found.push(Some(&found[..end.unwrap_or_default()]));
    }

    pub fn finish(self) -> (Vec<u8>, WireColumn) {
        (self.rows, self.found.finish())
    }
}
