//! Refused documents go to the dead-letter file with the reason, and are counted; the others are written.

use std::sync::{Arc, Mutex};

use anomal_tests::elastic::{
    self, WRITER,
    proxy::{Fault, Message, Proxy},
};
use polars::prelude::df;
use polars_io::parquet::write::ParquetWriter;
use serde_json::{Value, json};

use super::jobs::{counts, records, run, workspace};

fn is_bulk(request: &Message) -> bool {
    request.start.contains("/_bulk")
}

fn dead_letters(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn documents_that_do_not_fit_the_mapping_are_refused() {
    elastic::on_each_server(|server| {
        let index = server.name("conflict");
        let mapping = json!({"mappings": {"properties": {
            "anomal": {"properties": {"source": {"properties": {"tests": {"properties": {"note": {"type": "long"}}}}}}},
        }}});
        server.admin().put(&format!("/{index}"), &mapping);
        let settings = server.settings(WRITER);
        let more = "rows: all, manageTemplate: false, deadLetter: {path: refused.ndjson}";
        let workspace = workspace(3_000, &format!("{settings}, index: {index}, {more}"));
        server.secrets(&workspace);
        let mut text = records(3_000);
        for row in 0..3_000 {
            let note = if row % 1000 == 500 { "no number" } else { "12" };
            text = text.replace(&format!(",note {row}\n"), &format!(",{note}\n"));
        }
        workspace.write("in.csv", text.as_bytes());
        let ran = run(&workspace);
        assert_eq!(counts(&ran), (2_997, 0, 3));
        assert_eq!(server.admin().count(&index), 2_997);
        let refused = dead_letters(&workspace.read("refused.ndjson"));
        assert_eq!(
            refused.iter().map(|letter| &letter["row"]).collect::<Vec<_>>(),
            [500, 1500, 2500]
        );
        assert_eq!((&refused[0]["status"], &refused[0]["index"]), (&json!(400), &json!(index)));
        assert_eq!(refused[0]["document"]["anomal"]["row"], 500);
        assert!(refused[0]["reason"].as_str().unwrap().contains("tests.note"), "{}", refused[0]);
        // The summary reports it too. A rerun retries the refused documents and adds nothing else.
        let rerun = workspace.anomal(&["run", "job.yaml", "--secrets", "secrets"]);
        rerun.expect(
            0,
            &["3 refused, written with the reasons to refused.ndjson", "2,997 existed before"],
        );
        assert_eq!(server.admin().count(&index), 2_997);
    });
}

#[test]
fn index_that_refuses_everything_fails_the_run() {
    elastic::on_each_server(|server| {
        let index = server.name("nothing");
        let mapping = json!({"mappings": {"properties": {"anomal": {"type": "long"}}}});
        server.admin().put(&format!("/{index}"), &mapping);
        let settings = server.settings(WRITER);
        let workspace = workspace(
            200,
            &format!("{settings}, index: {index}, rows: all, manageTemplate: false"),
        );
        server.secrets(&workspace);
        run(&workspace).expect(1, &["rejects all 200 documents", "job.refused.ndjson"]);
        assert_eq!(dead_letters(&workspace.read("job.refused.ndjson")).len(), 200);
    });
}

/// A gateway that accepts requests of up to a megabyte.
#[test]
fn too_large_requests_are_halved_and_too_large_documents_refused() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        proxy.set_faults(|_, request| {
            if request.body.len() > 1 << 20 {
                Fault::Answer(413, Vec::new(), "<html>413</html>".into())
            } else {
                Fault::None
            }
        });
        let index = server.name("large");
        let settings = proxy.settings(WRITER);
        let workspace = workspace(
            4_000,
            &format!("{settings}, index: {index}, rows: all, bulk: {{gzip: false}}"),
        );
        server.secrets(&workspace);
        let text = records(4_000).replace(",note 1234\n", &format!(",{}\n", "x".repeat(3 << 20)));
        workspace.write("in.csv", text.as_bytes());
        assert_eq!(counts(&run(&workspace)), (3_999, 0, 1));
        assert_eq!(server.admin().count(&index), 3_999);
        let refused = dead_letters(&workspace.read("job.refused.ndjson"));
        assert_eq!((&refused[0]["row"], &refused[0]["status"]), (&json!(1234), &json!(413)));
        assert!(proxy.requests().iter().any(|request| request.status == Some(413)));
    });
}

