//! The columns of the first records, with their types and storage.

use std::collections::HashMap;

use anomal_core::proto::{self, Diagnostic};
use anomal_spec::Mentions;

use super::{
    flat::{FlatChunk, Scalar, Texts},
    members::{self, MemberPath},
    settings::JsonSettings,
    storage::{JsonTypes, Storage},
};
use crate::{
    json_text,
    source::data_type,
    typing::{Class, INFER_FROM, Inference, SampleValue, TypeRules},
};

/// A column as the sample shows it.
pub(super) struct InferredColumn {
    pub schema: proto::Column,
    pub stored: Storage,
    /// Unless the settings set the type; of times, if they set no format.
    pub inference: Option<Inference>,
    /// Of members of objects in lists, which are no column of their own in results.
    pub member: Option<MemberPath>,
}

/// Columns at most, but for those that the settings name.
const MAX_COLUMNS: usize = 2048;

/// Records of the sample: their values and their texts.
pub(super) struct SampledRecords<'a> {
    chunks: Vec<(&'a FlatChunk, Vec<&'a str>)>,
}

impl<'a> SampledRecords<'a> {
    /// The first records, up to those from which types are inferred.
    pub fn new(chunks: impl IntoIterator<Item = (&'a FlatChunk, Vec<&'a str>)>) -> Self {
        let mut left = INFER_FROM;
        let mut sampled = Vec::new();
        for (chunk, mut records) in chunks {
            records.truncate(left);
            left -= records.len();
            sampled.push((chunk, records));
        }
        Self { chunks: sampled }
    }

    /// Calls `visit` with each value: its name, and the place of its record.
    fn visit(&self, mut visit: impl FnMut(&'a str, usize, Scalar, Texts<'a>)) {
        let mut index = 0;
        for (chunk, records) in &self.chunks {
            for (place, record) in records.iter().enumerate() {
                let (values, texts) = chunk.record(place, record);
                for (name, value) in values {
                    visit(chunk.names.path(*name), index, *value, texts);
                }
                index += 1;
            }
        }
    }

    /// The columns of the records: in order of appearance, then those that only `types` name, then members of objects in
    /// lists that the settings mention. `rereadable`: the input can be read again.
    pub fn columns(
        &self,
        settings: &JsonSettings,
        mentions: &Mentions,
        rules: &TypeRules,
        rereadable: bool,
    ) -> Vec<InferredColumn> {
        let mut columns: Vec<SampledColumn<'_>> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        self.visit(|name, index, value, texts| {
            let place = *places.entry(name).or_insert_with(|| {
                columns.push(SampledColumn { name, ..SampledColumn::default() });
                columns.len() - 1
            });
            columns[place].add(value, texts, index, rules);
        });
        let types = &settings.input.types;
        let is_named = |name: &str| {
            let types = || {
                types.keys().any(|key| key == name || name.ends_with('.') && key.starts_with(name))
            };
            mentions.contains(name) || types()
        };
        if columns.len() > MAX_COLUMNS {
            let all = columns.len();
            let mut place = 0;
            columns.retain(|column| {
                place += 1;
                place <= MAX_COLUMNS || is_named(column.name)
            });
            rules.findings.note(too_many_columns(settings, all - columns.len()));
        }
        let member_texts = members::sampled(&columns, &is_named);
        let members = member_texts.iter().map(|(path, texts)| {
            let mut column = SampledColumn { name: &path.name, ..SampledColumn::default() };
            texts.iter().for_each(|(index, text)| column.add_token(text, *index, rules));
            InferredColumn {
                member: Some(path.clone()),
                ..column.infer(settings, rules, rereadable)
            }
        });
        let members: Vec<InferredColumn> = members.collect();
        let is_member = |name: &str| members.iter().any(|member| member.schema.name == name);
        let more =
            types.keys().filter(|name| !places.contains_key(name.as_str()) && !is_member(name));
        columns.extend(more.map(|name| SampledColumn { name, ..SampledColumn::default() }));
        let columns = columns.into_iter().map(|column| column.infer(settings, rules, rereadable));
        columns.chain(members).collect()
    }

    /// The first name that begins so, with the place of its record.
    pub fn first_with(&self, prefix: &str) -> Option<(&'a str, usize)> {
        let mut found = None;
        self.visit(|name, index, _, _| {
            if found.is_none() && name.starts_with(prefix) {
                found = Some((name, index));
            }
        });
        found
    }

    /// The names of members of objects in lists.
    pub fn member_names(&self) -> Vec<String> {
        let mut columns: Vec<SampledColumn<'_>> = Vec::new();
        self.visit(|name, index, value, texts| {
            if let Scalar::List(_) = value {
                let known = columns.iter().position(|column| column.name == name);
                let place = known.unwrap_or_else(|| {
                    columns.push(SampledColumn { name, ..SampledColumn::default() });
                    columns.len() - 1
                });
                columns[place].lists.push((index, value.text(texts)));
            }
        });
        let members = members::sampled(&columns, &|_| true);
        members.into_iter().map(|(path, _)| path.name.to_string()).collect()
    }
}

