//! Bulk requests of Elasticsearch's clients, byte by byte.

use serde_json::Value;

use super::{
    job::{hold, ids, line, rejected, results, wait, workspace},
    running::Running,
};

const HTTP: &str = "listen: \"127.0.0.1:0\", types: {id: integer, size: integer}, doors: [bulk]";

/// An action and a document for each id.
fn items(ids: std::ops::Range<u64>) -> String {
    let item = |id| format!("{{\"create\":{{\"_id\":\"doc-{id}\"}}}}\n{}", line(id));
    ids.map(item).collect()
}

fn json(answer: &anomal_tests::http::Answer) -> Value {
    assert_eq!(answer.header("x-elastic-product"), Some("Elasticsearch"), "{}", answer.text());
    serde_json::from_str(&answer.text()).unwrap()
}

#[test]
fn documents_are_records_with_a_status_each() {
    let workspace = workspace(&format!("http: {{{HTTP}, dedupe: {{field: _id}}}}"), "");
    let running = Running::job(&workspace);
    let bulk = |path: &str, body: &str| {
        let answer =
            running.ask("POST", path, &["content-type: application/x-ndjson"], body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        json(&answer)
    };
    let first = bulk("/logs/_bulk?filter_path=errors,items.*.status", &items(0..310));
    assert_eq!((&first["errors"], first["items"].as_array().unwrap().len()), (&false.into(), 310));
    let item = &first["items"][3]["create"];
    assert_eq!((&item["status"], &item["_id"]), (&201.into(), &"doc-3".into()));
    assert_eq!((&item["_index"], &item["result"]), (&"logs".into(), &"created".into()));
    let mixed = format!(
        "{}{{\"index\":{{\"_index\":\"other\"}}}}\n{}{{\"index\":{{}}}}\nno\n{{\"delete\":{{\"_id\":\"doc-1\"}}}}\n",
        items(309..311),
        line(311)
    );
    let second = bulk("/_bulk", &mixed);
    let statuses: Vec<u64> = second["items"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|item| item["status"].as_u64().unwrap())
        .collect();
    assert_eq!((&second["errors"], statuses), (&true.into(), vec![200, 201, 201, 400, 400]));
    let reason = second["items"][4]["delete"]["error"]["reason"].as_str().unwrap();
    assert!(reason.contains("no `delete`"), "{reason}");
    let wrong = running.ask("POST", "/_bulk", &[], b"{\"a\":1}\n");
    assert_eq!((wrong.status, &json(&wrong)["status"]), (400, &400.into()));
    assert!(json(&wrong)["error"]["reason"].as_str().unwrap().contains("line [1]"));
    wait(|| results(&workspace).len() == 312);
    running.terminate().expect(0, &[]);
    assert_eq!((ids(&workspace), rejected(&workspace).len()), ((0..312).collect(), 2));
    let rows = results(&workspace);
    assert_eq!((&rows[5]["_id"], &rows[5]["_index"]), (&"doc-5".into(), &"logs".into()));
    assert_eq!((&rows[311]["_id"], &rows[311]["_index"]), (&Value::Null, &"other".into()));
}

#[test]
fn what_clients_ask_before_they_send_is_answered() {
    let workspace =
        workspace(&format!("http: {{{HTTP}, auth: {{secretRef: {{name: agents}}}}}}"), "");
    for (key, value) in [("username", "elastic"), ("password", "pass")] {
        workspace.write(&format!("secrets/agents/{key}"), value.as_bytes());
    }
    let arguments = ["run", "job.yaml", "-v", "--secrets", "secrets"];
    let running = Running::start(&workspace, &arguments);
    // `elastic:pass`
    let known = "authorization: Basic ZWxhc3RpYzpwYXNz";
    let ask = |method: &str, path: &str, body: &[u8]| running.ask(method, path, &[known], body);
    let unknown = running.ask("GET", "/", &[], b"");
    assert_eq!(
        (unknown.status, &json(&unknown)["error"]["type"]),
        (401, &"security_exception".into())
    );
    let info = json(&ask("GET", "/", b""));
    assert!(info["version"]["number"].as_str().unwrap().starts_with("8."), "{info}");
    assert_eq!(info["tagline"], "You Know, for Search");
    let head = ask("HEAD", "/", b"");
    assert_eq!((head.status, head.header("x-elastic-product")), (200, Some("Elasticsearch")));
    assert_eq!(json(&ask("GET", "/_license", b""))["license"]["status"], "active");
    assert_eq!(json(&ask("GET", "/_xpack", b""))["features"]["ilm"]["enabled"], true);
    assert_eq!(json(&ask("GET", "/_cluster/health", b""))["status"], "green");
    // A Beat looks for its template and policy, and installs them.
    for path in [
        "/_index_template/filebeat-8.19.0",
        "/_ilm/policy/filebeat",
        "/_data_stream/filebeat-8.19.0",
    ] {
        assert_eq!(ask("HEAD", path, b"").status, 404);
        assert_eq!(ask("GET", path, b"").status, 404);
        let large = format!("{{\"template\": \"{}\"}}", "x".repeat(3 << 20));
        let put = ask("PUT", path, large.as_bytes());
        assert_eq!((put.status, &json(&put)["acknowledged"]), (200, &true.into()));
    }
    assert_eq!(ask("POST", "/v1/records", b"{}").status, 404);
    assert_eq!(ask("PUT", "/_bulk", items(0..2).as_bytes()).status, 200);
    wait(|| results(&workspace).len() == 2);
    running.terminate().expect(0, &[]);
}

#[test]
fn a_full_journal_refuses_each_document_with_429() {
    let workspace = workspace(&format!("http: {{{HTTP}, maxBody: 64Ki}}"), "maxBytes: 1Mi");
    let running = Running::job(&workspace);
    let bulk = |ids: std::ops::Range<u64>| {
        json(&running.ask("POST", "/_bulk", &[], items(ids).as_bytes()))
    };
    assert_eq!(bulk(0..100)["errors"], false);
    wait(|| results(&workspace).len() == 100);
    let held = hold(&workspace);
    let mut sent = 100;
    let refused = loop {
        let answer = bulk(sent..sent + 400);
        if answer["errors"] == true {
            break answer;
        }
        sent += 400;
        assert!(sent < 100_000, "the journal is never full");
    };
    let items = refused["items"].as_array().unwrap();
    let full = |item: &Value| {
        item["create"]["status"] == 429
            && item["create"]["error"]["type"] == "es_rejected_execution_exception"
    };
    assert!(items.len() == 400 && items.iter().all(full), "{refused:.500}");
    held.release();
    wait(|| bulk(sent..sent + 400)["errors"] == false);
    sent += 400;
    let rows = usize::try_from(sent).unwrap();
    wait(|| results(&workspace).len() == rows);
    running.terminate().expect(0, &[]);
    assert_eq!(ids(&workspace), (0..sent).collect::<Vec<_>>());
}
