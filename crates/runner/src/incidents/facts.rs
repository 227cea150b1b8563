//! What the flag that leads an incident has measured.

use anomal_core::{FactValue, proto::plan::FactInfo};
use serde::Serialize;

use super::{
    findings::{Cause, CommonFacts, Finding},
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
    let lead = findings[draft.lead].cause;
    let Cause::Flag(flag) = lead else { return Vec::new() };
    let mut known = CommonFacts::default();
    let of_draft = draft.findings.iter().map(|finding| &findings[*finding]);
    of_draft.filter(|finding| finding.cause == lead).for_each(|it| known.merge(&it.sums.facts));
    let CommonFacts::Some(known) = known else { return Vec::new() };
    let flag = &input.flags[flag];
    let fact = |(info, value): (&FactInfo, FactValue)| {
        let words = value.words(info.unit())?;
        let (number, text) = value.exact(info.unit());
        let (flag, name) = (flag.name.clone(), info.name.clone());
        Some(IncidentFact { flag, name, number, text, words })
    };
    flag.facts.iter().zip(known).filter_map(fact).collect()
}
