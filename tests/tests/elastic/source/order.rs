//! Each document is read once, in an order that depends only on the documents.

use std::collections::BTreeSet;

use anomal_tests::elastic::{self, READER};
use serde_json::json;

use super::jobs::{filled_index, rows, run, values, workspace, write};

#[test]
fn bytes_do_not_depend_on_slices_and_pages() {
    elastic::on_each_server(|server| {
        let index = filled_index(server, "logs-slices", 3, 5_000);
        let input = format!("{}, index: {index}", server.settings(READER));
        let workspace = workspace(server, &format!("{input}, slices: 1, pageSize: 1000"));
        let first = rows(&workspace);
        let numbers: BTreeSet<u64> =
            values(&first, "n").iter().map(|n| n.as_u64().unwrap()).collect();
        assert_eq!((first.len(), numbers.len()), (5_000, 5_000));
        assert!(first.iter().enumerate().all(|(at, row)| row["anomal.row"] == at));
        assert_eq!(
            values(&first, "anomal.flags").iter().filter(|f| **f != json!([])).count(),
            3_999
        );

        let bytes = workspace.bytes("out.ndjson");
        for more in ["slices: 4, pageSize: 77", "slices: 16", "slices: 2, pageSize: 10000"] {
            write(&workspace, &format!("{input}, {more}"));
            run(&workspace).expect(0, &[]);
            assert!(workspace.bytes("out.ndjson") == bytes, "{more}");
        }
        // Nor on the server's segments.
        server.admin().post_empty(&format!("/{index}/_forcemerge?max_num_segments=1"));
        run(&workspace).expect(0, &[]);
        assert!(workspace.bytes("out.ndjson") == bytes);
    });
}

#[test]
fn indices_are_ordered_by_name_and_documents_by_write() {
    elastic::on_each_server(|server| {
        let second = filled_index(server, "logs-order-b", 1, 30);
        let first = filled_index(server, "logs-order-a", 1, 20);
        // A rewritten document comes after the others.
        server.admin().load(&first, 5, &[json!({"@timestamp": "2026-03-04T00:00:05Z", "n": 5})]);
        let input = format!("{}, index: \"{second},{first}\"", server.settings(READER));
        let rows = rows(&workspace(server, &input));
        let expected: Vec<u64> = (0..5).chain(6..20).chain([5]).chain(0..30).collect();
        assert_eq!(json!(values(&rows, "n")), json!(expected));
        assert_eq!(rows[19]["_id"], "5");
        assert_eq!((&rows[0]["_index"], &rows[20]["_index"]), (&json!(first), &json!(second)));
    });
}

#[test]
fn clustered_sequence_numbers() {
    elastic::on_each_server(|server| {
        let index = filled_index(server, "logs-bunched", 2, 20_000);
        server.admin().unload(&index, 50..19_900);
        let input = format!("{}, index: {index}, pageSize: 40", server.settings(READER));
        let rows = rows(&workspace(server, &input));
        assert_eq!(rows.len(), 150);
        let numbers: BTreeSet<u64> =
            values(&rows, "n").iter().map(|n| n.as_u64().unwrap()).collect();
        assert!(numbers.into_iter().eq((0..50).chain(19_900..20_000)));
    });
}

#[test]
fn query_without_matches() {
    elastic::on_each_server(|server| {
        let index = filled_index(server, "logs-none", 1, 10);
        let input =
            format!("{}, index: {index}, queryString: \"n: 10000\"", server.settings(READER));
        assert!(rows(&workspace(server, &input)).is_empty());
    });
}
