//! The columns and values read from documents.

use anomal_tests::elastic::{self, Flavor, READER};
use serde_json::{Value, json};

use super::jobs::{filled_index, index, rows, run, values, workspace, write, written};

fn properties(flavor: Flavor) -> Value {
    // The tests' Elasticsearch lacks the type of scaled numbers.
    let (flattened, scaled) = match flavor {
        Flavor::Elasticsearch => ("flattened", json!({"type": "double"})),
        Flavor::OpenSearch => {
            ("flat_object", json!({"type": "scaled_float", "scaling_factor": 100}))
        }
    };
    json!({
        "@timestamp": {"type": "date"},
        "n": {"type": "long"},
        "share": scaled,
        "ok": {"type": "boolean"},
        "short": {"type": "keyword", "ignore_above": 8},
        "message": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
        "user": {"type": "nested", "properties": {"name": {"type": "keyword"}, "id": {"type": "long"}}},
        "source": {"properties": {"ip": {"type": "ip"}}},
        "address": {"type": "alias", "path": "source.ip"},
        "day": {"type": "date", "format": "dd/MM/yyyy"},
        "seconds": {"type": "date", "format": "epoch_second"},
        "precise": {"type": "date_nanos"},
        "labels": {"type": flattened},
        "place": {"type": "geo_point"},
        "unset": {"type": "keyword"},
    })
}

#[test]
fn values_have_the_types_of_the_mapping() {
    elastic::on_each_server(|server| {
        let name = server.name("logs-values");
        index(server, &name, 1, &properties(server.flavor));
        let long = "much longer than eight characters";
        let documents = [
            json!({
                "@timestamp": "2026-03-04T05:06:07.008Z", "n": "42", "share": 0.125, "ok": "true", "short": long,
                "message": "hello", "user": [{"name": "ann", "id": 1}, {"name": "bob"}], "source.ip": "10.0.0.1",
                "day": "02/03/2026", "seconds": 1_772_600_767, "precise": "2026-03-04T05:06:07.123456789Z",
                "labels": {"b": {"c": "x"}, "a": 1}, "place": {"lat": 1.5, "lon": 2.5},
            }),
            json!({
                "@timestamp": 1_772_600_767_008_i64, "n": 7.9, "ok": "", "short": ["a", "b;\"c", long], "message": [],
                "source": {"ip": ["10.0.0.2"]}, "day": null, "place": [2.5, 1.5], "other": "dynamic",
            }),
            json!({"n": -1}),
        ];
        server.admin().load(&name, 0, &documents);
        let input = format!("{}, index: {name}", server.settings(READER));
        let workspace = workspace(server, &input);
        let found = rows(&workspace);
        let column = |name: &str| json!(values(&found, name));
        assert_eq!(column("_id"), json!(["0", "1", "2"]));
        assert_eq!(
            column("@timestamp"),
            json!(["2026-03-04T05:06:07.008Z", "2026-03-04T05:06:07.008Z", null])
        );
        assert_eq!(column("n"), json!([42, 7, -1]));
        assert_eq!(column("share"), json!(["0.125", null, null]));
        assert_eq!(column("ok"), json!(["true", "", null]));
        assert_eq!(column("short"), json!([long, format!("[a\";\"b;\"c\";\"{long}]"), null]));
        assert_eq!(column("message"), json!(["hello", null, null]));
        assert_eq!(column("user.name"), json!(["[ann\";\"bob]", null, null]));
        assert_eq!(column("user.id"), json!(["1", null, null]));
        assert_eq!(column("source.ip"), json!(["10.0.0.1", "10.0.0.2", null]));
        // An alias is in no document.
        assert_eq!(column("address"), json!(["10.0.0.1", "10.0.0.2", null]));
        assert_eq!(column("day"), json!(["2026-03-02T00:00:00.000Z", null, null]));
        assert_eq!(column("seconds"), json!(["2026-03-04T05:06:07.000Z", null, null]));
        assert_eq!(column("precise")[0], "2026-03-04T05:06:07.123456789Z");
        assert_eq!(column("labels"), json!(["{\"b\":{\"c\":\"x\"},\"a\":1}", null, null]));
        assert_eq!(column("place"), json!(["{\"lat\":1.5,\"lon\":2.5}", "[2.5,1.5]", null]));
        assert_eq!(column("unset"), json!([null, null, null]));
        assert_eq!(column("other"), json!([null, "dynamic", null]));
        assert!(found[0].get("message.keyword").is_none() && found[0].get("user").is_none());

        let more =
            "arrays: json, types: {n: string}, fields: [n, \"user.*\", message.keyword, \"@t*\"]";
        write(&workspace, &format!("{input}, {more}"));
        run(&workspace).expect(2, &["n"]);
        let more = "arrays: json, fields: [n, \"user.*\", message.keyword, \"day*\"]";
        write(&workspace, &format!("{input}, {more}"));
        let found = rows(&workspace);
        let columns: Vec<&String> = found[0].as_object().unwrap().keys().take(9).collect();
        let expected = [
            "_id",
            "_index",
            "@timestamp",
            "day",
            "message.keyword",
            "n",
            "user.id",
            "user.name",
            "anomal.row",
        ];
        assert_eq!(columns, expected);
        assert_eq!(found[0]["user.name"], "[\"ann\",\"bob\"]");
        assert_eq!(found[0]["message.keyword"], "hello");

        write(&workspace, &format!("{input}, fields: [n, user]"));
        run(&workspace).expect(2, &["input.elasticsearch.fields", "`user.*` are its fields"]);
    });
}

