//! The client of Elasticsearch, curl and nc.

use std::{fs::File, process::Command};

use super::{
    http::gzip,
    job::{ids, line, lines, results, summary, wait, workspace},
    running::Running,
    sender::program,
};

/// Sends documents by the helper of the client, which repeats those that are refused by 429, and prints what it is told.
const SCRIPT: &str = "
import sys
from elasticsearch import Elasticsearch, helpers

client = Elasticsearch(sys.argv[1], basic_auth=('elastic', 'pass'))
assert client.ping() and client.info()['tagline'] == 'You Know, for Search'
client.indices.put_index_template(name='requests', index_patterns=['requests-*'], template={})
documents = ({'_index': 'requests', '_id': f'doc-{id}', 'id': id, 'size': id % 89, 'method': 'GET'} for id in range(500))
print(helpers.bulk(client, documents, chunk_size=120))
good = {'_op_type': 'create', '_index': 'requests', 'id': 500, 'size': 1, 'method': 'PUT'}
gone = {'_op_type': 'delete', '_index': 'requests', '_id': 'doc-1'}
print(helpers.bulk(client, [good, gone], raise_on_error=False, stats_only=True))
";

#[test]
fn the_client_of_elasticsearch_sends_documents() {
    let Some(python) = program("ANOMAL_TEST_ELASTICSEARCH_PYTHON") else { return };
    let input = "http: {listen: \"127.0.0.1:0\", doors: [bulk], auth: {secretRef: {name: agents}}, types: {id: integer, size: integer}}";
    let workspace = workspace(input, "");
    for (key, value) in [("username", "elastic"), ("password", "pass")] {
        workspace.write(&format!("secrets/agents/{key}"), value.as_bytes());
    }
    let arguments = ["run", "job.yaml", "-v", "--secrets", "secrets", "--summary", "json"];
    let running = Running::start(&workspace, &arguments);
    let mut command = Command::new(python);
    let output =
        command.args(["-c", SCRIPT, &format!("http://{}", running.address)]).output().unwrap();
    let (told, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(told.lines().collect::<Vec<_>>(), ["(500, [])", "(1, 1)"], "{errors}");
    wait(|| results(&workspace).len() == 501);
    let ended = running.terminate();
    ended.expect(0, &[]);
    let counts = summary(&ended);
    assert_eq!((&counts["rows"], &counts["rejected"]), (&502.into(), &1.into()));
    assert_eq!(ids(&workspace), (0..=500).collect::<Vec<_>>());
    assert_eq!(results(&workspace)[499]["_id"], "doc-499");
}

#[test]
fn curl_posts_lines_plain_and_compressed() {
    let Some(curl) = program("ANOMAL_TEST_CURL") else { return };
    let workspace =
        workspace("http: {listen: \"127.0.0.1:0\", types: {id: integer, size: integer}}", "");
    workspace.write("one.ndjson", lines(0..320).as_bytes());
    workspace.write("two.ndjson.gz", &gzip(lines(320..400)));
    let running = Running::job(&workspace);
    let url = format!("http://{}/v1/records", running.address);
    let post = |more: &[&str]| {
        let mut command = Command::new(&curl);
        command.args(["--silent", "--show-error", "--fail-with-body", &url]).args(more);
        let output = command.current_dir(workspace.path(".")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(post(&["--data-binary", "@one.ndjson"]).starts_with("{\"accepted\":320,"));
    let zipped = post(&["--data-binary", "@two.ndjson.gz", "--header", "Content-Encoding: gzip"]);
    assert!(zipped.starts_with("{\"accepted\":80,"), "{zipped}");
    // Uploaded in chunks, whose length is not known before.
    let chunks = ["--header", "Transfer-Encoding: chunked", "--data-binary", "@one.ndjson"];
    assert!(post(&chunks).starts_with("{\"accepted\":320,"));
    wait(|| results(&workspace).len() == 720);
    running.terminate().expect(0, &[]);
    assert_eq!(ids(&workspace), (0..400).chain(0..320).collect::<Vec<_>>());
}

#[test]
fn nc_sends_an_object_a_connection_and_a_file_over_one() {
    let Some(nc) = program("ANOMAL_TEST_NC") else { return };
    let input =
        "tcp: {host: 127.0.0.1, port: 0, badLines: skip, types: {id: integer, size: integer}}";
    let workspace = workspace(input, "");
    let running = Running::job(&workspace);
    let (host, port) = running.address.rsplit_once(':').unwrap();
    let send = |content: &str| {
        workspace.write("in.json", content.as_bytes());
        let file = File::open(workspace.path("in.json")).unwrap();
        let sent = Command::new(&nc).args(["-N", host, port]).stdin(file).status().unwrap();
        assert!(sent.success());
    };
    send(&lines(0..320));
    wait(|| results(&workspace).len() == 320);
    for id in 320..330 {
        send(line(id).trim());
    }
    wait(|| results(&workspace).len() == 330);
    running.terminate().expect(0, &[]);
    let mut found = ids(&workspace);
    found.sort_unstable();
    assert_eq!(found, (0..330).collect::<Vec<_>>());
}
