//! What a server does not take is kept with the reason, and counted; the rest is written.

use anomal_tests::elastic::{
    self, WRITER,
    proxy::{Fault, Message, Proxy},
};
use polars::prelude::df;
use polars_io::parquet::write::ParquetWriter;
use serde_json::{Value, json};

use super::jobs::{counts, records, run, workspace};

fn bulk(request: &Message) -> bool {
    request.start.contains("/_bulk")
}

fn letters(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn one_document_in_a_thousand_does_not_fit_the_mapping() {
    elastic::on_each_server(|server| {
        let index = server.name("conflict");
        let mapping = json!({"mappings": {"properties": {
            "anomal": {"properties": {"source": {"properties": {"tests": {"properties": {"note": {"type": "long"}}}}}}},
        }}});
        server.admin().put(&format!("/{index}"), &mapping);
        let settings = server.settings(WRITER);
        let more = "rows: all, manageTemplate: false, deadLetter: {path: kept.ndjson}";
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
        let kept = letters(&workspace.read("kept.ndjson"));
        assert_eq!(kept.iter().map(|letter| &letter["row"]).collect::<Vec<_>>(), [500, 1500, 2500]);
        assert_eq!((&kept[0]["status"], &kept[0]["index"]), (&json!(400), &json!(index)));
        assert_eq!(kept[0]["document"]["anomal"]["row"], 500);
        assert!(kept[0]["reason"].as_str().unwrap().contains("tests.note"), "{}", kept[0]);
        // Told to people too; and a rerun tries again what was refused, and adds nothing else.
        let told = workspace.anomal(&["run", "job.yaml", "--secrets", "secrets"]);
        told.expect(
            0,
            &["3 refused, written with the reasons to kept.ndjson", "2,997 existed before"],
        );
        assert_eq!(server.admin().count(&index), 2_997);
    });
}

#[test]
fn an_index_that_takes_nothing_fails_the_run() {
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
        assert_eq!(letters(&workspace.read("job.refused.ndjson")).len(), 200);
    });
}

/// A gateway that takes a megabyte at once.
#[test]
fn what_is_too_large_is_halved_and_a_document_that_is_too_large_is_kept() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        proxy.faults(|_, request| {
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
        let kept = letters(&workspace.read("job.refused.ndjson"));
        assert_eq!((&kept[0]["row"], &kept[0]["status"]), (&json!(1234), &json!(413)));
        assert!(proxy.seen().iter().any(|seen| seen.status == Some(413)));
    });
}

/// These servers have half a gigabyte, of which a tenth may be on its way at once.
#[test]
fn a_document_of_fifty_megabytes_is_written_and_one_that_never_fits_is_kept() {
    elastic::on_each_server(|server| {
        let index = server.name("huge");
        let settings = server.settings(WRITER);
        let workspace = workspace(1, &format!("{settings}, index: {index}, rows: all"));
        server.secrets(&workspace);
        let job = workspace
            .read("job.yaml")
            .replace("csv: {path: in.csv}", "parquet: {path: in.parquet}");
        workspace.write("job.yaml", job.as_bytes());
        let notes = [1, 45 << 20, 60 << 20, 1].map(|size| "x".repeat(size));
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
        let kept = letters(&workspace.read("job.refused.ndjson"));
        assert_eq!((&kept[0]["row"], &kept[0]["status"]), (&json!(2), &json!(429)));
    });
}

/// Fields of every name and size: nothing is added to the mapping, and what is long is kept.
#[test]
fn no_record_is_too_wide() {
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

/// Nothing of what is compressed is lost, and it is smaller.
#[test]
fn requests_are_compressed_where_it_is_asked_for() {
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
            let seen = proxy.seen();
            let of = seen
                .iter()
                .filter(|seen| seen.path.contains(&index) && seen.path.contains("_bulk"));
            of.map(|seen| seen.request).sum::<usize>()
        });
        assert!(sizes[1] * 5 < sizes[0], "{sizes:?}");
    });
}

#[test]
fn a_bulk_is_as_large_as_it_was_said_to_be() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let index = server.name("sized");
        let more = "bulk: {maxDocuments: 700, maxBytes: 200000, gzip: false}";
        let settings = proxy.settings(WRITER);
        let workspace = workspace(5_000, &format!("{settings}, index: {index}, rows: all, {more}"));
        server.secrets(&workspace);
        proxy.faults(|_, request| {
            let lines = request.body.split(|byte| *byte == b'\n').count() - 1;
            assert!(!bulk(request) || lines <= 1400 && request.body.len() <= 200_000);
            Fault::None
        });
        assert_eq!(counts(&run(&workspace)), (5_000, 0, 0));
        assert_eq!(server.admin().count(&index), 5_000);
    });
}
