//! Jobs over small inputs.

use anomal_tests::{RunOutput, Workspace, csv_records};
use polars::prelude::{DataFrame, SerReader};
use polars_io::parquet::read::ParquetReader;
use serde_json::Value;

/// A run of a job over an input, with its outputs `out.csv`, `out.ndjson` and `out.parquet`.
pub struct Run {
    pub workspace: Workspace,
    pub output: RunOutput,
}

/// Settings that read `input` and write all outputs.
pub fn job(input: &str, features: &str) -> String {
    job_with_engine(input, features, "HBOS")
}

pub fn job_with_engine(input: &str, features: &str, engine: &str) -> String {
    format!(
        "input: {{{input}}}\nfeatures:\n{features}\nclassification: {{engine: {engine}}}\noutputs:\n\
         - csv: {{path: out.csv, include: [features]}}\n- ndjson: {{path: out.ndjson, include: [features]}}\n\
         - parquet: {{path: out.parquet, include: [features]}}\n"
    )
}

/// A feature of type field for each name.
pub fn fields(names: &[&str]) -> String {
    names.iter().map(|name| format!("- {{type: field, name: {name}}}\n")).collect()
}

/// Runs a job over a file.
pub fn run(name: &str, input: &[u8], job: &str) -> Run {
    let workspace = Workspace::with_files(&[(name, input), ("job.yaml", job.as_bytes())]);
    let output = workspace.anomal(&["run", "job.yaml", "--summary", "json"]);
    Run { workspace, output }
}

impl Run {
    /// Asserts success.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        self.output.expect(0, &[]);
        self
    }

    pub fn summary(&self) -> Value {
        serde_json::from_str(&self.output.stdout).expect("a summary")
    }

    /// The messages of the notes with this reason.
    pub fn notes(&self, reason: &str) -> Vec<String> {
        let summary = self.summary();
        let notes = summary["diagnostics"].as_array().expect("notes").iter();
        let notes = notes.filter(|note| note["reason"] == reason);
        notes.map(|note| note["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The only note with this reason.
    #[track_caller]
    pub fn note(&self, reason: &str) -> String {
        let mut notes = self.notes(reason);
        assert_eq!(notes.len(), 1, "{notes:?} {}", self.output.stdout);
        notes.remove(0)
    }

    /// The cells of a column of `out.csv`.
    pub fn csv(&self, column: &str) -> Vec<String> {
        let mut records = csv_records(&self.workspace.read("out.csv")).into_iter();
        let header = records.next().expect("a header");
        let place = header.iter().position(|name| *name == column).expect("the column");
        records.map(|mut cells| cells.swap_remove(place)).collect()
    }

    /// The JSON text of a member in each line of `out.ndjson`.
    pub fn json(&self, name: &str) -> Vec<String> {
        let text = self.workspace.read("out.ndjson");
        let member = |line: &str| {
            let record: std::collections::HashMap<String, Box<serde_json::value::RawValue>> =
                serde_json::from_str(line).expect("an object");
            record[name].get().to_owned()
        };
        text.lines().map(member).collect()
    }

    pub fn parquet(&self) -> DataFrame {
        let file = std::fs::File::open(self.workspace.path("out.parquet")).expect("out.parquet");
        ParquetReader::new(file).finish().expect("Parquet")
    }

    /// The row with the highest score.
    pub fn highest(&self) -> Option<usize> {
        let scores = self.csv("anomal.score").into_iter().map(|score| score.parse().unwrap_or(0.0));
        scores.enumerate().max_by(|a: &(usize, f64), b| a.1.total_cmp(&b.1)).map(|(row, _)| row)
    }

    /// The rows that the flag for strays has hit.
    pub fn strays(&self) -> Vec<usize> {
        let flags = self.csv("anomal.flags");
        let hit = flags.iter().enumerate().filter(|(_, flags)| flags.contains("stray_value"));
        hit.map(|(row, _)| row).collect()
    }
}
