//! Kinds of records that are hardly ever asked for.

mod window;

use anomal_components::{
    AggregationFlag, Component, Fact, FlagHits, FlagWindow, Input, Inputs, KeyPart, ParameterError,
    Window, within,
};
use anomal_core::{Cancel, Result, proto::plan::FactUnit};
use schemars::JsonSchema;
use serde::Deserialize;

use self::window::RareWindow;

pub fn query_type_rare() -> Component {
    Component::aggregation_flag(
        "query_type_rare",
        "Rows whose value (a query type, such as NULL or AXFR) is that of at most the share `maxShare` of all \
         rows.",
        [Input::text("type")],
        |flag: Rare| {
            within("maxShare", flag.max_share, 0.0..=1.0)?;
            Ok(flag)
        },
    )
    .with_key(&[KeyPart::value("type")])
    .with_facts(
        &[
            Fact::new("type", FactUnit::Text),
            Fact::new("rows", FactUnit::Count),
            Fact::new("all", FactUnit::Count),
        ],
        "{type}, in {rows} of {all} rows",
    )
    .with_title("{type} in {rows} of {all} rows")
}

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
    fn hits(&self, inputs: &Inputs<'_>, _: &Cancel) -> Result<FlagHits> {
        let values = inputs.dictionary(0)?;
        let mut counts = vec![0_usize; values.len()];
        for code in values.codes() {
            if let Some(count) = counts.get_mut(*code as usize) {
                *count += 1;
            }
        }
        let total: usize = counts.iter().sum();
        let mut hits = FlagHits::default();
        let mut places: Vec<Option<u32>> = vec![None; values.len()];
        for (row, code) in values.codes().iter().enumerate() {
            let place = *code as usize;
            let Some(count) = counts.get(place) else { continue };
            if *count as f64 > self.max_share * total as f64 {
                continue;
            }
            if let Some(finding) = places[place] {
                hits.rows.push((row, finding));
            } else {
                places[place] = u32::try_from(hits.findings.len()).ok();
                hits.add([row], vec![values.value(*code).into(), (*count).into(), total.into()]);
            }
        }
        Ok(hits)
    }

    fn over(
        &self,
        window: Window,
    ) -> std::result::Result<Option<Box<dyn FlagWindow>>, ParameterError> {
        Ok(Some(Box::new(RareWindow::new(self.max_share, window))))
    }
}
