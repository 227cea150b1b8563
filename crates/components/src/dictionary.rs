//! Dictionary-encoded text columns: a function of a text is computed once for each distinct value.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use anomal_core::Result;
use polars::prelude::{BooleanChunked, Column, NewChunkedArray, PlHashMap, StringChunked};
use rayon::prelude::*;

/// Columns of at least this many rows are encoded in parallel.
const PARALLEL_ROWS: usize = 1 << 18;
/// The code of a row without a value.
pub const MISSING: u32 = u32::MAX;

/// A key that texts are grouped by, such as the registered domain of a name. A text may have none. Clones are the same
/// key: a column's dictionary by it is built once for all of them.
#[derive(Clone)]
pub struct Key(Arc<Derive>);

type Derive = dyn for<'a> Fn(&'a str) -> Option<Cow<'a, str>> + Send + Sync;

impl Key {
    pub fn new(
        derive: impl for<'a> Fn(&'a str) -> Option<Cow<'a, str>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(derive))
    }
}

/// The distinct values of a column, with codes in order of first appearance.
pub struct Dictionary {
    text: StringChunked,
    /// The position in `text` of each value.
    places: Vec<u32>,
    /// The code of each row; [`MISSING`] where it has no value.
    codes: Vec<u32>,
    /// By key; nothing where each value is its own key.
    keyed: Mutex<Vec<(Key, Option<Arc<Dictionary>>)>>,
}

impl Dictionary {
    fn new(text: &StringChunked) -> Self {
        let text = text.rechunk().into_owned();
        let parts = if text.len() < PARALLEL_ROWS { 1 } else { rayon::current_num_threads() };
        let size = text.len().div_ceil(parts).max(1);
        let first = |part: usize| (part * size).min(text.len());
        let slice = |part| text.slice(i64::try_from(first(part)).unwrap_or(i64::MAX), size);
        let slices: Vec<StringChunked> = (0..parts).map(slice).collect();
        let numbered = slices.par_iter().enumerate();
        let parts: Vec<Part<'_>> =
            numbered.map(|(part, text)| Part::new(text, first(part))).collect();
        let whole = parts.into_iter().reduce(|whole, part| whole.merge(&text, &part));
        let Part { places, codes, .. } = whole.unwrap_or_default();
        Self { text, places, codes, keyed: Mutex::default() }
    }

    /// The code of a row, where it has a value.
    pub fn present(&self, row: usize) -> Option<u32> {
        self.codes.get(row).copied().filter(|code| *code != MISSING)
    }

    /// The code of each row.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The number of distinct values.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The value with this code; empty if there is none.
    pub fn value(&self, code: u32) -> &str {
        let place = self.places.get(code as usize);
        place.and_then(|place| self.text.get(*place as usize)).unwrap_or_default()
    }

    /// Applies a function to each distinct value, in parallel.
    pub fn map<'a, T: Send>(&'a self, function: impl Fn(&'a str) -> T + Sync) -> Vec<T> {
        let values = 0..code(self.len());
        values.into_par_iter().with_min_len(256).map(|code| function(self.value(code))).collect()
    }

    /// The result of [`Dictionary::map`] for each row.
    pub fn rows<'a, T>(&'a self, results: &'a [Option<T>]) -> impl Iterator<Item = Option<&'a T>> {
        self.codes.iter().map(|code| results.get(*code as usize)?.as_ref())
    }

    /// The rows for whose value a predicate holds.
    pub fn mask(&self, predicate: impl Fn(&str) -> bool + Sync) -> BooleanChunked {
        let holds = self.map(predicate);
        let rows = self.codes.iter().map(|code| holds.get(*code as usize) == Some(&true));
        BooleanChunked::from_iter_values("".into(), rows)
    }

    /// The same rows by a key of their values; rows without a key have no value. Built at its first use.
    pub fn by_key(self: &Arc<Self>, key: &Key) -> Arc<Self> {
        let mut keyed = self.keyed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, dictionary)) = keyed.iter().find(|(known, _)| Arc::ptr_eq(&known.0, &key.0))
        {
            return Arc::clone(dictionary.as_ref().unwrap_or(self));
        }
        let keys = self.map(|value| (key.0)(value));
        let is_value =
            |(key, code): (&Option<Cow<'_, str>>, u32)| key.as_deref() == Some(self.value(code));
        let dictionary =
            (!keys.iter().zip(0..).all(is_value)).then(|| Arc::new(self.with_values(&keys)));
        keyed.push((key.clone(), dictionary.clone()));
        dictionary.unwrap_or_else(|| Arc::clone(self))
    }

    /// The same rows with other values.
    fn with_values(&self, values: &[Option<Cow<'_, str>>]) -> Self {
        let values = values.iter().map(Option::as_deref);
        let Self { text, places, codes: of_values, .. } =
            Self::new(&StringChunked::from_iter_options("".into(), values));
        let codes = self.codes.iter();
        let codes = codes.map(|code| of_values.get(*code as usize).copied().unwrap_or(MISSING));
        Self { text, places, codes: codes.collect(), keyed: Mutex::default() }
    }
}

