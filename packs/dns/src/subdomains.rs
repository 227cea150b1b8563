//! Many different names below one domain: tunnels and floods.

mod window;

use std::collections::HashMap;

use anomal_components::{
    AggregationFlag, Component, Fact, FlagHits, FlagWindow, Input, Inputs, KeyPart, ParameterError,
    Seconds, Window,
};
use anomal_core::{Cancel, Result, proto::plan::FactUnit};
use schemars::JsonSchema;
use serde::Deserialize;

use self::window::{MAX_NAMES, NamesWindow};
use crate::{
    calls::{Call, Calls},
    names::NORMAL,
    time::{HOUR, check_window, micros, over_window},
};

pub fn unique_subdomains() -> Component {
    Component::aggregation_flag(
        "unique_subdomains",
        "Rows of a client and a registered domain in a window of `window` seconds that holds more than `max` \
         different names below that domain.",
        [Input::text("clientIp"), Input::time("timestamp"), Input::text("name")],
        |flag: UniqueSubdomains| {
            check_window(flag.window)?;
            Ok(flag)
        },
    )
    .with_key(&[KeyPart::actor("clientIp"), KeyPart::target_domain("name")])
    .with_facts(
        &[Fact::new("names", FactUnit::Count), Fact::new("window", FactUnit::Seconds)],
        "{names} names in {window}",
    )
    .with_title("{names} names below {target} {time}")
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UniqueSubdomains {
    /// Different names in a window that are no cause for a look.
    #[serde(default = "twenty")]
    max: usize,
    /// In seconds or as `1h`; an hour if absent. The flag's own `window` takes its place.
    window: Option<Seconds>,
}

fn twenty() -> usize {
    20
}

/// Time in microseconds, name, row.
type Event = (i64, u32, u32);

impl AggregationFlag for UniqueSubdomains {
    fn hits(&self, inputs: &Inputs<'_>, cancel: &Cancel) -> Result<FlagHits> {
        let calls = Calls::from_inputs(inputs, 0, 2)?;
        let times = micros(inputs.required(1)?)?;
        let names = inputs.dictionary(2)?.by_key(&NORMAL);
        cancel.check()?;
        // There are no more names than calls.
        Ok(calls.hits(self.max.saturating_add(1), |calls| {
            let event = |call: &Call| {
                let row = call.row as usize;
                Some((times.get(row)?, names.codes()[row], call.row))
            };
            let mut events: Vec<Event> = calls.iter().filter_map(event).collect();
            events.sort_unstable();
            self.judge(&events)
        }))
    }

    fn over(
        &self,
        window: Window,
    ) -> std::result::Result<Option<Box<dyn FlagWindow>>, ParameterError> {
        over_window(self.window)?;
        if self.max >= MAX_NAMES {
            let message = format!(
                "over windows, {MAX_NAMES} names of a domain are kept; at most {} can be usual",
                MAX_NAMES - 1
            );
            return Err(ParameterError::new("max", message));
        }
        Ok(Some(Box::new(NamesWindow::new(self.max, window))))
    }
}

impl UniqueSubdomains {
    /// A window ends at each event; all events of a window with too many names are hit, with the most names of a window.
    fn judge(&self, group: &[Event]) -> FlagHits {
        let seconds = self.window.map_or(HOUR, |window| window.0);
        let window = seconds * 1e6;
        let mut counts: HashMap<u32, usize> = HashMap::new();
        let mut hits = FlagHits::default();
        let mut rows = Vec::new();
        // Events before `marked` are hit already, or will never be.
        let (mut start, mut marked, mut most) = (0, 0, 0);
        for (end, event) in group.iter().enumerate() {
            *counts.entry(event.1).or_default() += 1;
            while (event.0 - group[start].0) as f64 > window {
                let name = group[start].1;
                if let Some(count) = counts.get_mut(&name) {
                    *count -= 1;
                    if *count == 0 {
                        counts.remove(&name);
                    }
                }
                start += 1;
            }
            if counts.len() > self.max {
                rows.extend(group[start.max(marked)..=end].iter().map(|event| event.2 as usize));
                (marked, most) = (end + 1, most.max(counts.len()));
            }
        }
        if !rows.is_empty() {
            hits.add(rows, vec![most.into(), seconds.into()]);
        }
        hits
    }
}

#[cfg(test)]
mod tests {
    use anomal_components::Finding;

    use super::*;

    #[test]
    fn a_window_with_too_many_names_is_hit() {
        let flag = UniqueSubdomains { max: 3, window: Some(Seconds(10.0)) };
        let event = |second: i64, name: u32, row: u32| (second * 1_000_000, name, row);
        // Five names in four seconds, then the same name again and again.
        let mut group: Vec<Event> = (0..5)
            .map(|n| event(n, u32::try_from(n).unwrap(), u32::try_from(n).unwrap()))
            .collect();
        group.extend((5..9).map(|n| event(i64::from(n) * 100, 9, n)));
        let hits = flag.judge(&group);
        assert_eq!(hits.rows.iter().map(|hit| hit.0).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(hits.findings, [Finding::Facts(vec![5.0.into(), 10.0.into()])]);
    }
}
