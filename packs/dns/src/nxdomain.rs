//! Clients that ask for many names that do not exist.

use anomal_components::{AggregationFlag, Component, Hit, Input, Inputs, KeyPart, within};
use anomal_core::{Cancel, Result};
use schemars::JsonSchema;
use serde::Deserialize;

pub fn nxdomain_ratio() -> Component {
    Component::aggregation_flag(
        "nxdomain_ratio",
        "The NXDOMAIN rows of a client for which their share is above `threshold`, if it has at least \
         `minRequests` rows.",
        [Input::text("clientIp"), Input::text("responseCode")],
        |flag: NxdomainRatio| {
            within("threshold", flag.threshold, 0.0..=1.0)?;
            Ok(flag)
        },
    )
    .with_key(&[KeyPart::actor("clientIp")])
    .with_title("{count} names that do not exist, {time}")
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NxdomainRatio {
    /// The share, 0 to 1, that is no cause for a look.
    #[serde(default = "three_tenths")]
    threshold: f64,
    /// Rows that a client needs to be evaluated.
    #[serde(default = "twenty")]
    min_requests: usize,
}

fn three_tenths() -> f64 {
    0.3
}

fn twenty() -> usize {
    20
}

impl AggregationFlag for NxdomainRatio {
    fn hits(&self, inputs: &Inputs<'_>, _: &Cancel) -> Result<Vec<Hit>> {
        let clients = inputs.dictionary(0)?;
        let failed = inputs.dictionary(1)?.mask(|code| code.eq_ignore_ascii_case("NXDOMAIN"));
        let rows = || clients.codes().iter().zip(failed.iter()).enumerate();
        let mut counts = vec![(0_usize, 0_usize); clients.len()];
        for (_, (client, failed)) in rows() {
            if let Some(counts) = counts.get_mut(*client as usize) {
                counts.0 += usize::from(failed == Some(true));
                counts.1 += 1;
            }
        }
        let hits = rows().filter_map(|(row, (client, failed))| {
            let (failures, all) = *counts.get(*client as usize)?;
            let share = failures as f64 / all as f64;
            let hit = failed == Some(true) && all >= self.min_requests && share > self.threshold;
            hit.then(|| (row, format!("{failures} of the client's {all} names do not exist")))
        });
        Ok(hits.collect())
    }
}
