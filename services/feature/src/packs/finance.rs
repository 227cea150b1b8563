//! Payments, in the columns of the PaySim data set.

use anomal_core::Result;
use polars::prelude::DataType as Dtype;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::component::{
    Computation, Definition, DirectFlag, Hit, Input, Inputs, NoParameters, parameters, required,
    schema_of,
};

pub(crate) const COMPONENTS: &[Definition] = &[
    Definition {
        name: "remove_transactions_lower_than",
        aliases: &[],
        description: "Removes rows whose amount is at most `value`.",
        inputs: &[Input::number("amount")],
        schema: || required(schema_of::<LowerThan>(), "value"),
        build: |given| {
            let LowerThan { value } = parameters(given)?;
            Ok(Computation::NumberFilter(Box::new(move |amount| amount <= value)))
        },
    },
    Definition {
        name: "nameDest_starts_with_C",
        aliases: &[],
        description: "Removes rows whose receiver is a customer: its name begins with `C`.",
        inputs: &[Input::text("nameDest")],
        schema: schema_of::<NoParameters>,
        build: |given| {
            parameters::<NoParameters>(given)?;
            Ok(Computation::Filter(Box::new(|name| name.starts_with('C'))))
        },
    },
    Definition {
        name: "cashout_great_amount",
        aliases: &[],
        description: "A payment of type CASH_OUT above `amount`.",
        inputs: &[Input::text("type"), Input::number("amount")],
        schema: schema_of::<CashOut>,
        build: |given| Ok(Computation::Direct(Box::new(parameters::<CashOut>(given)?))),
    },
];

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LowerThan {
    /// The largest amount to remove.
    #[serde(default)]
    value: f64,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CashOut {
    /// The largest amount that is not hit.
    #[serde(default = "fifty_thousand")]
    amount: f64,
}

fn fifty_thousand() -> f64 {
    50_000.0
}

impl DirectFlag for CashOut {
    fn hits(&self, inputs: &Inputs<'_>) -> Result<Vec<Hit>> {
        let kinds = inputs.required(0)?.str()?;
        let amounts = inputs.required(1)?.cast(&Dtype::Float64)?;
        let rows = kinds.iter().zip(amounts.f64()?.iter()).enumerate();
        let hits = rows.filter_map(|(row, (kind, amount))| {
            let amount = amount.filter(|amount| *amount > self.amount)?;
            (kind == Some("CASH_OUT")).then(|| (row, format!("{amount}")))
        });
        Ok(hits.collect())
    }
}
