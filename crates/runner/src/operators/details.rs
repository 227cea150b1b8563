//! `anomal.details`: what flags found in a row, as names and values.

use anomal_core::{Batch, Hit, Result, proto::plan::Flag};
use polars::prelude::{Column, IntoSeries, NamedFrom, Series, StructChunked};

use super::results::list;
use crate::{incidents::KeyPart, role_values::RoleValues};

/// The values of all rows, end to end.
#[derive(Default)]
struct Lines<'a> {
    flags: Vec<&'a str>,
    names: Vec<&'a str>,
    numbers: Vec<Option<f64>>,
    texts: Vec<Option<String>>,
}

impl<'a> Lines<'a> {
    fn push(&mut self, flag: &'a str, name: &'a str, value: (Option<f64>, Option<String>)) {
        self.flags.push(flag);
        self.names.push(name);
        self.numbers.push(value.0);
        self.texts.push(value.1);
    }

    fn add_facts(&mut self, flag: &'a Flag, hit: &Hit) {
        for (fact, value) in flag.facts.iter().zip(hit.facts.iter().flat_map(|facts| facts.iter()))
        {
            match value.exact(fact.unit()) {
                (None, None) => {}
                value => self.push(&flag.name, &fact.name, value),
            }
        }
    }
}

/// A list of `{flag, name, number, text}` for each row: the values of the key by which a flag groups its hits, then its
/// facts. `roles`: without them, there are no values of keys.
///
/// # Errors
/// `Internal`.
pub(super) fn details(flags: &[Flag], roles: Option<&RoleValues>, batch: &Batch) -> Result<Column> {
    let offsets = batch.offsets();
    let mut lines = Lines::default();
    let mut lengths = Vec::with_capacity(offsets.len());
    for (row, hits) in batch.hits.of_rows(&offsets).enumerate() {
        let before = lines.flags.len();
        for hit in hits {
            let key = roles.map(|roles| roles.key_values(hit.flag, batch, row));
            for (part, column, value) in key.into_iter().flatten() {
                let name = match part {
                    KeyPart::Actor => "actor",
                    KeyPart::Target => "target",
                    KeyPart::Other => column,
                };
                lines.push(&flags[hit.flag].name, name, (None, Some(value)));
            }
            lines.add_facts(&flags[hit.flag], hit);
        }
        lengths.push(lines.flags.len() - before);
    }
    let length = lines.flags.len();
    let fields = [
        Series::new("flag".into(), lines.flags),
        Series::new("name".into(), lines.names),
        Series::new("number".into(), lines.numbers),
        Series::new("text".into(), lines.texts),
    ];
    let values = StructChunked::from_series("".into(), length, fields.iter())?.into_series();
    list("anomal.details", &values, lengths.into_iter())
}
