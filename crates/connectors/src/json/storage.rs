//! How the values of a name are stored.

use polars::prelude::{Column, DataType};

use super::flat::{Scalar, Texts};
use crate::{
    column::{Cell, ColumnBuilder, StorageType},
    json_text::{self, NUMBERS, VALUES},
    typing::{Class, Classes},
};

/// Digits from which on a whole number may be beyond 2^53.
const LONG: usize = 16;

/// The type in which a column's values are stored. Whatever it is, outputs have the values as they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    /// Whole numbers within 64 bits.
    Integer,
    Boolean,
    /// Strings.
    Text,
    /// Any JSON values by their text; see [`json_text`].
    Json(&'static str),
}

/// The types of JSON values that a name has had.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct JsonTypes {
    /// Those of numbers and booleans.
    classes: Classes,
    strings: bool,
    lists: bool,
}

impl JsonTypes {
    pub fn add(&mut self, value: Scalar, texts: Texts<'_>) {
        match value {
            Scalar::Null => {}
            Scalar::Boolean(_) => self.classes |= Class::Boolean.into(),
            Scalar::Number(_) => {
                let token = value.text(texts);
                // As an integer it would lose its sign.
                let class = if token == "-0" { Class::Number } else { Class::classify_json(token) };
                self.classes |= class.into();
            }
            Scalar::Text(_) | Scalar::Unescaped(_) => self.strings = true,
            Scalar::List(_) => self.lists = true,
        }
    }

    /// The narrowest storage. `numbers`: whole numbers are stored as numbers; `widened`: the classes of values behind the
    /// sample that need a wider one.
    pub fn storage(self, numbers: bool, widened: Classes) -> Storage {
        let classes = self.classes | widened;
        let others = widened.iter().any(|class| !class.is_numeric());
        let integers = classes.iter().all(Class::is_integer);
        let exact = classes.iter().all(|class| matches!(class, Class::Integer | Class::Number));
        match (classes == Classes::default(), self.strings, self.lists) {
            _ if others => Storage::Json(VALUES),
            (true, true, false) => Storage::Text,
            (false, false, false) if integers && !numbers => Storage::Integer,
            (false, false, false) if exact => Storage::Json(NUMBERS),
            (false, false, false) if classes == Class::Boolean.into() => Storage::Boolean,
            _ => Storage::Json(VALUES),
        }
    }
}

impl Storage {
    pub fn dtype(self) -> DataType {
        match self {
            Self::Json(field) => json_text::dtype(field),
            other => other.cells().dtype(),
        }
    }

    fn cells(self) -> StorageType {
        match self {
            Self::Integer => StorageType::Integer,
            Self::Boolean => StorageType::Boolean,
            Self::Text | Self::Json(_) => StorageType::Text,
        }
    }

    pub fn builder(self, name: &str, capacity: usize) -> ColumnBuilder {
        ColumnBuilder::new(name, self.cells(), capacity)
    }

    /// The column of a builder.
    ///
    /// # Errors
    /// `Internal`.
    pub fn finish(self, builder: ColumnBuilder, height: usize) -> anomal_core::Result<Column> {
        let column = builder.finish(height);
        match self {
            Self::Json(field) => json_text::column(column.name(), field, column.str()?.clone()),
            _ => Ok(column),
        }
    }

    /// A value for storage; nothing if it is null.
    ///
    /// # Errors
    /// What was expected, if the storage does not take it.
    pub fn cell(self, value: Scalar, texts: Texts<'_>) -> Result<Option<Cell<'_>>, &'static str> {
        Ok(Some(match (self, value) {
            (_, Scalar::Null) => return Ok(None),
            (Self::Integer, Scalar::Number(_)) => match value.text(texts) {
                "-0" => return Err("a whole number"),
                token => Cell::Integer(token.parse().map_err(|_| "a whole number")?),
            },
            (Self::Integer, _) => return Err("a whole number"),
            (Self::Boolean, Scalar::Boolean(value)) => Cell::Boolean(value),
            (Self::Boolean, _) => return Err("true or false"),
            (Self::Text, Scalar::Text(_) | Scalar::Unescaped(_)) => {
                Cell::Text(value.text(texts).into())
            }
            (Self::Text, _) => return Err("a text"),
            (Self::Json(NUMBERS), Scalar::Number(span)) if span.len() < LONG => {
                Cell::Text(value.text(texts).into())
            }
            (Self::Json(NUMBERS), Scalar::Number(_)) => match value.text(texts) {
                token if is_exact(token) => Cell::Text(token.into()),
                _ => return Err("a number that a 64-bit float gives back"),
            },
            (Self::Json(NUMBERS), _) => return Err("a number"),
            (Self::Json(_), value) => Cell::Text(value.token(texts)),
        }))
    }

    /// A value that the storage does not take, where no other attempt can be made.
    pub fn force(self, value: Scalar, texts: Texts<'_>) -> Option<Cell<'_>> {
        match self {
            Self::Text => Some(Cell::Text(value.text(texts).into())),
            Self::Json(_) => Some(Cell::Text(value.token(texts))),
            Self::Integer | Self::Boolean => None,
        }
    }
}

fn is_exact(token: &str) -> bool {
    !matches!(Class::classify_json(token), Class::BigInteger | Class::Long | Class::Beyond)
}
