//! Rare values over windows.

use anomal_components::{
    FlagHits, FlagWindow, Inputs, Panes, TimedRow, Window, decode_states, freeze_states,
    memory_of_states,
};
use anomal_core::{Cancel, FrozenStates, Result};
use serde::{Deserialize, Serialize};

use crate::windows::Hashes;

/// The most values of a pane that are counted apart. A column with more of them has no rare ones.
const MAX_VALUES: usize = 4_096;

pub struct RareWindow {
    max_share: f64,
    window: Window,
    panes: Panes<Counts>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Counts {
    all: u64,
    /// By value.
    values: Vec<(u64, u64)>,
    is_full: bool,
}

impl Counts {
    fn add(&mut self, value: u64) {
        self.all += 1;
        match self.values.binary_search_by_key(&value, |(known, _)| *known) {
            Ok(place) => self.values[place].1 += 1,
            Err(_) if self.values.len() >= MAX_VALUES => self.is_full = true,
            Err(place) => self.values.insert(place, (value, 1)),
        }
    }

    fn count(&self, value: u64) -> u64 {
        let place = self.values.binary_search_by_key(&value, |(known, _)| *known);
        place.map_or(0, |place| self.values[place].1)
    }
}

impl RareWindow {
    pub fn new(max_share: f64, window: Window) -> Self {
        Self { max_share, window, panes: Panes::default() }
    }

    /// Adds a row: those with its value and all of the window, if it is rare.
    fn judge(&mut self, value: u64, time: i64) -> Option<(u64, u64)> {
        let pane = self.window.pane(time);
        self.panes.at(pane).add(value);
        let (mut count, mut all) = (0, 0);
        for counts in self.panes.window(pane) {
            if counts.is_full {
                return None;
            }
            count += counts.count(value);
            all += counts.all;
        }
        (count as f64 <= self.max_share * all as f64).then_some((count, all))
    }
}

impl FlagWindow for RareWindow {
    fn hits(&mut self, inputs: &Inputs<'_>, rows: &[TimedRow], _: &Cancel) -> Result<FlagHits> {
        let dictionary = inputs.dictionary(0)?;
        let values = Hashes::new(inputs.dictionary(0)?);
        let mut hits = FlagHits::default();
        for TimedRow { time, row } in rows {
            let (Some(code), Some(value)) = (dictionary.present(*row), values.get(*row)) else {
                continue;
            };
            if let Some((count, all)) = self.judge(value, *time) {
                let text = dictionary.value(code);
                hits.add([*row], vec![text.into(), (count as f64).into(), (all as f64).into()]);
            }
        }
        Ok(hits)
    }

    fn freeze(&self) -> FrozenStates {
        freeze_states(&self.panes)
    }

    fn restore(&mut self, states: &[u8]) -> Result<()> {
        self.panes = decode_states(states)?;
        Ok(())
    }

    fn memory(&self) -> Result<u64> {
        memory_of_states(&self.panes, 0)
    }

    fn forget_half(&mut self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        query_type::Rare,
        windows::testing::{expected, requests, windowed},
    };

    proptest! {
        #[test]
        fn verdicts_are_those_of_the_whole_window(
            requests in requests(12),
            seconds in prop_oneof![Just(60_i64), Just(100_000)],
            chunk in 1..30_usize,
        ) {
            let (flag, window) = (Rare { max_share: 0.2 }, Window::new(seconds * 1_000_000));
            let expected = expected(&flag, window, &requests, &[3]);
            prop_assert_eq!(windowed(&flag, window, &requests, &[3], chunk), expected);
        }
    }

    #[test]
    fn a_column_with_too_many_values_has_no_rare_ones() {
        let mut state = RareWindow::new(0.001, Window::new(60_000_000));
        let found = (0..5_000).filter(|value| state.judge(*value, 0).is_some());
        assert!(found.max() < Some(MAX_VALUES as u64));
        assert_eq!(state.panes.window(0).map(|counts| counts.all).sum::<u64>(), 5_000);
    }
}
