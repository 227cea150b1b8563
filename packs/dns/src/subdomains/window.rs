//! Different names below a domain over windows.

use anomal_components::{
    FlagHits, FlagWindow, Inputs, KeyStates, Panes, TimedRow, Window, decode_states, freeze_states,
    key_hash, memory_of_states,
};
use anomal_core::{Cancel, FrozenStates, Result};
use serde::{Deserialize, Serialize};

use crate::{
    names::{DOMAIN, NORMAL},
    windows::Hashes,
};

/// The most names of a client and domain that are kept: there are at least so many then.
pub const MAX_NAMES: usize = 4_096;

pub struct NamesWindow {
    max: usize,
    window: Window,
    states: KeyStates<Names>,
}

/// Each name is counted in the last pane that has it.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Names {
    /// Hash and last pane, by hash.
    last: Vec<(u64, i64)>,
    counts: Panes<usize>,
}

impl Names {
    fn add(&mut self, name: u64, pane: i64) {
        match self.last.binary_search_by_key(&name, |(known, _)| *known) {
            Ok(place) => {
                let last = &mut self.last[place].1;
                if pane <= *last {
                    return;
                }
                let count = self.counts.at(*last);
                *count = count.saturating_sub(1);
                *last = pane;
            }
            Err(_) if self.last.len() >= MAX_NAMES && !self.forget(pane) => return,
            Err(_) => {
                let place = self.last.partition_point(|(known, _)| *known < name);
                self.last.insert(place, (name, pane));
            }
        }
        *self.counts.at(pane) += 1;
    }

    /// Makes room by forgetting names whose last pane is out of the window; false where there are none.
    fn forget(&mut self, pane: i64) -> bool {
        self.last.retain(|(_, last)| *last >= Window::first(pane));
        self.last.len() < MAX_NAMES
    }
}

impl NamesWindow {
    pub fn new(max: usize, window: Window) -> Self {
        Self { max, window, states: KeyStates::default() }
    }
}

impl FlagWindow for NamesWindow {
    fn hits(
        &mut self,
        inputs: &Inputs<'_>,
        rows: &[TimedRow],
        cancel: &Cancel,
    ) -> Result<FlagHits> {
        let clients = Hashes::new(inputs.dictionary(0)?);
        let cells = inputs.dictionary(2)?;
        let (names, domains) = (Hashes::by_key(&cells, &NORMAL), Hashes::by_key(&cells, &DOMAIN));
        cancel.check()?;
        let seconds = self.window.length() as f64 / 1e6;
        let mut hits = FlagHits::default();
        for TimedRow { time, row } in rows {
            let (Some(client), Some(name), Some(domain)) =
                (clients.get(*row), names.get(*row), domains.get(*row))
            else {
                continue;
            };
            let pane = self.window.pane(*time);
            let state = self.states.entry(key_hash([client, domain]), pane);
            state.add(name, pane);
            let count: usize = state.counts.window(pane).sum();
            if count > self.max {
                hits.add([*row], vec![count.into(), seconds.into()]);
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
        memory_of_states(&self.states, self.states.len())
    }

    fn forget_half(&mut self) -> u64 {
        self.states.forget_half()
    }
}

#[cfg(test)]
mod tests {
    use anomal_components::Seconds;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        subdomains::UniqueSubdomains,
        windows::testing::{expected, requests, windowed},
    };

    /// Client, time and name.
    const ORDER: [usize; 3] = [0, 2, 3];

    proptest! {
        #[test]
        fn verdicts_are_those_of_the_whole_window(
            requests in requests(12),
            seconds in prop_oneof![Just(60_i64), Just(100_000)],
            max in 0..4_usize,
            chunk in 1..30_usize,
        ) {
            let window = Window::new(seconds * 1_000_000);
            // The window of the whole table is all that it is given.
            let flag = |window| UniqueSubdomains { max, window };
            let expected = expected(&flag(Some(Seconds(1e9))), window, &requests, &ORDER);
            prop_assert_eq!(windowed(&flag(None), window, &requests, &ORDER, chunk), expected);
        }
    }

    #[test]
    fn names_are_bounded_and_make_room_for_others_later() {
        let mut names = Names::default();
        let many = MAX_NAMES as u64;
        (0..many + 50).for_each(|name| names.add(name, 1));
        assert_eq!(names.counts.window(1).sum::<usize>(), MAX_NAMES);
        names.add(many + 99, 61);
        assert_eq!((names.last.len(), names.counts.window(61).sum::<usize>()), (1, 1));
    }
}