/// The values of some of the rows.
#[derive(Default)]
struct Part<'a> {
    known: PlHashMap<&'a str, u32>,
    /// The row of each value's first appearance.
    places: Vec<u32>,
    codes: Vec<u32>,
}

impl<'a> Part<'a> {
    fn new(text: &'a StringChunked, first: usize) -> Self {
        let mut part = Self { codes: Vec::with_capacity(text.len()), ..Self::default() };
        for (row, value) in (code(first)..).zip(text.iter()) {
            let code = value.map_or(MISSING, |value| part.code(value, row));
            part.codes.push(code);
        }
        part
    }

    fn code(&mut self, value: &'a str, row: u32) -> u32 {
        *self.known.entry(value).or_insert_with(|| {
            self.places.push(row);
            code(self.places.len() - 1)
        })
    }

    /// Appends the rows of the next part. The codes are those of a single part with all rows.
    fn merge(mut self, text: &'a StringChunked, next: &Self) -> Self {
        let places = next.places.iter();
        let value = |place: u32| text.get(place as usize).unwrap_or_default();
        let codes: Vec<u32> = places.map(|place| self.code(value(*place), *place)).collect();
        let code = |code: &u32| codes.get(*code as usize).copied().unwrap_or(MISSING);
        self.codes.par_extend(next.codes.par_iter().map(code));
        self
    }
}

/// A column has at most `u32::MAX` rows, and there are no more values than rows.
fn code(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(MISSING)
}

/// The dictionaries of a table's columns. Each is built at its first use, different ones concurrently.
#[derive(Default)]
pub struct Dictionaries(Mutex<HashMap<String, Arc<OnceLock<Arc<Dictionary>>>>>);

impl Dictionaries {
    /// The dictionary of a text column of the table.
    ///
    /// # Errors
    /// `Internal` if it is not text.
    pub fn get(&self, column: &Column) -> Result<Arc<Dictionary>> {
        let text = column.str()?;
        let mut dictionaries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let dictionary = Arc::clone(dictionaries.entry(column.name().to_string()).or_default());
        drop(dictionaries);
        Ok(Arc::clone(dictionary.get_or_init(|| Arc::new(Dictionary::new(text)))))
    }

    /// Drops all of them, because the rows of the table have changed.
    pub fn clear(&mut self) {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_numbered_as_a_whole() {
        let value =
            |row: usize| (!row.is_multiple_of(7)).then(|| format!("v{}", row * row % 1_000));
        let text: StringChunked = (0..3_000).map(value).collect();
        let whole = Part::new(&text, 0);
        let slices: Vec<StringChunked> =
            [0, 1_100, 2_200].into_iter().map(|first| text.slice(first, 1_100)).collect();
        let parts = slices.iter().zip([0, 1_100, 2_200]);
        let parts = parts.map(|(slice, first)| Part::new(slice, first));
        let merged = parts.reduce(|whole, part| whole.merge(&text, &part)).unwrap();
        assert_eq!((merged.codes, merged.places), (whole.codes, whole.places));
    }

    #[test]
    fn values_and_keys_of_rows() {
        let column =
            Column::new("t".into(), [Some("b.x"), None, Some("a.x"), Some("b.x"), Some("c")]);
        let dictionary = Arc::new(Dictionary::new(column.str().unwrap()));
        assert_eq!(dictionary.codes(), [0, MISSING, 1, 0, 2]);
        let lengths = dictionary.map(|text| Some(text.len()));
        let lengths: Vec<Option<&usize>> = dictionary.rows(&lengths).collect();
        assert_eq!(lengths, [Some(&3), None, Some(&3), Some(&3), Some(&1)]);
        let key = Key::new(|text| Some(text.get(text.len() - 1..)?.into()));
        let ends = dictionary.by_key(&key);
        assert!(Arc::ptr_eq(&ends, &dictionary.by_key(&key.clone())));
        // Another key of the same column, such as that of another version of a pack. Each value is its own.
        let own = Key::new(|text| Some(text.into()));
        assert!(Arc::ptr_eq(&dictionary, &dictionary.by_key(&own)));
        assert!(Arc::ptr_eq(&dictionary, &dictionary.by_key(&own)));
        let sites = dictionary.by_key(&Key::new(|text| Some(text.split_once('.')?.1.into())));
        assert_eq!(sites.codes(), [0, MISSING, 0, 0, MISSING]);
        assert_eq!((sites.value(0), sites.len(), ends.len()), ("x", 1, 2));
        assert_eq!(ends.codes(), [0, MISSING, 0, 0, 1]);
        assert_eq!((ends.value(0), ends.value(1), ends.len()), ("x", "c", 2));
        let mask: Vec<Option<bool>> = ends.mask(|end| end == "x").iter().collect();
        assert_eq!(mask, [Some(true), Some(false), Some(true), Some(true), Some(false)]);
    }
}
