//! How fast documents are read, beside a loop that does nothing but read them.

use std::time::{Duration, Instant};

use anomal_tests::elastic::{self, Client, READER};
use serde_json::{Value, json};

use super::jobs::{filled, run, workspace};

const COUNT: usize = 60_000;

/// A plain sliced scroll: nothing is parsed but where it goes on.
fn scroll(client: &Client, index: &str, slices: usize) -> Duration {
    let since = Instant::now();
    std::thread::scope(|scope| {
        let read = |slice: usize| {
            let first =
                json!({"size": 2_000, "sort": ["_doc"], "slice": {"id": slice, "max": slices}});
            let mut page =
                client.send("POST", &format!("/{index}/_search?scroll=1m"), &first.to_string());
            let mut count = 0;
            loop {
                let hits = page.text().matches("\"_id\":").count();
                if hits == 0 {
                    return count;
                }
                count += hits;
                let head: Value = serde_json::from_slice(&page.body).unwrap();
                let next = json!({"scroll": "1m", "scroll_id": head["_scroll_id"]});
                page = client.send("POST", "/_search/scroll", &next.to_string());
            }
        };
        let slices: Vec<_> = (0..slices).map(|slice| scope.spawn(move || read(slice))).collect();
        let count: usize = slices.into_iter().map(|slice| slice.join().unwrap()).sum();
        assert_eq!(count, COUNT);
    });
    since.elapsed()
}

/// A guard against a mistake that costs a multiple; docs/benchmarks.md has the figures.
#[test]
fn about_as_fast_as_a_plain_scroll() {
    elastic::both(|server| {
        let index = filled(server, "logs-speed", 2, COUNT);
        let input = format!("{}, index: {index}, slices: 2", server.settings(READER));
        let workspace = workspace(server, &input);
        let admin = server.admin();
        let best = |time: &dyn Fn() -> Duration| (0..3).map(|_| time()).min().unwrap();
        let plain = best(&|| scroll(&admin, &index, 2));
        let ours = best(&|| {
            let since = Instant::now();
            run(&workspace).expect(0, &[]);
            since.elapsed()
        });
        eprintln!("{:?}: plain scroll {plain:?}, a whole run {ours:?}", server.flavor);
        assert!(ours < plain * 4 + Duration::from_secs(2), "{ours:?} against {plain:?}");
    });
}
