//! Texts that mean a missing value.

use polars::prelude::StringChunked;

/// Words that mean a missing value in columns that are not text.
const NULL_WORDS: [&str; 22] = [
    "-",
    "--",
    "NA",
    "N/A",
    "n/a",
    "#N/A",
    "NULL",
    "null",
    "None",
    "nil",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "Infinity",
    "-Infinity",
    "\\N",
    "?",
    ".",
    "(null)",
    "(empty)",
    "undefined",
];

/// The texts that mean a missing value in all columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct NullValues {
    /// Whether a blank cell is missing.
    blank: bool,
    texts: Vec<String>,
}

impl NullValues {
    pub fn new(texts: &[String]) -> Self {
        let (blank, texts): (Vec<&String>, Vec<&String>) =
            texts.iter().partition(|text| text.is_empty());
        Self { blank: !blank.is_empty(), texts: texts.into_iter().cloned().collect() }
    }

    #[inline]
    pub fn contains(&self, text: &str) -> bool {
        if text.is_empty() { self.blank } else { self.texts.iter().any(|null| null == text) }
    }

    /// Whether a column has one of them.
    pub fn any(&self, column: &StringChunked) -> bool {
        if self.texts.is_empty() && column.null_count() == 0 {
            let mut arrays = column.downcast_iter();
            return self.blank
                && arrays.any(|array| array.views().iter().any(|view| view.length == 0));
        }
        column.iter().flatten().any(|text| self.contains(text))
    }
}

/// The words that mean a missing value in columns that are not text.
#[derive(Clone, Debug)]
pub(crate) enum NullWords {
    BuiltIn,
    Listed(Vec<String>),
}

impl NullWords {
    /// No list: the built-in one.
    pub fn new(listed: Option<&[String]>) -> Self {
        listed.map_or(Self::BuiltIn, |listed| Self::Listed(listed.to_vec()))
    }

    pub fn none() -> Self {
        Self::Listed(Vec::new())
    }

    pub fn contains(&self, text: &str) -> bool {
        match self {
            Self::BuiltIn => NULL_WORDS.contains(&text),
            Self::Listed(listed) => listed.iter().any(|word| word == text),
        }
    }
}
