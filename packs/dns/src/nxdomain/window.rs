//! The share of failures over windows.

use anomal_components::{
    FlagHits, FlagWindow, Inputs, KeyStates, Panes, TimedRow, Window, decode_states, freeze_states,
    memory_of_states,
};
use anomal_core::{Cancel, FrozenStates, Result};
use serde::{Deserialize, Serialize};

use super::{AROUND, NxdomainRatio};
use crate::{names::DOMAIN, windows::Hashes};

/// Requests that are kept of a client, and of a domain: those around one, and as many again.
const KEPT: usize = 2 * (2 * AROUND + 1);

pub struct NxdomainWindow {
    flag: NxdomainRatio,
    window: Window,
    states: States,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct States {
    clients: KeyStates<Client>,
    /// Where there is a column of names.
    domains: KeyStates<Domain>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Client {
    counts: Panes<Counts>,
    /// Time in microseconds, and whether it failed; the last ones, in the order of time.
    last: Vec<(i64, bool)>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Counts {
    all: u32,
    failed: u32,
}

/// The last requests for a domain, in the order of time.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Domain {
    /// Time in microseconds, and client.
    last: Vec<(i64, u64)>,
    /// The newest time that is not kept any more.
    dropped: Option<i64>,
}

/// Inserts in the order of time, and returns the place, with what has no room any more.
fn insert<T: Copy>(last: &mut Vec<(i64, T)>, time: i64, value: T) -> (usize, Option<i64>) {
    let place = last.partition_point(|(known, _)| *known <= time);
    last.insert(place, (time, value));
    if last.len() <= KEPT {
        return (place, None);
    }
    (place.saturating_sub(1), Some(last.remove(0).0))
}

/// A request whose client is known.
struct Request {
    time: i64,
    client: u64,
    failed: bool,
    domain: Option<u64>,
}

impl NxdomainWindow {
    pub fn new(flag: NxdomainRatio, window: Window) -> Self {
        Self { flag, window, states: States::default() }
    }

    /// Adds a request to those for its domain.
    fn add_use(&mut self, domain: u64, time: i64, client: u64) {
        let domain = self.states.domains.entry(domain, self.window.pane(time));
        let (_, dropped) = insert(&mut domain.last, time, client);
        domain.dropped = dropped.max(domain.dropped);
    }

    /// Adds a request and judges it: the failures and all requests of the window, if it is hit.
    fn judge(&mut self, request: &Request) -> Option<(u32, u32)> {
        let window = self.window;
        let pane = window.pane(request.time);
        let client = self.states.clients.entry(request.client, pane);
        let counts = client.counts.at(pane);
        counts.all += 1;
        counts.failed += u32::from(request.failed);
        let (place, _) = insert(&mut client.last, request.time, request.failed);
        let (mut all, mut failed) = (0, 0);
        for counts in client.counts.window(pane) {
            all += counts.all;
            failed += counts.failed;
        }
        let is_enough = all as usize >= self.flag.min_requests;
        if !is_enough || f64::from(failed) <= self.flag.threshold * f64::from(all) {
            return None;
        }
        if request.failed {
            return Some((failed, all));
        }
        let end = (place + AROUND + 1).min(client.last.len());
        let is_near = |(time, _): &&(i64, bool)| {
            let of_request = window.pane(*time);
            (Window::first(pane)..=pane).contains(&of_request)
        };
        let around = client.last[place.saturating_sub(AROUND)..end].iter().filter(is_near);
        let around: Vec<(i64, bool)> = around.copied().collect();
        let domain = self.states.domains.entry(request.domain?, pane);
        domain.is_amid(&around, request.client, window, pane).then_some((failed, all))
    }
}

impl Domain {
    /// Whether most of the requests around one fail, and the domain is asked for among these alone.
    fn is_amid(&self, around: &[(i64, bool)], client: u64, window: Window, pane: i64) -> bool {
        let (Some((start, _)), Some((end, _))) = (around.first(), around.last()) else {
            return false;
        };
        let failed = around.iter().filter(|(_, failed)| *failed).count();
        let is_near = |time: i64| window.pane(time) >= Window::first(pane);
        let is_among = |(time, by): &(i64, u64)| {
            !is_near(*time) || (*by == client && (*start..=*end).contains(time))
        };
        failed * 2 > around.len()
            && !self.dropped.is_some_and(is_near)
            && self.last.iter().all(is_among)
    }
}

impl FlagWindow for NxdomainWindow {
    fn hits(
        &mut self,
        inputs: &Inputs<'_>,
        rows: &[TimedRow],
        cancel: &Cancel,
    ) -> Result<FlagHits> {
        let clients = Hashes::new(inputs.dictionary(0)?);
        let failed = inputs.dictionary(1)?.mask(|code| code.eq_ignore_ascii_case("NXDOMAIN"));
        let domains = match inputs.get(3) {
            Some(_) => Some(Hashes::by_key(&inputs.dictionary(3)?, &DOMAIN)),
            None => None,
        };
        cancel.check()?;
        let seconds = self.window.length() as f64 / 1e6;
        let mut hits = FlagHits::default();
        for TimedRow { time, row } in rows {
            let domain = domains.as_ref().and_then(|domains| domains.get(*row));
            let client = clients.get(*row);
            if let Some(domain) = domain {
                // A row without a client is another client's.
                self.add_use(domain, *time, client.unwrap_or_default());
            }
            let Some(client) = client else { continue };
            let failed = failed.get(*row) == Some(true);
            if let Some((failed, all)) =
                self.judge(&Request { time: *time, client, failed, domain })
            {
                let share = f64::from(failed) / f64::from(all);
                let facts = [f64::from(failed), f64::from(all), share, seconds];
                hits.add([*row], facts.map(Into::into).to_vec());
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
        let States { clients, domains } = &self.states;
        memory_of_states(&self.states, clients.len() + domains.len())
    }

    fn forget_half(&mut self) -> u64 {
        let States { clients, domains } = &mut self.states;
        clients.forget_half() + domains.forget_half()
    }
}

#[cfg(test)]
mod tests {
    use anomal_components::Seconds;
    use proptest::prelude::*;

    use super::*;
    use crate::windows::testing::{expected, requests, windowed};

    /// Client, code, time and name.
    const ORDER: [usize; 4] = [0, 1, 2, 3];

    proptest! {
        #[test]
        fn verdicts_are_those_of_the_whole_window(
            requests in requests(4),
            seconds in prop_oneof![Just(60_i64), Just(100_000)],
            min_requests in 1..6_usize,
            named in any::<bool>(),
            chunk in 1..30_usize,
        ) {
            let window = Window::new(seconds * 1_000_000);
            // The window of the whole table is all that it is given.
            let flag = |window| NxdomainRatio { threshold: 0.5, min_requests, window };
            let order = if named { &ORDER[..] } else { &ORDER[..3] };
            let expected = expected(&flag(Some(Seconds(1e9))), window, &requests, order);
            prop_assert_eq!(windowed(&flag(None), window, &requests, order, chunk), expected);
        }
    }
}
