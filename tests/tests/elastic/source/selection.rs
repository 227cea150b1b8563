//! The selection of documents: indices, queries and time ranges, and the messages if there are none.

use anomal_tests::elastic::{self, ADMIN, Flavor, READER, WRITER};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::jobs::{filled_index, rows, run, values, workspace, write};

#[test]
fn queries_in_both_languages() {
    elastic::on_each_server(|server| {
        let index = filled_index(server, "logs-query", 2, 500);
        let input = format!("{}, index: {index}", server.settings(READER));
        let workspace = workspace(server, &input);
        let numbers = |more: &str| {
            write(&workspace, &format!("{input}, {more}"));
            let mut numbers: Vec<u64> =
                values(&rows(&workspace), "n").iter().map(|n| n.as_u64().unwrap()).collect();
            numbers.sort_unstable();
            numbers
        };
        assert_eq!(numbers("query: {range: {n: {gte: 10, lt: 13}}}"), [10, 11, 12]);
        assert_eq!(numbers("queryString: \"name: host-7.example.net or n >= 498\""), [7, 498, 499]);
        assert_eq!(numbers("queryString: \"n < 20 and not n: [3 TO 400]\""), [0, 1, 2]);

        let both = "query: {terms: {n: [1, 5, 9]}}, queryString: \"name: host-5*\"";
        write(&workspace, &format!("{input}, {both}"));
        run(&workspace).expect(2, &["name one of them"]);
        write(&workspace, &format!("{input}, queryString: \"n: [1 TO\""));
        run(&workspace).expect(2, &["refuses the query"]);
        write(&workspace, &format!("{input}, query: {{nope: {{n: 1}}}}"));
        run(&workspace).expect(2, &["refuses the query", "nope"]);
    });
}

#[test]
fn ranges_of_time() {
    elastic::on_each_server(|server| {
        let index = filled_index(server, "logs-time", 2, 100);
        let now = Timestamp::now();
        let at = |n: usize, minutes: i64| json!({"@timestamp": (now + SignedDuration::from_mins(minutes)).to_string(), "n": n});
        let recent = [at(1000, -90), at(1001, -30), at(1002, -1), at(1003, 30), json!({"n": 1004})];
        server.admin().load(&index, 1000, &recent);
        let input = format!("{}, index: {index}", server.settings(READER));
        let workspace = workspace(server, &input);
        let numbers = |more: &str| {
            write(&workspace, &format!("{input}, {more}"));
            json!(values(&rows(&workspace), "n"))
        };
        let sorted = |numbers: Value| {
            let mut numbers: Vec<u64> = serde_json::from_value(numbers).unwrap();
            numbers.sort_unstable();
            numbers
        };
        assert_eq!(sorted(numbers("from: now-1h, to: now, slices: 3, pageSize: 1")), [1001, 1002]);
        assert_eq!(sorted(numbers("from: now-2h")), [1000, 1001, 1002, 1003]);
        // The end is excluded.
        let fixed = "from: \"2026-03-04T00:00:10Z\", to: \"2026-03-04T00:00:12Z\"";
        assert_eq!(sorted(numbers(fixed)), [10, 11]);
        let math = "from: \"2026-03-04T00:01:37Z||/m\", to: \"2026-03-04||+62s\"";
        assert_eq!(sorted(numbers(math)), [60, 61]);
        // All documents, including one without a time.
        assert_eq!(sorted(numbers("slices: 2")).len(), 105);

        write(&workspace, &format!("{input}, from: now, to: now-1h"));
        run(&workspace).expect(2, &["input.elasticsearch.to", "is not after `now`"]);
        write(&workspace, &format!("{input}, from: yesterday"));
        run(&workspace).expect(2, &["input.elasticsearch.from", "yesterday"]);
        write(&workspace, &format!("{input}, from: now-1h, timeField: name"));
        run(&workspace).expect(2, &["input.elasticsearch.timeField", "holds no times"]);
    });
}

