//! A stream with two outputs: an index and files.

use std::{
    fs::OpenOptions,
    io::Write,
    ops::Range,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use anomal_tests::{RunOutput, Workspace, elastic::Server};
use serde_json::Value;

/// Random numbers by `SplitMix64` (Steele, Lea and Flood, 2014).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value ^ (value >> 31)) % bound
    }
}

pub struct Stream {
    pub workspace: Workspace,
}

impl Stream {
    /// A job that writes all rows to an index; `settings` has the server's address, `more` further keys of the output.
    pub fn new(server: &Server, settings: &str, index: &str, more: &str) -> Self {
        Self::saving_each(server, settings, index, more, "1s")
    }

    /// The same with another time between checkpoints.
    pub fn saving_each(
        server: &Server,
        settings: &str,
        index: &str,
        more: &str,
        every: &str,
    ) -> Self {
        let job = format!(
            "input:
  ndjson: {{path: app.ndjson, badLines: skip, types: {{id: integer, size: integer}}}}
features:
  - {{type: field, name: size}}
flags:
  - {{type: direct, name: large, expression: size > 9000, severity: high}}
classification: {{engine: HBOS, seed: 7}}
stream:
  warmUp: {{rows: 100}}
  state: {{checkpoint: {{every: {every}, to: state}}}}
outputs:
  - elasticsearch: {{{settings}, index: {index}, rows: all, {more}}}
  - ndjson: {{path: results.ndjson, rotate: 64Mi}}
"
        );
        let workspace = Workspace::with_files(&[("job.yaml", job.as_bytes()), ("app.ndjson", b"")]);
        server.secrets(&workspace);
        Self { workspace }
    }

    pub fn append_text(&self, text: &str) {
        let path = self.workspace.path("app.ndjson");
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Appends records by their numbers.
    pub fn append(&self, numbers: Range<u64>) {
        let record = |number: u64| {
            let size = if number.is_multiple_of(97) { 9_500 } else { 100 + number * 7_919 % 900 };
            format!("{{\"id\":{number},\"size\":{size},\"note\":\"{number}\"}}\n")
        };
        self.append_text(&numbers.map(record).collect::<String>());
    }

    pub fn start(&self) -> Child {
        let arguments = ["run", "job.yaml", "--secrets", "secrets", "--summary", "json"];
        let mut command = self.workspace.command(&arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Ends it as an operator would.
    pub fn stop(child: Child) -> RunOutput {
        let killed = std::process::Command::new("kill").arg(child.id().to_string()).status();
        assert!(killed.unwrap().success());
        child.wait_with_output().unwrap().into()
    }

    /// Runs to the end of the input, and returns the summary.
    pub fn catch_up(&self) -> Value {
        let arguments =
            ["run", "job.yaml", "--secrets", "secrets", "--summary", "json", "--until-caught-up"];
        let ran = self.workspace.anomal(&arguments);
        ran.expect(0, &[]);
        summary(&ran)
    }

    /// The results in the files.
    pub fn results(&self) -> Vec<Value> {
        let names = self.workspace.files().into_iter().filter(|name| name.starts_with("results-"));
        let text: String = names.map(|name| self.workspace.read(&name)).collect();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    pub fn wait_for_results(&self, count: usize) {
        wait(&format!("{count} results"), || self.results().len() == count);
    }
}

pub fn summary(ran: &RunOutput) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"))
}

/// The rows of documents, in order.
pub fn rows(documents: &[(String, Value)]) -> Vec<u64> {
    let rows = documents.iter().map(|(_, document)| document["anomal"]["row"].as_u64().unwrap());
    let mut rows: Vec<u64> = rows.collect();
    rows.sort_unstable();
    rows
}

#[track_caller]
pub fn wait(what: &str, until: impl Fn() -> bool) {
    let since = Instant::now();
    while !until() {
        assert!(since.elapsed() < Duration::from_mins(2), "no {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits for documents of an index.
#[track_caller]
pub fn wait_for_documents(server: &Server, index: &str, count: u64) {
    let admin = server.admin();
    wait(&format!("{count} documents"), || {
        // It exists from the first document on.
        let found = admin.send("GET", &format!("/{index}/_count"), "").status == 200;
        found && admin.count(index) == count
    });
}
