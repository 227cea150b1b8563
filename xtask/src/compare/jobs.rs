//! The fixed list of jobs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{data::Data, run::REPORT_STORE};

pub struct Job {
    pub name: String,
    /// Files that are there before, by name.
    pub files: Vec<(String, Content)>,
    pub steps: Vec<Step>,
    /// Servers of each engine.
    pub replicas: usize,
}

pub enum Content {
    Text(String),
    Copy(PathBuf),
}

/// One command line of `anomal`.
pub struct Step {
    pub arguments: Vec<String>,
    /// The file that is its standard input.
    pub stdin: Option<String>,
    /// Whether it uses the job's engine servers.
    pub engines: bool,
}

impl Job {
    fn new(name: impl Into<String>, settings: String) -> Self {
        let files = vec![("job.yaml".to_owned(), Content::Text(settings))];
        Self { name: name.into(), files, steps: Vec::new(), replicas: 0 }
    }

    fn file(mut self, name: &str, path: &Path) -> Self {
        self.files.push((name.to_owned(), Content::Copy(path.to_owned())));
        self
    }

    fn text(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), Content::Text(text.to_owned())));
        self
    }

    fn step(mut self, line: &str) -> Self {
        let arguments = line.split(' ').map(str::to_owned).collect();
        self.steps.push(Step { arguments, stdin: None, engines: false });
        self
    }

    fn step_with_input(mut self, line: &str, stdin: &str) -> Self {
        self = self.step(line);
        if let Some(step) = self.steps.last_mut() {
            step.stdin = Some(stdin.to_owned());
        }
        self
    }

    /// A step that runs on two replicas of each engine.
    fn remote_step(mut self, line: &str) -> Self {
        self = self.step(line);
        self.replicas = 2;
        if let Some(step) = self.steps.last_mut() {
            step.engines = true;
        }
        self
    }
}

/// The settings of an example, in parts.
struct Example {
    name: &'static str,
    folder: PathBuf,
    settings: String,
}

impl Example {
    fn read(examples: &Path, name: &'static str) -> Result<Self> {
        let folder = examples.join(name);
        let settings = fs::read_to_string(folder.join("job.yaml"))
            .with_context(|| format!("cannot read the settings of the example {name}"))?;
        Ok(Self { name, folder, settings })
    }

    fn table(&self) -> String {
        format!("{}.csv", self.name)
    }

    /// With other outputs.
    fn with_outputs(&self, outputs: &str) -> String {
        let (before, _) = self.settings.split_once("\noutputs:").unwrap_or((&self.settings, ""));
        format!("{before}\noutputs:\n{outputs}")
    }

    /// With other outputs and without classification.
    fn flags_only(&self, outputs: &str) -> String {
        let (before, _) =
            self.settings.split_once("\nclassification:").unwrap_or((&self.settings, ""));
        format!("{before}\noutputs:\n{outputs}")
    }

    fn job(&self, kind: &str, settings: String) -> Job {
        let name = if kind.is_empty() { self.name.into() } else { format!("{}-{kind}", self.name) };
        Job::new(name, settings).file(&self.table(), &self.folder.join(self.table()))
    }
}

const ALL_FORMATS: &str = "  - csv: {path: out.csv, include: [features, contributions]}
  - parquet: {path: out.parquet, include: [features, contributions]}
  - ndjson: {path: out.ndjson, include: [features, contributions]}
  - ndjson: {path: suspicious.ndjson, rows: suspicious}
  - terminal: {limit: 50}
";
const TWO_FILES: &str = "  - csv: {path: out.csv, include: [contributions]}
  - parquet: {path: out.parquet, include: [features, contributions]}
";

/// Every job, by the base version's examples.
///
/// # Errors
/// If an example cannot be read.
pub fn all(examples: &Path, data: &Data) -> Result<Vec<Job>> {
    let dns = Example::read(examples, "dns")?;
    let finance = Example::read(examples, "finance")?;
    let mut jobs = Vec::new();
    for example in [&dns, &finance] {
        jobs.push(example.job("", example.settings.clone()).step("run job.yaml"));
        jobs.push(example.job("formats", example.with_outputs(ALL_FORMATS)).step("run job.yaml"));
        jobs.push(report(example));
    }
    jobs.extend(generated(&dns, data));
    jobs.extend(inputs(&dns, &finance, data));
    jobs.push(model(&dns));
    jobs.extend(remote(&dns, data));
    jobs.push(refusals(&dns));
    Ok(jobs)
}

/// A report that is stored, not served, and exported in each format.
fn report(example: &Example) -> Job {
    let settings = format!("{}\nreport: {{title: Compared}}\n", example.settings);
    let store = format!("--report-store {REPORT_STORE}");
    let mut job = example.job("report", settings).step(&format!("run job.yaml {store}"));
    for file in ["report.csv", "report.parquet", "report.html", "report.pdf"] {
        job = job.step(&format!("report export latest --output {file} {store}"));
    }
    job.step(&format!("report export latest --suspects --output suspects.csv {store}"))
}

