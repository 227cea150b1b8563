//! Records whose columns are known by their names, and what to compute from them.

use serde_json::json;

use super::{profile::Profile, rates::Feature};

/// Payments of a mobile wallet as PaySim writes them: the balances of both sides before and after.
const PAYSIM: [&str; 5] =
    ["amount", "oldbalanceOrg", "newbalanceOrig", "oldbalanceDest", "newbalanceDest"];

/// Adds the features of known records. Returns the columns that they stand for.
pub fn features(profile: &Profile, features: &mut Vec<Feature>) -> Vec<&'static str> {
    if !PAYSIM
        .iter()
        .all(|name| profile.column(name).is_some_and(super::profile::ColumnProfile::is_number))
    {
        return Vec::new();
    }
    for (name, expression, comment) in [
        (
            "emptied",
            "oldbalanceOrg > 0 AND newbalanceOrig = 0",
            "the account of the sender is empty after it",
        ),
        (
            "share_of_balance",
            "CASE WHEN oldbalanceOrg > 0 THEN LEAST(amount / oldbalanceOrg, 2.0) ELSE 0.0 END",
            "of the sender's balance",
        ),
    ] {
        let settings = json!({"type": "expression", "name": name, "expression": expression});
        features.push(Feature { settings, comment: comment.to_owned() });
    }
    PAYSIM[1..].to_vec()
}
