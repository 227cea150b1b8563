//! Documents have the fields of docs/results.md and can be searched by them.

use anomal_tests::{
    Workspace,
    elastic::{self, Server, WRITER},
};
use serde_json::{Value, json};

use super::jobs::{FLAGGED, counts, job, records, run, workspace};

const ROWS: usize = 3_000;

fn job_workspace(server: &Server, index: &str, more: &str) -> Workspace {
    let output = format!("{}, index: {index}, {more}", server.settings(WRITER));
    let workspace = workspace(ROWS, &output);
    server.secrets(&workspace);
    workspace
}

#[test]
fn every_row_is_a_document_and_a_rerun_adds_none() {
    elastic::on_each_server(|server| {
        let index = server.name("all");
        let workspace = job_workspace(server, &index, "rows: all");
        assert_eq!(counts(&run(&workspace)), (ROWS as u64, 0, 0));
        let admin = server.admin();
        assert_eq!(admin.count(&index), ROWS as u64);
        assert_eq!(counts(&run(&workspace)), (ROWS as u64, ROWS as u64, 0));
        assert_eq!(admin.count(&index), ROWS as u64);
        // Other records are another run, and so is a run with another name.
        workspace.write("in.csv", records(100).as_bytes());
        assert_eq!(counts(&run(&workspace)), (100, 0, 0));
        let named = workspace.anomal(&[&super::jobs::RUN[..], &["--run", "b"]].concat());
        assert_eq!(counts(&named), (100, 0, 0));
        assert_eq!(admin.count(&index), ROWS as u64 + 200);
        assert_eq!(admin.count_matching(&index, &json!({"term": {"anomal.run": "b"}})), 100);
    });
}

#[test]
fn documents_are_searchable() {
    elastic::on_each_server(|server| {
        let index = server.name("found");
        let workspace = job_workspace(server, &index, "rows: all");
        run(&workspace).expect(0, &[]);
        let admin = server.admin();
        let flagged = (ROWS / FLAGGED) as u64;
        let all = ROWS as u64;
        let cases = [
            (json!({"term": {"event.kind": "alert"}}), flagged),
            (json!({"term": {"event.severity": 73}}), flagged),
            (json!({"term": {"rule.name": "big"}}), flagged),
            (json!({"term": {"event.kind": "event"}}), all - flagged),
            (
                json!({"range": {"@timestamp": {"gte": "2026-03-04T05:00:00Z", "lt": "2026-03-04T05:01:00Z"}}}),
                60,
            ),
            (json!({"term": {"source.ip": "10.0.1.0/24"}}), 256),
            (json!({"term": {"related.ip": "10.0.0.7"}}), 1),
            (json!({"range": {"network.bytes": {"gte": 5000}}}), flagged),
            (json!({"term": {"dns.question.name": "host-12.example.net"}}), 1),
            (json!({"term": {"related.hosts": "host-12.example.net"}}), 1),
            (json!({"term": {"anomal.source.tests.note": "note 12"}}), 1),
            (json!({"range": {"anomal.row": {"lt": 10}}}), 10),
            (json!({"term": {"anomal.suspicious": false}}), all),
            (json!({"term": {"labels.job": "job"}}), all),
            (json!({"term": {"observer.product": "anomal"}}), all),
        ];
        for (query, count) in cases {
            assert_eq!(admin.count_matching(&index, &query), count, "{:?} {query}", server.flavor);
        }
        let row = json!({"query": {"term": {"anomal.row": 7}}});
        let found = admin.post(&format!("/{index}/_search"), &row);
        let hit = &found["hits"]["hits"][0];
        let document = &hit["_source"];
        assert_eq!(document["@timestamp"], "2026-03-04T05:00:07Z");
        assert_eq!(document["source"], json!({"ip": "10.0.0.7"}));
        assert_eq!(document["destination"], json!({"port": 53}));
        assert_eq!(document["network"], json!({"bytes": 5000}));
        assert_eq!(document["anomal"]["source"], json!({"tests.note": "note 7"}));
        assert_eq!(document["event"]["id"], hit["_id"]);
        assert_eq!(document["event"]["reason"], "flagged by big");
        assert_eq!(document["event"]["start"], "2026-03-04T05:00:07Z");
    });
}

