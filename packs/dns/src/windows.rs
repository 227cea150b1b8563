//! What the flags over windows share.

use std::sync::Arc;

use anomal_components::{Dictionary, Key, text_hash};

/// Hashes of the values of a column, by row.
pub struct Hashes {
    dictionary: Arc<Dictionary>,
    hashes: Vec<u64>,
}

impl Hashes {
    pub fn new(dictionary: Arc<Dictionary>) -> Self {
        let hashes = dictionary.map(text_hash);
        Self { dictionary, hashes }
    }

    pub fn by_key(dictionary: &Arc<Dictionary>, key: &Key) -> Self {
        Self::new(dictionary.by_key(key))
    }

    /// None where the row has no value.
    pub fn get(&self, row: usize) -> Option<u64> {
        self.hashes.get(self.dictionary.present(row)? as usize).copied()
    }
}

#[cfg(test)]
pub mod testing {
    use anomal_components::{
        AggregationFlag, Dictionaries, FlagHits, FlagWindow, Inputs, TimedRow, Window,
    };
    use anomal_core::Cancel;
    use polars::prelude::{Column, Int64Chunked, IntoColumn, NewChunkedArray, TimeUnit};
    use proptest::prelude::*;
    use serde_json::json;

    /// A request in the order of arrival.
    #[derive(Clone, Debug)]
    pub struct Request {
        /// Seconds.
        pub time: i64,
        pub client: Option<u8>,
        pub name: Option<u8>,
        pub failed: bool,
    }

    const NAMES: [&str; 6] = [
        "a.one.example",
        "b.one.example",
        "c.one.example",
        "d.one.example",
        "two.example",
        "x.three.example",
    ];

    /// Requests whose times ascend by steps of up to so many seconds.
    pub fn requests(step: i64) -> impl Strategy<Value = Vec<Request>> {
        let request = (
            0..=step,
            prop::option::weighted(0.95, 0..2_u8),
            prop::option::weighted(0.95, 0..6_u8),
            any::<bool>(),
        );
        prop::collection::vec(request, 0..70).prop_map(|requests| {
            let mut now = 1_700_000_000;
            let request = |(step, client, name, failed): (i64, _, _, _)| {
                now += step;
                Request { time: now, client, name, failed }
            };
            requests.into_iter().map(request).collect()
        })
    }

    /// The columns client, code, time and name.
    struct Columns([Column; 4]);

    impl Columns {
        fn new(requests: &[Request]) -> Self {
            let client =
                |request: &Request| request.client.map(|client| format!("10.0.0.{client}"));
            let clients: Vec<_> = requests.iter().map(client).collect();
            let code = |request: &Request| if request.failed { "NXDOMAIN" } else { "NOERROR" };
            let codes: Vec<_> = requests.iter().map(code).collect();
            let micros = requests.iter().map(|request| request.time * 1_000_000);
            let times = Int64Chunked::from_iter_values("t".into(), micros);
            let name = |request: &Request| request.name.map(|name| NAMES[usize::from(name)]);
            let names: Vec<_> = requests.iter().map(name).collect();
            Self([
                Column::new("c".into(), clients),
                Column::new("r".into(), codes),
                times.into_datetime(TimeUnit::Microseconds, None).into_column(),
                Column::new("n".into(), names),
            ])
        }

        fn with<T>(&self, order: &[usize], work: impl FnOnce(&Inputs<'_>) -> T) -> T {
            let dictionaries = Dictionaries::default();
            let columns = order.iter().map(|place| Some(&self.0[*place])).collect();
            work(&Inputs::new(columns, &dictionaries))
        }
    }

    /// The hits of the whole-table flag, by position. `order`: the places of its inputs in client, code, time, name.
    pub fn whole(flag: &dyn AggregationFlag, requests: &[Request], order: &[usize]) -> FlagHits {
        Columns::new(requests).with(order, |inputs| flag.hits(inputs, &Cancel::default())).unwrap()
    }

    /// The positions that the flag over windows hits, with calls of so many rows each and a snapshot between them.
    pub fn windowed(
        flag: &dyn AggregationFlag,
        window: Window,
        requests: &[Request],
        order: &[usize],
        chunk: usize,
    ) -> Vec<usize> {
        hits_over(&|| flag.over(window).unwrap().unwrap(), requests, order, chunk)
    }

    fn hits_over(
        new: &dyn Fn() -> Box<dyn FlagWindow>,
        requests: &[Request],
        order: &[usize],
        chunk: usize,
    ) -> Vec<usize> {
        let mut state: Box<dyn FlagWindow> = new();
        let mut found = Vec::new();
        for (call, part) in requests.chunks(chunk).enumerate() {
            let timed = part.iter().enumerate();
            let timed: Vec<TimedRow> = timed
                .map(|(row, request)| TimedRow { time: request.time * 1_000_000, row })
                .collect();
            let hits = Columns::new(part)
                .with(order, |inputs| state.hits(inputs, &timed, &Cancel::default()))
                .unwrap();
            found.extend(hits.rows.iter().map(|hit| call * chunk + hit.0));
            let snapshot = state.freeze().encode().unwrap();
            state = new();
            state.restore(&snapshot).unwrap();
            assert_eq!(state.freeze().encode().unwrap(), snapshot);
        }
        found
    }

    /// For each row, whether the whole-table flag hits it as the last row of its window.
    pub fn expected(
        flag: &dyn AggregationFlag,
        window: Window,
        requests: &[Request],
        order: &[usize],
    ) -> Vec<usize> {
        let pane = |request: &Request| window.pane(request.time * 1_000_000);
        let is_hit = |row: &usize| {
            let first = Window::first(pane(&requests[*row]));
            let rows = requests[..=*row].iter().filter(|request| pane(request) >= first);
            let rows: Vec<Request> = rows.cloned().collect();
            let last = rows.len() - 1;
            whole(flag, &rows, order).rows.iter().any(|hit| hit.0 == last)
        };
        (0..requests.len()).filter(is_hit).collect()
    }

    proptest! {
        /// Rows in any order, within windows and far behind them: what is found depends on the rows alone, not on how they
        /// come in calls.
        #[test]
        fn calls_of_any_size_find_the_same(
            mut requests in requests(40),
            behind in prop::collection::vec(prop_oneof![4 => Just(0), 2 => 0..90_i64, 1 => Just(10_000)], 70),
            chunk in 1..30_usize,
        ) {
            requests.iter_mut().zip(behind).for_each(|(request, behind)| request.time -= behind);
            let cases: [(anomal_components::Component, serde_json::Value, &[usize]); 5] = [
                (crate::beaconing::beaconing_detector(), json!({"threshold": 0.2, "maxChance": 1.0, "minRequests": 3}), &[0, 2]),
                (crate::query_type::query_type_rare(), json!({"maxShare": 0.2}), &[3]),
                (crate::newly_seen::newly_seen_domain(), json!({"learnFor": 30, "window": 20}), &[3, 2]),
                (crate::subdomains::unique_subdomains(), json!({"max": 2}), &[0, 2, 3]),
                (crate::nxdomain::nxdomain_ratio(), json!({"minRequests": 3, "threshold": 0.4}), &[0, 1, 2, 3]),
            ];
            for (component, parameters, order) in cases {
                let flag = component.build(parameters.as_object().unwrap()).unwrap();
                let new = || flag.over(Window::new(60_000_000)).unwrap().unwrap();
                let found = hits_over(&new, &requests, order, chunk);
                prop_assert_eq!(&found, &hits_over(&new, &requests, order, 100), "{}", component.name());
            }
        }
    }
}
