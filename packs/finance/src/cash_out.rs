//! Large amounts that leave the accounts.

use anomal_components::{Component, DirectFlag, Hit, Input, Inputs};
use anomal_core::Result;
use polars::prelude::DataType;
use schemars::JsonSchema;
use serde::Deserialize;

pub fn cashout_great_amount() -> Component {
    Component::direct_flag(
        "cashout_great_amount",
        "A payment of type CASH_OUT above `amount`.",
        [Input::text("type"), Input::number("amount")],
        Ok::<CashOut, _>,
    )
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
        let amounts = inputs.required(1)?.cast(&DataType::Float64)?;
        let rows = kinds.iter().zip(amounts.f64()?.iter()).enumerate();
        let hits = rows.filter_map(|(row, (kind, amount))| {
            let amount = amount.filter(|amount| *amount > self.amount)?;
            (kind == Some("CASH_OUT")).then(|| (row, format!("{amount}")))
        });
        Ok(hits.collect())
    }
}
