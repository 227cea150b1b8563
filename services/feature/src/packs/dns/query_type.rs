//! Kinds of records that are hardly ever asked for.

use std::collections::HashMap;

use anomal_core::{Cancel, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::component::{
    AggregationFlag, Built, Definition, Distinct, Hit, Input, Inputs, parameters, schema_of,
};

pub(crate) const QUERY_TYPE_RARE: Definition = Definition {
    name: "query_type_rare",
    aliases: &[],
    description: "Rows whose value (a query type, such as NULL or AXFR) is that of at most the share `maxShare` of all \
                  rows.",
    inputs: &[Input::text("type")],
    schema: schema_of::<Rare>,
    build: |given| Ok(Built::Aggregation(Box::new(parameters::<Rare>(given)?))),
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Rare {
    /// The largest share of the rows, 0 to 1, that is rare.
    #[serde(default = "one_in_a_thousand")]
    max_share: f64,
}

fn one_in_a_thousand() -> f64 {
    0.001
}

impl AggregationFlag for Rare {
    fn hits(&self, inputs: &Inputs<'_>, _: &Cancel) -> Result<Vec<Hit>> {
        let values = Distinct::of(inputs.required(0)?)?;
        let mut counts: HashMap<u32, usize> = HashMap::new();
        for code in values.codes.iter().flatten() {
            *counts.entry(*code).or_default() += 1;
        }
        let total: usize = counts.values().sum();
        let hits = values.codes.iter().enumerate().filter_map(|(row, code)| {
            let code = (*code)?;
            let count = counts[&code];
            let rare = count as f64 <= self.max_share * total as f64;
            rare.then(|| {
                (row, format!("{}, in {count} of {total} rows", values.values[code as usize]))
            })
        });
        Ok(hits.collect())
    }
}
