//! Jobs from an index to a file, and their results.

use anomal_tests::{RunOutput, Workspace, elastic::Server};
use serde_json::{Value, json};

/// A folder with the job and the users' secrets; `input` contains the keys of its driver.
pub fn workspace(server: &Server, input: &str) -> Workspace {
    let workspace = Workspace::default();
    server.secrets(&workspace);
    write(&workspace, input);
    workspace
}

/// Replaces the job.
pub fn write(workspace: &Workspace, input: &str) {
    let job = format!(
        "input: {{elasticsearch: {{{input}}}}}
flags:
  - {{type: direct, name: big, expression: '\"n\" > 1000', severity: high, description: Big}}
outputs: [{{ndjson: {{path: out.ndjson}}}}]
"
    );
    workspace.write("job.yaml", job.as_bytes());
}

pub const RUN: [&str; 6] = ["run", "job.yaml", "--secrets", "secrets", "--summary", "json"];

pub fn run(workspace: &Workspace) -> RunOutput {
    workspace.anomal(&RUN)
}

/// Runs the job, which must succeed, and returns the rows it wrote.
#[track_caller]
pub fn rows(workspace: &Workspace) -> Vec<Value> {
    run(workspace).expect(0, &[]);
    written(workspace)
}

pub fn written(workspace: &Workspace) -> Vec<Value> {
    let text = workspace.read("out.ndjson");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The values of a column.
pub fn values(rows: &[Value], name: &str) -> Vec<Value> {
    rows.iter().map(|row| row[name].clone()).collect()
}

/// Creates an index with this number of shards.
pub fn index(server: &Server, name: &str, shards: u32, properties: &Value) {
    let settings = json!({"number_of_shards": shards, "number_of_replicas": 0});
    let index = json!({"settings": settings, "mappings": {"properties": properties}});
    server.admin().put(&format!("/{name}"), &index);
}

/// Documents with numbers from 0 and times one second apart.
pub fn numbered(count: usize) -> Vec<Value> {
    let document = |n: usize| {
        let time = format!("2026-03-04T{:02}:{:02}:{:02}.000Z", n / 3600, n / 60 % 60, n % 60);
        json!({"@timestamp": time, "n": n, "name": format!("host-{n}.example.net")})
    };
    (0..count).map(document).collect()
}

/// Creates an index with these documents and returns its name.
pub fn filled_index(server: &Server, part: &str, shards: u32, count: usize) -> String {
    let name = server.name(part);
    let properties =
        json!({"@timestamp": {"type": "date"}, "n": {"type": "long"}, "name": {"type": "keyword"}});
    index(server, &name, shards, &properties);
    server.admin().load(&name, 0, &numbered(count));
    name
}
