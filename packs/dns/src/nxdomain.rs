//! Clients that ask for many names that do not exist.

mod window;

use anomal_components::{
    AggregationFlag, Component, Dictionary, Fact, FlagHits, FlagWindow, Input, Inputs, KeyPart,
    ParameterError, Seconds, Window, within,
};
use anomal_core::{Cancel, Result, proto::plan::FactUnit};
use polars::prelude::Int64Chunked;
use schemars::JsonSchema;
use serde::Deserialize;

use self::window::NxdomainWindow;
use crate::{
    names::DOMAIN,
    time::{HOUR, check_window, micros, over_window},
};

/// Requests before and after one that are around it.
const AROUND: usize = 5;

pub fn nxdomain_ratio() -> Component {
    Component::aggregation_flag(
        "nxdomain_ratio",
        "The NXDOMAIN rows of a client for which their share is above `threshold`, if it has at least `minRequests` \
         rows. With a column of times, the share is that of windows of `window` seconds, so that much other traffic of the \
         client does not hide a burst. With a column of names too, those that exist amid a burst are hit as well if only \
         this client asks for their domain, and only then: of generated names, they lead to the intruder.",
        [
            Input::text("clientIp"),
            Input::text("responseCode"),
            Input::time("timestamp").optional(),
            Input::text("name").optional(),
        ],
        |flag: NxdomainRatio| {
            within("threshold", flag.threshold, 0.0..=1.0)?;
            check_window(flag.window)?;
            Ok(flag)
        },
    )
    .with_key(&[KeyPart::actor("clientIp")])
    .with_facts(
        &[
            Fact::new("failed", FactUnit::Count),
            Fact::new("requests", FactUnit::Count),
            Fact::new("share", FactUnit::Share),
            Fact::new("window", FactUnit::Seconds),
        ],
        "{failed} of the client's {requests} names[ in {window}] do not exist",
    )
    .with_title("{failed} of {requests} names[ in {window}] do not exist, {time}")
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NxdomainRatio {
    /// The share, 0 to 1, that is no cause for a look.
    #[serde(default = "three_tenths")]
    threshold: f64,
    /// Rows that a client, or a window, needs to be evaluated.
    #[serde(default = "twenty")]
    min_requests: usize,
    /// In seconds or as `1h`; an hour if absent. The flag's own `window` takes its place.
    window: Option<Seconds>,
}

fn three_tenths() -> f64 {
    0.3
}

fn twenty() -> usize {
    20
}

/// A request of a client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    /// Microseconds since the epoch; 0 of all where there are no times.
    time: i64,
    row: usize,
    failed: bool,
}

impl AggregationFlag for NxdomainRatio {
    fn hits(&self, inputs: &Inputs<'_>, cancel: &Cancel) -> Result<FlagHits> {
        let clients = inputs.dictionary(0)?;
        let failed = inputs.dictionary(1)?.mask(|code| code.eq_ignore_ascii_case("NXDOMAIN"));
        let times = inputs.get(2).map(micros).transpose()?;
        let domains = match (&times, inputs.get(3)) {
            (Some(times), Some(_)) => {
                let names = inputs.dictionary(3)?.by_key(&DOMAIN);
                Some(DomainUses::new(names.as_ref(), clients.as_ref(), times))
            }
            _ => None,
        };
        let mut failures = vec![0_usize; clients.len()];
        for (client, failed) in clients.codes().iter().zip(failed.iter()) {
            if let Some(failures) = failures.get_mut(*client as usize) {
                *failures += usize::from(failed == Some(true));
            }
        }
        cancel.check()?;
        // No share of a client is above one that needs more failures than it has.
        let least = self.threshold * self.min_requests as f64;
        let mut requests: Vec<Vec<Request>> = vec![Vec::new(); clients.len()];
        for (row, failed) in failed.iter().enumerate() {
            let time = times.as_ref().map_or(Some(0), |times| times.get(row));
            let client = clients.present(row).map(|client| client as usize);
            if let (Some(client), Some(time)) = (client, time)
                && failures[client] as f64 > least
            {
                requests[client].push(Request { time, row, failed: failed == Some(true) });
            }
        }
        let mut hits = FlagHits::default();
        for mut requests in requests {
            requests.sort_unstable();
            self.judge(&requests, times.is_some(), domains.as_ref(), &mut hits);
        }
        Ok(hits.sorted())
    }

