//! The settings that inputs of text have in common.

use std::{collections::BTreeMap, sync::Arc};

use anomal_spec::{CsvInput, LogInput, Numbers, Strays, Times, TypeSetting};

use crate::{
    files::Files,
    source::OpenOptions,
    typing::{NullValues, NullWords, TypeRules},
};

/// How the values of an input are read.
#[derive(Clone, Debug)]
pub(crate) struct TextSettings {
    /// The path of the input in the settings, such as `input.csv`.
    pub driver: &'static str,
    pub path: String,
    pub nulls: NullValues,
    pub null_words: Option<Vec<String>>,
    pub strays: Strays,
    pub numbers: Numbers,
    pub times: Option<Times>,
    pub types: BTreeMap<String, TypeSetting>,
}

impl TextSettings {
    pub fn for_csv(input: &CsvInput) -> Self {
        Self {
            driver: "input.csv",
            path: input.path.clone(),
            nulls: NullValues::new(&input.null_values),
            null_words: input.null_words.clone(),
            strays: input.strays,
            numbers: input.numbers.unwrap_or_default(),
            times: input.times.clone(),
            types: input.types.clone(),
        }
    }

    /// `nulls`: the texts that mean that there is no value, in all columns.
    pub fn for_log(input: &LogInput, nulls: NullValues) -> Self {
        Self {
            driver: "input.log",
            path: input.path.clone(),
            nulls,
            null_words: input.null_words.clone(),
            strays: input.strays,
            numbers: Numbers::default(),
            times: input.times.clone(),
            types: input.types.clone(),
        }
    }

    pub fn rules(&self, files: &Files, options: &OpenOptions) -> TypeRules {
        TypeRules {
            nulls: self.nulls.clone(),
            words: NullWords::new(self.null_words.as_deref()),
            strays: self.strays,
            json: false,
            numbers: Some(self.numbers),
            findings: options.findings.for_files(files),
            fitted: Arc::clone(&options.fitted),
        }
    }

    /// The year of the first time without one in a column, if the settings have it.
    pub fn year(&self, column: &str) -> Option<i16> {
        let details = self.types.get(column).and_then(TypeSetting::details);
        let of_column = details.and_then(|details| details.year);
        of_column.or_else(|| self.times.as_ref()?.year)
    }
}