#[test]
fn different_mappings_are_noted() {
    elastic::on_each_server(|server| {
        let [a, b] = ["logs-differ-a", "logs-differ-b"].map(|part| server.name(part));
        index(server, &a, 1, &json!({"n": {"type": "long"}, "id": {"type": "keyword"}}));
        index(server, &b, 1, &json!({"n": {"type": "double"}, "id": {"type": "long"}}));
        server.admin().load(&a, 0, &[json!({"n": 1, "id": "x7"})]);
        server.admin().load(&b, 0, &[json!({"n": 2.5, "id": 7})]);
        let input = format!("{}, index: \"{a},{b}\"", server.settings(READER));
        let workspace = workspace(server, &input);
        let note = format!("`id` is keyword in {a}, long in {b}; it is read as text");
        let ran = run(&workspace);
        ran.expect(0, &[]);
        assert!(ran.stdout.contains(&note), "{ran:#?}");
        assert!(!ran.stdout.contains("`n` is"), "{ran:#?}");
        let found = written(&workspace);
        assert_eq!(json!(values(&found, "id")), json!(["x7", "7"]));
        assert_eq!(json!(values(&found, "n")), json!([1.0, 2.5]));
        // A configured type needs no note.
        write(&workspace, &format!("{input}, types: {{id: integer}}"));
        let ran = run(&workspace);
        ran.expect(0, &[]);
        assert!(!ran.stdout.contains("`id` is"), "{ran:#?}");
    });
}

#[test]
fn documents_of_the_wrong_type_fail_or_are_rejected() {
    elastic::on_each_server(|server| {
        let name = server.name("logs-malformed");
        let n = json!({"n": {"type": "long", "ignore_malformed": true}});
        index(server, &name, 1, &n);
        let documents =
            [json!({"n": 1}), json!({"n": "x"}), json!({"n": [3, 4]}), json!({"n": 5000})];
        server.admin().load(&name, 0, &documents);
        let input = format!("{}, index: {name}", server.settings(READER));
        let workspace = workspace(server, &input);
        let place = format!("{name}/_doc/1: row 1 in `n`: `x` is not a whole number");
        run(&workspace).expect(3, &[&place, "badLines: skip"]);
        assert!(!workspace.files().contains(&"out.ndjson".to_owned()));

        write(&workspace, &format!("{input}, badLines: skip"));
        let ran = run(&workspace);
        ran.expect(0, &[]);
        let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!((&summary["rows"], &summary["rejected"]), (&json!(4), &json!(2)));
        let found = written(&workspace);
        assert_eq!(json!(values(&found, "anomal.row")), json!([0, 3]));
        let rejected = workspace.read("job.rejected.ndjson");
        let rejected: Vec<Value> =
            rejected.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rejected.len(), 2);
        assert_eq!((&rejected[1]["row"], &rejected[1]["column"]), (&json!(2), &json!("n")));
        assert_eq!(rejected[1]["file"], format!("{name}/_doc/2"));
        assert!(rejected[1]["raw"].as_str().unwrap().contains("[3,4]"), "{rejected:?}");
    });
}

#[test]
fn few_fields_of_long_documents() {
    elastic::on_each_server(|server| {
        let index = filled_index(server, "logs-long", 1, 3_000);
        let blob = json!({"properties": {"blob": {"type": "keyword", "index": false, "doc_values": false}}});
        server.admin().put(&format!("/{index}/_mapping"), &blob);
        let long = "x".repeat(4 << 20);
        for id in 3_000..3_016 {
            server.admin().load(&index, id, &[json!({"n": id, "blob": long})]);
        }
        let input = format!("{}, index: {index}, fields: [n, name]", server.settings(READER));
        let found = rows(&workspace(server, &input));
        assert_eq!(found.len(), 3_016);
        assert_eq!(found[3_015]["n"], 3_015);
        assert!(found[3_015].get("blob").is_none());
    });
}