    fn over(
        &self,
        window: Window,
    ) -> std::result::Result<Option<Box<dyn FlagWindow>>, ParameterError> {
        over_window(self.window)?;
        Ok(Some(Box::new(NxdomainWindow::new(self.clone(), window))))
    }
}

impl NxdomainRatio {
    /// A window ends at each request of a client; all failures of a window with too many are hit. The facts are those of
    /// the window with the most.
    fn judge(
        &self,
        requests: &[Request],
        has_times: bool,
        domains: Option<&DomainUses>,
        hits: &mut FlagHits,
    ) {
        let seconds = self.window.map_or(HOUR, |window| window.0);
        let window = if has_times { seconds * 1e6 } else { f64::INFINITY };
        let (mut start, mut marked, mut failed) = (0, 0, 0);
        let mut most = (0, 0);
        let mut rows = Vec::new();
        for (end, request) in requests.iter().enumerate() {
            failed += usize::from(request.failed);
            while (request.time - requests[start].time) as f64 > window {
                failed -= usize::from(requests[start].failed);
                start += 1;
            }
            // Without times, all are one window.
            if !has_times && end + 1 < requests.len() {
                continue;
            }
            let all = end + 1 - start;
            if all >= self.min_requests && failed as f64 > self.threshold * all as f64 {
                for place in start.max(marked)..=end {
                    let is_amid = |domains: &DomainUses| domains.is_amid(requests, place);
                    if requests[place].failed || domains.is_some_and(is_amid) {
                        rows.push(requests[place].row);
                    }
                }
                marked = end + 1;
                // Of equally many failures, those among fewer requests.
                most = most.max((failed, usize::MAX - all));
            }
        }
        if !rows.is_empty() {
            let (failed, all) = (most.0, usize::MAX - most.1);
            let share = failed as f64 / all.max(1) as f64;
            let window = if has_times { seconds } else { f64::NAN };
            hits.add(rows, vec![failed.into(), all.into(), share.into(), window.into()]);
        }
    }
}

/// Who asks for each domain, and when.
struct DomainUses {
    /// The domain of each row.
    codes: Vec<u32>,
    /// By domain.
    uses: Vec<DomainUse>,
}

#[derive(Clone, Copy)]
struct DomainUse {
    /// The code of the last client, which may be that of rows without one; none before the first row.
    client: Option<u32>,
    /// Whether several clients ask for it.
    is_shared: bool,
    first: i64,
    last: i64,
}

impl DomainUses {
    fn new(domains: &Dictionary, clients: &Dictionary, times: &Int64Chunked) -> Self {
        let none = DomainUse { client: None, is_shared: false, first: i64::MAX, last: i64::MIN };
        let mut uses = vec![none; domains.len()];
        for (row, domain) in domains.codes().iter().enumerate() {
            let Some(domain) = uses.get_mut(*domain as usize) else { continue };
            let client = clients.codes()[row];
            domain.is_shared |= domain.client.is_some_and(|known| known != client);
            domain.client = Some(client);
            // A row without a time is at any.
            match times.get(row) {
                Some(time) => {
                    domain.first = domain.first.min(time);
                    domain.last = domain.last.max(time);
                }
                None => domain.is_shared = true,
            }
        }
        Self { codes: domains.codes().to_vec(), uses }
    }

    /// Whether most of the requests around this one fail, and its domain is asked for among these alone. `requests`: those
    /// of a client in the order of time.
    fn is_amid(&self, requests: &[Request], place: usize) -> bool {
        let code = self.codes[requests[place].row];
        let Some(domain) = self.uses.get(code as usize) else { return false };
        let around =
            &requests[place.saturating_sub(AROUND)..(place + AROUND + 1).min(requests.len())];
        let failed = around.iter().filter(|request| request.failed).count();
        !domain.is_shared
            && failed * 2 > around.len()
            && around.first().is_some_and(|first| first.time <= domain.first)
            && around.last().is_some_and(|last| last.time >= domain.last)
    }
}

