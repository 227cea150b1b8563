//! What the flag that leads an incident has measured.

use anomal_core::{FactValue, proto::plan::FactInfo};
use serde::Serialize;

use super::{
    findings::{Cause, Finding},
    input::IncidentInput,
    risk::Draft,
};

/// A fact that is the same for all rows of an incident that its flag leads.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentFact {
    pub flag: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The value for people.
    #[serde(skip)]
    pub words: String,
}

/// The facts in the order of the flag's plan.
pub(super) fn common(
    input: &IncidentInput,
    findings: &[Finding],
    draft: &Draft,
) -> Vec<IncidentFact> {
    let Cause::Flag(flag) = findings[draft.lead].cause else { return Vec::new() };
    let rows = draft.members(findings).map(|row| &input.evidence[row]);
    let led = rows.filter(|row| input.lead(&row.hits) == Some(flag));
    let mut known: Option<Vec<FactValue>> = None;
    for row in led {
        let Some(facts) = &row.facts else { return Vec::new() };
        match &mut known {
            None => known = Some(facts.to_vec()),
            Some(known) => {
                for (known, fact) in known.iter_mut().zip(facts.iter()) {
                    if known != fact {
                        *known = FactValue::Missing;
                    }
                }
            }
        }
    }
    let flag = &input.flags[flag];
    let fact = |(info, value): (&FactInfo, FactValue)| {
        let words = value.words(info.unit())?;
        let (number, text) = value.exact(info.unit());
        let (flag, name) = (flag.name.clone(), info.name.clone());
        Some(IncidentFact { flag, name, number, text, words })
    };
    flag.facts.iter().zip(known.unwrap_or_default()).filter_map(fact).collect()
}
