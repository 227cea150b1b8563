//! The arguments of an author's functions, read from columns.

use crate::buffers::{BOOLEAN, DATETIME, FLOAT, INTEGER, TEXT, View, WireColumn};

/// A time: microseconds since 1970 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Datetime(pub i64);

/// The columns of a call.
pub struct Inputs<'a> {
    columns: &'a [Option<WireColumn>],
}

impl<'a> Inputs<'a> {
    pub fn new(columns: &'a [Option<WireColumn>]) -> Self {
        Self { columns }
    }

    pub fn rows(&self) -> usize {
        self.columns.iter().flatten().map(|column| column.1 as usize).next().unwrap_or_default()
    }

    pub fn view(&self, place: usize) -> View<'a> {
        View::new(self.columns.get(place).and_then(Option::as_ref))
    }
}

/// A type of an argument.
pub trait Argument<'a>: Sized {
    /// The types of columns that are accepted.
    const KINDS: &'static [u8];
    /// Whether the function is not called for a row without a value.
    const REQUIRED: bool = true;

    /// The value of a row; nothing: the function is not called.
    fn get(view: &View<'a>, row: usize) -> Option<Self>;
}

macro_rules! argument {
    ($type:ty, $kinds:expr, |$view:ident, $row:ident| $get:expr) => {
        impl<'a> Argument<'a> for $type {
            const KINDS: &'static [u8] = $kinds;

            fn get($view: &View<'a>, $row: usize) -> Option<Self> {
                $get
            }
        }
    };
}
argument!(&'a str, &[TEXT], |view, row| view.text(row));
argument!(i64, &[INTEGER], |view, row| view.integer(row));
argument!(f64, &[INTEGER, FLOAT], |view, row| view.float(row));
argument!(bool, &[BOOLEAN], |view, row| view.boolean(row));
argument!(Datetime, &[DATETIME], |view, row| view.integer(row).map(Datetime));

impl<'a, T: Argument<'a>> Argument<'a> for Option<T> {
    const KINDS: &'static [u8] = T::KINDS;
    const REQUIRED: bool = false;

    fn get(view: &View<'a>, row: usize) -> Option<Self> {
        Some(T::get(view, row))
    }
}