#[cfg(test)]
mod tests {
    use anomal_components::{Dictionaries, Finding};
    use anomal_core::FactValue;
    use polars::prelude::{Column, Int64Chunked, IntoColumn, NewChunkedArray, TimeUnit};

    use super::*;

    /// A request a minute for a day, every tenth of which fails, and a burst of 20 failures after 12 hours.
    fn hits(flag: &NxdomainRatio, with_times: bool) -> FlagHits {
        hits_with(flag, with_times, &[])
    }

    /// `existing`: names that exist, with the seconds of their requests.
    fn hits_with(flag: &NxdomainRatio, with_times: bool, existing: &[(i64, &str)]) -> FlagHits {
        let mut rows: Vec<(i64, &str)> = (0..1440)
            .map(|minute| (minute * 60, if minute % 10 == 0 { "NXDOMAIN" } else { "NOERROR" }))
            .collect();
        rows.extend((0..20).map(|second| (43_210 + second, "nxdomain")));
        let mut names: Vec<&str> = vec!["www.example.com"; rows.len()];
        rows.extend(existing.iter().map(|(second, _)| (*second, "NOERROR")));
        names.extend(existing.iter().map(|(_, name)| name));
        let names = Column::new("n".into(), names);
        let clients = Column::new("c".into(), vec!["10.0.0.5"; rows.len()]);
        let codes = Column::new("r".into(), rows.iter().map(|row| row.1).collect::<Vec<_>>());
        let micros = rows.iter().map(|row| row.0 * 1_000_000);
        let times = Int64Chunked::from_iter_values("t".into(), micros);
        let times = times.into_datetime(TimeUnit::Microseconds, None).into_column();
        let dictionaries = Dictionaries::default();
        let names = (!existing.is_empty()).then_some(&names);
        let columns = vec![Some(&clients), Some(&codes), with_times.then_some(&times), names];
        flag.hits(&Inputs::new(columns, &dictionaries), &Cancel::default()).unwrap()
    }

    #[test]
    fn a_burst_of_a_busy_client_is_hit_by_its_window_alone() {
        let flag: NxdomainRatio = serde_json::from_str("{}").unwrap();
        assert_eq!(hits(&flag, false), FlagHits::default());
        let found = hits(&flag, true);
        let rows = found.rows.iter().map(|hit| hit.0);
        assert_eq!(rows.clone().filter(|row| *row >= 1440).count(), 20);
        // Those of the hour around it are of the same windows.
        assert!(rows.clone().all(|row| row >= 1440 || (660..=780).contains(&row)));
        assert_eq!(found.findings.len(), 1);
        let Finding::Facts(facts) = &found.findings[0] else { panic!("{found:?}") };
        assert_eq!((&facts[0], &facts[3]), (&27.0.into(), &3600.0.into()));
    }

    #[test]
    fn names_that_exist_amid_a_burst_are_hit_if_they_are_of_it_alone() {
        let flag: NxdomainRatio = serde_json::from_str("{}").unwrap();
        let existing = [
            (43_215, "a.generated.example"),
            (43_216, "known.example"),
            (600, "known.example"),
            (44_500, "later.example"),
        ];
        let found = hits_with(&flag, true, &existing);
        let of_existing: Vec<usize> =
            found.rows.iter().map(|hit| hit.0).filter(|row| *row >= 1460).collect();
        assert_eq!(of_existing, [1460]);
    }

    #[test]
    fn without_times_the_share_is_of_all_rows() {
        let flag: NxdomainRatio = serde_json::from_str(r#"{"threshold": 0.1}"#).unwrap();
        let found = hits(&flag, false);
        assert_eq!(found.rows.len(), 164);
        let expected = [164.0.into(), 1460.0.into(), (164.0 / 1460.0).into(), FactValue::Missing];
        assert_eq!(found.findings, [Finding::Facts(expected.to_vec())]);
        let flag: NxdomainRatio = serde_json::from_str(r#"{"minRequests": 2000}"#).unwrap();
        assert_eq!(hits(&flag, true), FlagHits::default());
    }
}
