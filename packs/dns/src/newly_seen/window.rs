//! Domains that are new to a stream.

use anomal_components::{
    FlagHits, FlagWindow, Inputs, KeyStates, TimedRow, Window, decode_states, freeze_states,
    memory_of_states,
};
use anomal_core::{Cancel, FrozenStates, Result};
use serde::{Deserialize, Serialize};

use crate::{names::DOMAIN, windows::Hashes};

/// A domain that was not asked for during a whole window is new again.
pub struct DomainsWindow {
    /// Microseconds.
    learn_for: f64,
    /// Seconds from the first request in which a domain counts as new.
    new_for: f64,
    window: Window,
    states: States,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct States {
    /// The first time of all.
    start: Option<i64>,
    domains: KeyStates<Seen>,
}

/// The times of the first and the last request, in microseconds.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Seen(Option<(i64, i64)>);

impl DomainsWindow {
    /// `learn_for` and `new_for`: seconds.
    pub fn new(learn_for: f64, new_for: f64, window: Window) -> Self {
        Self { learn_for: learn_for * 1e6, new_for, window, states: States::default() }
    }

    /// Adds a request; the first one for its domain, if that is new.
    fn judge(&mut self, domain: u64, time: i64) -> Option<i64> {
        let start = self.states.start.map_or(time, |start| start.min(time));
        self.states.start = Some(start);
        let Seen(seen) = self.states.domains.entry(domain, self.window.pane(time));
        let gap = |last: i64| time.saturating_sub(last) > self.window.length();
        let known = seen.filter(|(_, last)| !gap(*last));
        let (first, last) = known.unwrap_or((time, time));
        let (first, last) = (first.min(time), last.max(time));
        *seen = Some((first, last));
        let since = time.saturating_sub(first) as f64 / 1e6;
        let is_new = first as f64 > start as f64 + self.learn_for && since <= self.new_for;
        is_new.then_some(first)
    }
}

impl FlagWindow for DomainsWindow {
    fn hits(&mut self, inputs: &Inputs<'_>, rows: &[TimedRow], _: &Cancel) -> Result<FlagHits> {
        let domains = Hashes::by_key(&inputs.dictionary(0)?, &DOMAIN);
        let mut hits = FlagHits::default();
        for TimedRow { time, row } in rows {
            let Some(domain) = domains.get(*row) else { continue };
            if let Some(first) = self.judge(domain, *time) {
                let since = (time - first) as f64 / 1e6;
                hits.add([*row], vec![(first as f64).into(), since.into()]);
            }
        }
        Ok(hits)
    }

    fn freeze(&self) -> FrozenStates {
        freeze_states(&self.states)
    }

    fn restore(&mut self, states: &[u8]) -> Result<()> {
        self.states = decode_states(states)?;
        Ok(())
    }

    fn memory(&self) -> Result<u64> {
        memory_of_states(&self.states, self.states.domains.len())
    }

    fn forget_half(&mut self) -> u64 {
        self.states.domains.forget_half()
    }
}

#[cfg(test)]
mod tests {
    use anomal_components::Seconds;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        newly_seen::NewlySeen,
        windows::testing::{Request, expected, requests, windowed},
    };

    /// Name and time.
    const ORDER: [usize; 2] = [3, 2];

    fn flag(learn_for: f64, window: f64) -> NewlySeen {
        NewlySeen { learn: None, learn_for: Some(Seconds(learn_for)), window: Seconds(window) }
    }

    proptest! {
        /// Of windows longer than all requests: a domain is forgotten by its own last request, not by the edge of a window.
        #[test]
        fn verdicts_are_those_of_all_rows_before(
            requests in requests(9),
            learn_for in 0..40_u8,
            new_for in 0..30_u8,
            chunk in 1..30_usize,
        ) {
            let (flag, window) =
                (flag(learn_for.into(), new_for.into()), Window::new(100_000_000_000));
            let expected = expected(&flag, window, &requests, &ORDER);
            prop_assert_eq!(windowed(&flag, window, &requests, &ORDER, chunk), expected);
        }
    }

    #[test]
    fn a_domain_is_new_again_after_a_window_without_it() {
        let request =
            |(time, name)| Request { time, client: None, name: Some(name), failed: false };
        let requests = [(0, 0), (100, 4), (3_000, 4), (6_000, 4), (9_700, 4), (9_800, 0)];
        let requests: Vec<Request> = requests.map(request).to_vec();
        let window = Window::new(3_600_000_000);
        assert_eq!(windowed(&flag(60.0, 0.0), window, &requests, &ORDER, 2), [1, 4, 5]);
    }
}