#[test]
fn only_suspects_are_written_by_default() {
    elastic::on_each_server(|server| {
        let index = server.name("suspects");
        let workspace = job_workspace(server, &index, "");
        let flagged = (ROWS / FLAGGED) as u64;
        assert_eq!(counts(&run(&workspace)), (flagged, 0, 0));
        assert_eq!(server.admin().count(&index), flagged);
    });
}

#[test]
fn scores_and_reasons_are_searchable() {
    elastic::on_each_server(|server| {
        let index = server.name("scored");
        let settings = job(&format!("{}, index: {index}, rows: all", server.settings(WRITER)));
        let settings = format!(
            "{settings}features:
  - {{type: field, name: network.bytes}}
  - {{type: field, name: destination.port, kind: categorical}}
classification: {{engine: HBOS, threshold: {{method: contamination, value: 0.01}}}}
"
        );
        let workspace = Workspace::with_files(&[
            ("job.yaml", settings.as_bytes()),
            ("in.csv", records(ROWS).as_bytes()),
        ]);
        server.secrets(&workspace);
        run(&workspace).expect(0, &[]);
        let admin = server.admin();
        let nested =
            |query: Value| json!({"nested": {"path": "anomal.contributions", "query": query}});
        let reason = nested(json!({"bool": {"filter": [
            {"term": {"anomal.contributions.feature": "network.bytes"}},
            {"range": {"anomal.contributions.number": {"gte": 5000}}},
            {"range": {"anomal.contributions.share": {"gt": 0.5}}},
        ]}}));
        let flagged = (ROWS / FLAGGED) as u64;
        assert_eq!(admin.count_matching(&index, &reason), flagged);
        let scored = json!({"range": {"event.risk_score_norm": {"gte": 0, "lte": 100}}});
        assert_eq!(admin.count_matching(&index, &scored), ROWS as u64);
        assert_eq!(
            admin.count_matching(&index, &json!({"term": {"anomal.engine": "HBOS"}})),
            ROWS as u64
        );
        let ports = json!({"term": {"anomal.features.destination_port": "53"}});
        assert_eq!(admin.count_matching(&index, &ports), ROWS as u64);
    });
}

#[test]
fn templates_are_installed_only_where_they_are_managed() {
    elastic::on_each_server(|server| {
        let (managed, alone) = (server.name("managed"), server.name("alone"));
        run(&job_workspace(server, &managed, "")).expect(0, &[]);
        run(&job_workspace(server, &alone, "manageTemplate: false")).expect(0, &[]);
        let admin = server.admin();
        let template = &admin.get(&format!("/_index_template/{managed}"))["index_templates"][0];
        assert_eq!(template["index_template"]["priority"], 501);
        assert_eq!(admin.send("GET", &format!("/_index_template/{alone}"), "").status, 404);
        let ours = |index: &str| {
            let mapping = admin.get(&format!("/{index}/_mapping"));
            mapping[index]["mappings"]["properties"]["source"]["properties"]["ip"]["type"].clone()
        };
        assert_eq!((ours(&managed), ours(&alone)), (json!("ip"), json!("text")));
        // A template that is there already is not put again, and one of an older version is.
        let path = format!("/_index_template/{managed}");
        let mut old = template["index_template"].clone();
        old["version"] = json!(0);
        old["priority"] = json!(502);
        admin.put(&path, &old);
        run(&job_workspace(server, &managed, "")).expect(0, &[]);
        let template = &admin.get(&path)["index_templates"][0]["index_template"];
        assert_eq!((&template["priority"], &template["version"]), (&json!(501), &json!(5)));
    });
}