fn too_many_columns(settings: &JsonSettings, left_out: usize) -> Diagnostic {
    Diagnostic {
        path: settings.place.to_owned(),
        reason: "TOO_MANY_COLUMNS".to_owned(),
        message: format!(
            "the first {INFER_FROM} records have more than {MAX_COLUMNS} names; {left_out} that appear later have no \
             column, and their values are dropped; name one in types or in a feature to read it"
        ),
        count: left_out as u64,
    }
}

/// The values of a name in the sample.
#[derive(Default)]
pub(super) struct SampledColumn<'a> {
    pub name: &'a str,
    types: JsonTypes,
    values: Vec<SampleValue<'a>>,
    /// The lists, with the places of their records.
    pub lists: Vec<(usize, &'a str)>,
}

impl<'a> SampledColumn<'a> {
    fn add(&mut self, value: Scalar, texts: Texts<'a>, index: usize, rules: &TypeRules) {
        self.types.add(value, texts);
        let text = value.text(texts);
        let class = match value {
            Scalar::Null => return,
            Scalar::Boolean(_) => Class::Boolean,
            Scalar::Number(_) => Class::classify_json(text),
            Scalar::Text(_) | Scalar::Unescaped(_) if rules.is_word(text, true) => return,
            Scalar::Text(_) | Scalar::Unescaped(_) => json_text::text_class(text),
            Scalar::List(_) => {
                self.lists.push((index, text));
                Class::Text
            }
        };
        self.values.push(SampleValue { text, class, record: index });
    }

    /// Adds a value by its JSON text, which has no escapes if it is a string.
    fn add_token(&mut self, token: &'a str, index: usize, rules: &TypeRules) {
        let text = token.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let class = json_text::class(token);
        if token != "null" && !text.is_some_and(|text| rules.is_word(text, true)) {
            self.values.push(SampleValue { text: text.unwrap_or(token), class, record: index });
        }
    }

    fn infer(self, settings: &JsonSettings, rules: &TypeRules, rereadable: bool) -> InferredColumn {
        let given = settings.input.types.get(self.name).map(|given| data_type(given.column_type()));
        let times = settings.times();
        let has_year = times.year(self.name).is_some();
        let is_time = given == Some(proto::DataType::Datetime) && times.needs_detection(self.name);
        let time = is_time.then(|| Inference::for_times(&self.values, self.name, has_year));
        let inference = time.or_else(|| {
            given.is_none().then(|| {
                let mut inference = Inference::new(&self.values, rules.strays);
                inference.find_time(&self.values, self.name, has_year, rules.strays);
                inference.classes = rules.widened(self.name, inference.classes, rereadable);
                rules.take_fitted(self.name, &mut inference);
                inference
            })
        });
        let inferred = || inference.as_ref().map(Inference::data_type).unwrap_or_default();
        let data_type = given.unwrap_or_else(inferred).into();
        let numbers = rules.findings.whole_numbers_are_numbers(rereadable);
        let stored = self.types.storage(numbers, rules.findings.widened(self.name));
        let schema = proto::Column { name: self.name.to_owned(), data_type };
        InferredColumn { schema, stored, inference, member: None }
    }
}
