//! Large amounts that leave the accounts.

use anomal_components::{Component, DirectFlag, Fact, FlagHits, Input, Inputs};
use anomal_core::{Result, proto::plan::FactUnit};
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
    .with_facts(&[Fact::new("amount", FactUnit::Number)], "{amount}")
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
    fn hits(&self, inputs: &Inputs<'_>) -> Result<FlagHits> {
        let kinds = inputs.required(0)?.str()?;
        let amounts = inputs.required(1)?.cast(&DataType::Float64)?;
        let rows = kinds.iter().zip(amounts.f64()?.iter()).enumerate();
        let mut hits = FlagHits::default();
        for (row, (kind, amount)) in rows {
            let large = amount.filter(|amount| *amount > self.amount);
            if let (Some("CASH_OUT"), Some(amount)) = (kind, large) {
                hits.add([row], vec![amount.into()]);
            }
        }
        Ok(hits)
    }
}
