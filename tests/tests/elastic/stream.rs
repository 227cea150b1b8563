//! Streams to Elasticsearch and OpenSearch: each record has its document once, whatever is killed, away or rolled over.

mod example;
mod hosts;
mod jobs;
mod outages;
mod owners;
mod refusals;
mod replicas;
mod rollovers;

use std::time::Duration;

use anomal_tests::elastic::{self, WRITER};

use self::jobs::{Random, Stream, rows};

/// The process is killed while documents are on their way. `ANOMAL_TEST_KILLS=50` kills more often.
#[test]
fn documents_come_once_through_kills() {
    let kills = std::env::var("ANOMAL_TEST_KILLS").ok().and_then(|kills| kills.parse().ok());
    let kills = kills.unwrap_or(5_u64);
    elastic::on_each_server(|server| {
        let index = server.name("kills");
        let more = "bulk: {maxDocuments: 50}";
        let stream = Stream::new(server, &server.settings(WRITER), &index, more);
        let mut random = Random(11);
        let mut written = 0;
        for _ in 0..kills {
            let mut child = stream.start();
            for _ in 0..10 {
                let more = 50 + random.below(200);
                stream.append(written..written + more);
                written += more;
                std::thread::sleep(Duration::from_millis(random.below(150)));
            }
            // In the middle of a request, a checkpoint or the restore.
            std::thread::sleep(Duration::from_millis(random.below(1_500)));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let summary = stream.catch_up();
        assert_eq!((&summary["rows"], &summary["refused"]), (&written.into(), &0.into()));
        let documents = server.admin().documents(&index);
        assert_eq!(rows(&documents), (0..written).collect::<Vec<u64>>());
        // The other output has the same results.
        let results = stream.results();
        assert_eq!(results.len() as u64, written);
        let of_file = |row: u64| &results[usize::try_from(row).unwrap()];
        for (_, document) in &documents {
            let ours = &document["anomal"];
            let result = of_file(ours["row"].as_u64().unwrap());
            assert_eq!(ours["score"], result["anomal.score"], "{document}");
            assert_eq!(ours["warm"], result["anomal.warm"], "{document}");
            assert_eq!(ours["partition"], 0);
            assert_eq!(ours["source"]["id"].as_f64(), result["id"].as_f64());
        }
    });
}
