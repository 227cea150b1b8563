//! Components that look values up in lists of indicators.

use anomal_components::{
    Component, Computation, DirectFlag, Fact, Filter, FlagHits, Input, Inputs, Metric, MetricValue,
};
use anomal_core::{
    Result,
    proto::{component::Type, plan::FactUnit},
};
use polars::prelude::BooleanChunked;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::lookup::Lookup;

/// The parameters of a filter or flag.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InLists {
    /// Names of lists of the settings. The first that has a value counts.
    lists: Vec<String>,
}

/// The parameters of the metric.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EntryOfLists {
    /// Names of lists of the settings. The first that has a value counts.
    lists: Vec<String>,
    /// Whether the value of the metric is the entry or the name of its list.
    #[serde(default)]
    show: Show,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Show {
    #[default]
    Entry,
    List,
}

fn inputs() -> Vec<Input> {
    vec![Input::text("value"), Input::row_time()]
}

pub(crate) fn in_list() -> Component {
    Component::with_lists(
        Type::Filter,
        "in_list",
        "Removes rows whose value, or an item of whose value, is found in one of the job's lists.",
        inputs(),
        |InLists { lists: names }, lists| {
            let lookup = Lookup::new(&names, lists)?;
            let removes = Filter::inputs(move |inputs| {
                let mut removes = vec![false; inputs.rows()];
                lookup.for_each(inputs, |row, _| removes[row] = true)?;
                Ok(removes.into_iter().collect::<BooleanChunked>())
            });
            Ok(Computation::from(removes))
        },
    )
}

pub(crate) fn list_entry() -> Component {
    let component = Component::with_lists(
        Type::Metric,
        "list_entry",
        "The entry of one of the job's lists that a value, or an item of it, matches, or the name of that list; missing for others.",
        inputs(),
        |EntryOfLists { lists: names, show }, lists| {
            let lookup = Lookup::new(&names, lists)?;
            let metric = Metric::<String>::inputs(move |inputs| {
                let mut values = vec![None; inputs.rows()];
                lookup.for_each(inputs, |row, finding| {
                    values[row] = Some(match show {
                        Show::Entry => finding.entry.clone().into_owned(),
                        Show::List => finding.list.to_owned(),
                    });
                })?;
                Ok(String::column(values.iter().map(Option::as_ref)))
            });
            Ok(Computation::from(metric))
        },
    );
    component.with_output(String::DATA_TYPE)
}

pub(crate) fn list_hit() -> Component {
    Component::with_lists(
        Type::FlagDirect,
        "list_hit",
        "Hits rows whose value, or an item of whose value, is found in one of the job's lists; reports the list and the entry.",
        inputs(),
        |InLists { lists: names }, lists| {
            Ok(Computation::direct_flag(ListHit(Lookup::new(&names, lists)?)))
        },
    )
    .with_facts(
        &[Fact::new("list", FactUnit::Text), Fact::new("entry", FactUnit::Text)],
        "{list}: {entry}",
    )
}

struct ListHit(Lookup);

impl DirectFlag for ListHit {
    fn hits(&self, inputs: &Inputs<'_>) -> Result<FlagHits> {
        let mut hits = FlagHits::default();
        self.0.for_each(inputs, |row, finding| {
            hits.add([row], vec![finding.list.into(), finding.entry.as_ref().into()]);
        })?;
        Ok(hits)
    }
}
