//! The columns of the first records, with their types and storage.

use std::collections::HashMap;

use anomal_core::proto;
use anomal_spec::NdjsonInput;

use super::{
    flat::{FlatRecord, Scalar},
    storage::{JsonTypes, Storage},
};
use crate::{
    json_text,
    source::data_type,
    typing::{Class, INFER_FROM, Inference, SampleValue, TimeSettings, TypeRules},
};

/// A column as the sample shows it.
pub(super) struct InferredColumn {
    pub schema: proto::Column,
    pub stored: Storage,
    /// Unless the settings set the type; of times, if they set no format.
    pub inference: Option<Inference>,
}

/// The columns of records with their text: those of the sample in order of appearance, then those that only the
/// settings name. `rereadable`: the input can be read again.
pub(super) fn columns<'a>(
    records: impl Iterator<Item = (&'a FlatRecord, &'a str)>,
    input: &NdjsonInput,
    rules: &TypeRules,
    rereadable: bool,
) -> Vec<InferredColumn> {
    let mut columns: Vec<SampledColumn<'_>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (index, (flat, record)) in records.take(INFER_FROM).enumerate() {
        for (name, value) in flat {
            let place = *places.entry(name).or_insert_with(|| {
                columns.push(SampledColumn { name, ..SampledColumn::default() });
                columns.len() - 1
            });
            columns[place].add(value, record, index, rules);
        }
    }
    let more = input.types.keys().filter(|name| !places.contains_key(name.as_str()));
    columns.extend(more.map(|name| SampledColumn { name, ..SampledColumn::default() }));
    columns.into_iter().map(|column| column.infer(input, rules, rereadable)).collect()
}

/// The values of a name in the sample.
#[derive(Default)]
struct SampledColumn<'a> {
    name: &'a str,
    types: JsonTypes,
    values: Vec<SampleValue<'a>>,
}

impl<'a> SampledColumn<'a> {
    fn add(&mut self, value: &'a Scalar, record: &'a str, index: usize, rules: &TypeRules) {
        self.types.add(value, record);
        let text = value.text(record);
        let class = match value {
            Scalar::Null => return,
            Scalar::Boolean(_) => Class::Boolean,
            Scalar::Number(_) => Class::classify_json(text),
            Scalar::Text(_) | Scalar::Unescaped(_) if rules.is_word(text, true) => return,
            Scalar::Text(_) | Scalar::Unescaped(_) => json_text::text_class(text),
            Scalar::List(_) => Class::Text,
        };
        self.values.push(SampleValue { text, class, record: index });
    }

    fn infer(self, input: &NdjsonInput, rules: &TypeRules, rereadable: bool) -> InferredColumn {
        let given = input.types.get(self.name).map(|given| data_type(given.column_type()));
        let times = TimeSettings::for_ndjson(input);
        let has_year = times.year(self.name).is_some();
        let is_time = given == Some(proto::DataType::Datetime) && times.needs_detection(self.name);
        let time = is_time.then(|| Inference::for_times(&self.values, self.name, has_year));
        let inference = time.or_else(|| {
            given.is_none().then(|| {
                let mut inference = Inference::new(&self.values, rules.strays);
                inference.find_time(&self.values, self.name, has_year, rules.strays);
                inference.classes = rules.widened(self.name, inference.classes, rereadable);
                inference
            })
        });
        let inferred = || inference.as_ref().map(Inference::data_type).unwrap_or_default();
        let data_type = given.unwrap_or_else(inferred).into();
        let numbers = rules.findings.whole_numbers_are_numbers(rereadable);
        let stored = self.types.storage(numbers, rules.findings.widened(self.name));
        let schema = proto::Column { name: self.name.to_owned(), data_type };
        InferredColumn { schema, stored, inference }
    }
}
