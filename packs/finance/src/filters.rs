//! Filters of payments that need no analysis.

use anomal_components::{Component, Filter, Input, NoParameters};
use schemars::JsonSchema;
use serde::Deserialize;

pub fn remove_transactions_lower_than() -> Component {
    Component::filter(
        "remove_transactions_lower_than",
        "Removes rows whose amount is at most `value`.",
        [Input::number("amount")],
        |LowerThan { value }| Ok(Filter::number(move |amount| amount <= value)),
    )
}

pub fn name_dest_starts_with_c() -> Component {
    Component::filter(
        "nameDest_starts_with_C",
        "Removes rows whose receiver is a customer: its name begins with `C`.",
        [Input::text("nameDest")],
        |NoParameters {}| Ok(Filter::text(|name| name.starts_with('C'))),
    )
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LowerThan {
    /// The largest amount to remove.
    value: f64,
}
