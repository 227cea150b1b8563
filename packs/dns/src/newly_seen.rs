//! Domains that were not there before.

mod window;

use anomal_components::{
    AggregationFlag, Component, Fact, FlagHits, FlagWindow, Input, Inputs, KeyPart, ParameterError,
    Seconds, Window, within,
};
use anomal_core::{Cancel, Result, proto::plan::FactUnit};
use schemars::JsonSchema;
use serde::Deserialize;

use self::window::DomainsWindow;
use crate::{names::DOMAIN, time::micros};

pub fn newly_seen_domain() -> Component {
    Component::aggregation_flag(
        "newly_seen_domain",
        "Rows within `window` of the first request for a registered domain, where that first request \
         comes after a time of learning: `learnFor`, or the share `learn` of the data set's whole time.",
        [Input::text("name"), Input::time("timestamp")],
        |flag: NewlySeen| {
            if let Some(learn) = flag.learn {
                within("learn", learn, 0.0..=1.0)?;
            }
            within("window", flag.window.0, 0.0..=f64::MAX)?;
            if let Some(Seconds(seconds)) = flag.learn_for {
                within("learnFor", seconds, 0.0..=f64::MAX)?;
                if flag.learn.is_some() {
                    let message = "`learn` is another time of learning; remove one of them";
                    return Err(ParameterError::new("learnFor", message));
                }
            }
            Ok(flag)
        },
    )
    .with_key(&[KeyPart::target_domain("name")])
    .with_facts(
        &[Fact::new("first", FactUnit::Time), Fact::new("after", FactUnit::Seconds)],
        "first seen {after} before",
    )
    .with_title("{count} requests for a new domain")
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NewlySeen {
    /// The share of the time, 0 to 1, in which every domain is new; a half if absent.
    learn: Option<f64>,
    /// In place of `learn`: the time from the first request in which every domain is new, in seconds or as `7d`.
    learn_for: Option<Seconds>,
    /// The time from the first request in which a domain counts as new, in seconds or as `1h`.
    #[serde(default)]
    window: Seconds,
}

const HALF: f64 = 0.5;

impl AggregationFlag for NewlySeen {
    fn hits(&self, inputs: &Inputs<'_>, _: &Cancel) -> Result<FlagHits> {
        let domains = inputs.dictionary(0)?.by_key(&DOMAIN);
        let times = micros(inputs.required(1)?)?;
        let rows = || domains.codes().iter().zip(times.iter()).enumerate();
        let mut firsts: Vec<Option<i64>> = vec![None; domains.len()];
        for (_, (domain, time)) in rows() {
            if let (Some(first), Some(time)) = (firsts.get_mut(*domain as usize), time) {
                *first = Some(first.map_or(time, |first| first.min(time)));
            }
        }
        let (Some(start), Some(end)) =
            (firsts.iter().flatten().min(), times.iter().flatten().max())
        else {
            return Ok(FlagHits::default());
        };
        let time = match self.learn_for {
            Some(Seconds(seconds)) => seconds * 1e6,
            None => self.learn.unwrap_or(HALF) * (end - start) as f64,
        };
        let learnt = *start as f64 + time;
        let mut hits = FlagHits::default();
        for (row, (domain, time)) in rows() {
            let first = firsts.get(*domain as usize).copied().flatten();
            let (Some(first), Some(time)) = (first, time) else { continue };
            let since = (time - first) as f64 / 1e6;
            if first as f64 > learnt && since <= self.window.0 {
                hits.add([row], vec![(first as f64).into(), since.into()]);
            }
        }
        Ok(hits)
    }

    fn over(
        &self,
        window: Window,
    ) -> std::result::Result<Option<Box<dyn FlagWindow>>, ParameterError> {
        let Some(Seconds(learn_for)) = self.learn_for else {
            let message = "a stream has no whole time: over windows, give `learnFor`, such as 7d, in place of \
                           `learn`";
            return Err(ParameterError::new("learnFor", message));
        };
        Ok(Some(Box::new(DomainsWindow::new(learn_for, self.window.0, window))))
    }
}