/// Detectors on many rows.
fn generated(dns: &Example, data: &Data) -> Vec<Job> {
    let large = |name: &str, settings| Job::new(name, settings).file("dns.csv", &data.dns_200k);
    let mut jobs: Vec<Job> = ["HBOS", "Ensemble", "ECOD"]
        .iter()
        .map(|engine| {
            let name = format!("{}-200k", engine.to_lowercase());
            let line = format!("run job.yaml --engine {engine}");
            large(&name, dns.with_outputs(TWO_FILES)).step(&line)
        })
        .collect();
    jobs.push(large("flags-200k", dns.flags_only(TWO_FILES)).step("run job.yaml"));
    let gower = Job::new("gower-20k", dns.with_outputs(TWO_FILES)).file("dns.csv", &data.dns_20k);
    jobs.push(gower.step("run job.yaml --engine Gower"));
    jobs
}

/// Other inputs: bad lines that are skipped, NDJSON, Parquet, gzip, standard input.
fn inputs(dns: &Example, finance: &Example, data: &Data) -> Vec<Job> {
    let of_dns =
        |input: &str| dns.with_outputs(TWO_FILES).replacen("csv: {path: dns.csv}", input, 1);
    let of_finance = |input: &str| {
        finance.with_outputs(TWO_FILES).replacen("csv: {path: finance.csv}", input, 1)
    };
    vec![
        Job::new("bad-lines", of_dns("csv: {path: dns.csv, badLines: skip}"))
            .file("dns.csv", &data.dns_bad_lines)
            .step("run job.yaml"),
        Job::new("ndjson-input", of_finance("ndjson: {path: finance.ndjson}"))
            .file("finance.ndjson", &data.finance_ndjson)
            .step("run job.yaml"),
        Job::new("parquet-input", of_finance("parquet: {path: finance.parquet}"))
            .file("finance.parquet", &data.finance_parquet)
            .step("run job.yaml"),
        Job::new("gzip-input", of_dns("csv: {path: dns.csv.gz}"))
            .file("dns.csv.gz", &data.dns_gzip)
            .step("run job.yaml"),
        dns.job("standard-input", dns.with_outputs(TWO_FILES))
            .step_with_input("run job.yaml --input -", "dns.csv"),
    ]
}

/// A model that is saved, and then loaded.
fn model(dns: &Example) -> Job {
    let settings = dns.with_outputs("  - terminal: {}\n");
    let (before, after) = settings.split_once("\nclassification:").unwrap_or((&settings, ""));
    let (_, outputs) = after.split_once("\noutputs:").unwrap_or_default();
    let classification = "classification: {engine: HBOS, seed: 0}";
    dns.job("model", format!("{before}\n{classification}\noutputs:{outputs}"))
        .step("fit job.yaml --engine HBOS --model dns.anomal")
        .step("score job.yaml --engine HBOS --model dns.anomal --output scored.parquet")
        .step("score job.yaml --engine HBOS --model dns.anomal --output scored.csv --summary json")
        .step("evaluate scored.csv --label label")
        .step("explain scored.csv --row 3983")
}

/// Two replicas of each engine.
fn remote(dns: &Example, data: &Data) -> Vec<Job> {
    let large = |name, settings| Job::new(name, settings).file("dns.csv", &data.dns_200k);
    vec![
        dns.job("remote-gower", dns.with_outputs(TWO_FILES)).remote_step("run job.yaml"),
        large("remote-hbos-200k", dns.with_outputs(TWO_FILES))
            .remote_step("run job.yaml --engine HBOS"),
        large("remote-flags-200k", dns.flags_only(TWO_FILES)).remote_step("run job.yaml"),
    ]
}

/// Failures: exit codes are a promise, and nothing is left behind.
fn refusals(dns: &Example) -> Job {
    dns.job("refusals", dns.settings.clone())
        .text("unknown-key.yaml", &format!("{}\nunknown: 1\n", dns.settings))
        .text("unknown-column.yaml", &dns.settings.replace("network.bytes", "network.byte"))
        .text("short.csv", "a,b\n1,2\n3\n")
        .text("short.yaml", "input: {csv: {path: short.csv}}\nfeatures: [{type: field, name: a}]\n")
        .step("run unknown-key.yaml")
        .step("run unknown-column.yaml")
        .step("run job.yaml --engine Gowr")
        .step("run job.yaml --input nothing.csv")
        .step("run job.yaml --output dns.csv")
        .step("run job.yaml --feature-engine http://127.0.0.1:1")
        .step("run short.yaml --output out.csv")
        .step("run job.yaml --fail-on high --output failed.csv")
}
