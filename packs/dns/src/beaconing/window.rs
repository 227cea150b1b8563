//! Beacons over windows: a call is judged with the last calls of its client before it.

use anomal_components::{
    FlagHits, FlagWindow, Inputs, KeyStates, TimedRow, Window, decode_states, freeze_states,
    key_hash, memory_of_states,
};
use anomal_core::{Cancel, FrozenStates, Result};
use serde::{Deserialize, Serialize};

use super::{Beaconing, Regularity};
use crate::{names::DOMAIN, windows::Hashes};

/// The calls of a client that are kept, unless a multiple of `minRequests` is more.
const KEPT: usize = 64;

/// A call is judged with the last 64 of its client (or of its client and domain) in the window, or with four times
/// `minRequests` if that is more.
pub struct BeaconWindow {
    flag: Beaconing,
    window: Window,
    kept: usize,
    states: KeyStates<LastCalls>,
}

/// Times in microseconds, ascending.
#[derive(Clone, Default, Serialize, Deserialize)]
struct LastCalls(Vec<i64>);

impl BeaconWindow {
    pub fn new(flag: Beaconing, window: Window) -> Self {
        let kept = flag.min_calls().saturating_mul(4).max(KEPT);
        Self { flag, window, kept, states: KeyStates::default() }
    }

    /// Adds a call and judges it.
    fn judge(&mut self, key: u64, time: i64) -> Option<(Regularity, usize)> {
        let window = self.window;
        let pane = window.pane(time);
        let LastCalls(calls) = self.states.entry(key, pane);
        calls.insert(calls.partition_point(|call| *call <= time), time);
        if calls.len() > self.kept {
            calls.remove(0);
        }
        let first = Window::first(pane);
        let start = calls.partition_point(|call| window.pane(*call) < first);
        let end = calls.partition_point(|call| window.pane(*call) <= pane);
        let calls = calls.get(start..end)?;
        Some((self.flag.judge(calls)?, calls.len()))
    }
}

impl FlagWindow for BeaconWindow {
    fn hits(
        &mut self,
        inputs: &Inputs<'_>,
        rows: &[TimedRow],
        cancel: &Cancel,
    ) -> Result<FlagHits> {
        let clients = Hashes::new(inputs.dictionary(0)?);
        let domains = match inputs.get(2) {
            Some(_) => Some(Hashes::by_key(&inputs.dictionary(2)?, &DOMAIN)),
            None => None,
        };
        cancel.check()?;
        let mut hits = FlagHits::default();
        for TimedRow { time, row } in rows {
            let domain = domains.as_ref().map_or(Some(0), |domains| domains.get(*row));
            let (Some(client), Some(domain)) = (clients.get(*row), domain) else { continue };
            if let Some((found, calls)) = self.judge(key_hash([client, domain]), *time) {
                hits.add([*row], vec![found.interval.into(), found.score.into(), calls.into()]);
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
    use crate::windows::testing::{Request, expected, requests, windowed};

    fn flag(min_requests: usize) -> Beaconing {
        Beaconing { threshold: 0.5, min_requests, min_interval: Seconds(1.0), max_chance: 0.3 }
    }

    /// Client, time and name.
    const ORDER: [usize; 3] = [0, 2, 3];

    proptest! {
        #[test]
        fn verdicts_are_those_of_the_whole_window(
            requests in requests(9),
            seconds in prop_oneof![Just(60_i64), Just(100_000)],
            named in any::<bool>(),
            chunk in 1..30_usize,
        ) {
            let (flag, window) = (flag(3), Window::new(seconds * 1_000_000));
            let order = if named { &ORDER[..] } else { &ORDER[..2] };
            let found = windowed(&flag, window, &requests, order, chunk);
            // No more calls than are kept.
            let requests = &requests[..requests.len().min(KEPT)];
            let expected = expected(&flag, window, requests, order);
            let found: Vec<usize> = found.into_iter().filter(|row| *row < KEPT).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_beacon_is_hit_once_it_is_regular_and_whatever_the_order_of_its_calls() {
        let call = |number: i64| Request {
            time: 1_700_000_000 + number * 60,
            client: Some(1),
            name: Some(0),
            failed: false,
        };
        let window = Window::new(86_400_000_000);
        let calls: Vec<Request> = (0..200).map(call).collect();
        let found = windowed(&flag(8), window, &calls, &ORDER, 7);
        assert_eq!(found, (7..200).collect::<Vec<_>>());
        let mut swapped = calls.clone();
        swapped.chunks_mut(2).for_each(<[Request]>::reverse);
        let found = windowed(&flag(8), window, &swapped, &ORDER, 7);
        assert_eq!(found.last(), Some(&199));
        assert!(found.len() > 180, "{found:?}");
        // In a window of half an hour there are 29 or 30 calls, and 40 are needed.
        assert!(windowed(&flag(40), Window::new(1_800_000_000), &calls, &ORDER, 7).is_empty());
    }
}