#[test]
fn missing_indices() {
    elastic::on_each_server(|server| {
        let existing = filled_index(server, "logs-there", 1, 10);
        let input = |index: &str| format!("{}, index: \"{index}\"", server.settings(READER));
        let workspace = workspace(server, &input("logs-nowhere"));
        run(&workspace).expect(3, &["there is no index logs-nowhere"]);
        for index in ["logs-nowhere-*".to_owned(), format!("{existing},logs-nowhere")] {
            write(&workspace, &input(&index));
            run(&workspace).expect(3, &["there is no index"]);
        }
        write(&workspace, &input(&format!("{existing},logs-nowhere-*")));
        assert_eq!(rows(&workspace).len(), 10);
    });
}

#[test]
fn missing_read_privilege_fails_the_run() {
    elastic::on_each_server(|server| {
        if server.flavor == Flavor::OpenSearch {
            // The tests' OpenSearch has no roles.
            return;
        }
        let index = filled_index(server, "logs-denied", 1, 10);
        let input = |user: &str| format!("{}, index: {index}", server.settings(user));
        let workspace = workspace(server, &input(WRITER));
        run(&workspace).expect(4, &["denies access"]);
        write(&workspace, &input(READER));
        assert_eq!(rows(&workspace).len(), 10);
        write(
            &workspace,
            &format!(
                "{}, index: {index}",
                server.settings(ADMIN).replace("name: admin", "name: missing")
            ),
        );
        run(&workspace).expect(2, &["missing"]);
    });
}

/// A data stream's indices are hidden.
#[test]
fn a_data_stream() {
    elastic::on_each_server(|server| {
        if server.flavor == Flavor::Elasticsearch {
            // The tests' Elasticsearch has no data streams.
            return;
        }
        let admin = server.admin();
        let name = server.name("logs-stream");
        let template = json!({"index_patterns": [name], "data_stream": {}, "priority": 600});
        admin.put(&format!("/_index_template/{name}"), &template);
        let put = |n: usize| {
            let document = json!({"@timestamp": "2026-03-04T00:00:00Z", "n": n});
            admin.post(&format!("/{name}/_doc?refresh=true"), &document);
        };
        put(1);
        admin.post(&format!("/{name}/_rollover"), &json!({}));
        put(2);
        put(3);
        let input = format!("{}, index: {name}", server.settings(READER));
        let rows = rows(&workspace(server, &input));
        assert_eq!(json!(values(&rows, "n")), json!([1, 2, 3]));
        assert!(rows[0]["_index"].as_str().unwrap().ends_with("-000001"));
    });
}

#[test]
fn only_needed_fields_of_a_huge_mapping_are_read() {
    elastic::on_each_server(|server| {
        let name = server.name("logs-wide");
        let admin = server.admin();
        let field = |n: usize| (format!("field_{n}"), json!({"type": "long"}));
        let mut properties: serde_json::Map<String, Value> = (0..100_000).map(field).collect();
        properties.insert("n".into(), json!({"type": "long"}));
        properties.insert("@timestamp".into(), json!({"type": "date"}));
        let settings = json!({
            "number_of_shards": 1,
            "number_of_replicas": 0,
            "index.mapping.total_fields.limit": 200_000,
        });
        let mappings = json!({"properties": properties});
        admin.put(&format!("/{name}"), &json!({"settings": settings, "mappings": mappings}));
        let document =
            json!({"n": 5000, "@timestamp": "2026-03-04T00:00:00Z", "field_377": 7, "field_91": 8});
        admin.load(&name, 0, &[document]);
        let input = format!("{}, index: {name}", server.settings(READER));
        let workspace = workspace(server, &input);
        let ran = run(&workspace);
        ran.expect(0, &[]);
        for part in ["100002 fields", "only those that the settings use are read"] {
            assert!(ran.stdout.contains(part), "{ran:#?}");
        }
        let row = &super::jobs::written(&workspace)[0];
        assert_eq!((&row["n"], &row["@timestamp"]), (&json!(5000), &json!("2026-03-04T00:00:00Z")));
        assert!(row.get("field_377").is_none(), "{row}");
        write(&workspace, &format!("{input}, fields: [n, field_377, \"field_9999*\"]"));
        let row = &rows(&workspace)[0];
        assert_eq!(
            (&row["field_377"], &row["field_99990"], row.get("field_91")),
            (&json!("7"), &Value::Null, None)
        );
    });
}