/// These servers have three quarters of a gigabyte of memory, of which a tenth may be in flight.
#[test]
fn huge_documents_are_written_unless_they_never_fit() {
    elastic::on_each_server(|server| {
        let index = server.name("huge");
        let settings = server.settings(WRITER);
        let workspace = workspace(1, &format!("{settings}, index: {index}, rows: all"));
        server.secrets(&workspace);
        let job = workspace
            .read("job.yaml")
            .replace("csv: {path: in.csv}", "parquet: {path: in.parquet}");
        workspace.write("job.yaml", job.as_bytes());
        let notes = [1, 45 << 20, 90 << 20, 1].map(|size| "x".repeat(size));
        let mut frame = df!(
            "@timestamp" => ["2026-03-04T05:00:00Z"; 4],
            "network.bytes" => [1_i64, 2, 3, 4],
            "tests.note" => notes,
        )
        .unwrap();
        let file = std::fs::File::create(workspace.path("in.parquet")).unwrap();
        ParquetWriter::new(file).finish(&mut frame).unwrap();
        assert_eq!(counts(&run(&workspace)), (3, 0, 1));
        assert_eq!(server.admin().count(&index), 3);
        let refused = dead_letters(&workspace.read("job.refused.ndjson"));
        assert_eq!((&refused[0]["row"], &refused[0]["status"]), (&json!(2), &json!(429)));
    });
}

/// 20,000 columns add nothing to the mapping.
#[test]
fn wide_records_do_not_widen_the_mapping() {
    elastic::on_each_server(|server| {
        let index = server.name("wide");
        let settings = server.settings(WRITER);
        let workspace = workspace(1, &format!("{settings}, index: {index}, rows: all"));
        server.secrets(&workspace);
        let columns = 20_000;
        let mut text = String::from("@timestamp,network.bytes");
        (0..columns).for_each(|column| text.push_str(&format!(",wide.c{column}")));
        for row in 0..3 {
            text.push_str(&format!("\n2026-03-04T05:00:00Z,{row}"));
            (0..columns).for_each(|column| text.push_str(&format!(",{column}")));
        }
        text.push('\n');
        workspace.write("in.csv", text.as_bytes());
        assert_eq!(counts(&run(&workspace)), (3, 0, 0));
        let admin = server.admin();
        assert_eq!(
            admin.count_matching(&index, &json!({"term": {"anomal.source.wide.c19999": "19999"}})),
            3
        );
        assert!(admin.get(&format!("/{index}/_mapping")).to_string().len() < 100_000);
    });
}

#[test]
fn requests_are_compressed_on_request() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let sizes = [false, true].map(|gzip| {
            let index = server.name("packed");
            let settings = proxy.settings(WRITER);
            let more = format!("index: {index}, rows: all, bulk: {{gzip: {gzip}}}");
            let workspace = workspace(2_000, &format!("{settings}, {more}"));
            server.secrets(&workspace);
            assert_eq!(counts(&run(&workspace)), (2_000, 0, 0));
            assert_eq!(server.admin().count(&index), 2_000);
            let requests = proxy.requests();
            let bulks = requests.iter().filter(|request| request.path.contains("_bulk"));
            let bulks = bulks.filter(|request| request.path.contains(&index));
            bulks.map(|request| request.request_bytes).sum::<usize>()
        });
        assert!(sizes[1] * 5 < sizes[0], "{sizes:?}");
    });
}

#[test]
fn bulk_requests_stay_within_the_configured_limits() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let index = server.name("sized");
        let more = "bulk: {maxDocuments: 700, maxBytes: 200000, gzip: false}";
        let settings = proxy.settings(WRITER);
        let workspace = workspace(5_000, &format!("{settings}, index: {index}, rows: all, {more}"));
        server.secrets(&workspace);
        // Documents and bytes of each bulk request.
        let sizes = Arc::<Mutex<Vec<(usize, usize)>>>::default();
        let recorded = Arc::clone(&sizes);
        proxy.set_faults(move |_, request| {
            if is_bulk(request) {
                let lines = request.body.split(|byte| *byte == b'\n').count() - 1;
                recorded.lock().unwrap().push((lines / 2, request.body.len()));
            }
            Fault::None
        });
        assert_eq!(counts(&run(&workspace)), (5_000, 0, 0));
        assert_eq!(server.admin().count(&index), 5_000);
        let sizes = sizes.lock().unwrap();
        assert!(sizes.iter().map(|(documents, _)| documents).sum::<usize>() >= 5_000, "{sizes:?}");
        let within = |(documents, bytes): &(usize, usize)| *documents <= 700 && *bytes <= 200_000;
        assert!(sizes.iter().all(within), "{sizes:?}");
        // One of the two limits is used: small requests would be slow.
        assert!(
            sizes.iter().any(|(documents, bytes)| *documents > 600 || *bytes > 180_000),
            "{sizes:?}"
        );
    });
}
