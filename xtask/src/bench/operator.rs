//! `cargo xtask bench operator`: how fast the operator reconciles many jobs, and what CPU and memory it needs.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{Read, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anomal_testbed::Cluster;
use anyhow::{Context, Result, bail};

use crate::cargo::{build, target};

const NAMESPACE: &str = "bench-operator";
const METRICS: &str = "127.0.0.1:9499";
/// Without a reconcile for this long, the operator has settled.
const SETTLED: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(30);
/// Of `/proc/PID/stat`; the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Prints a table row for each number of jobs, from the operator's metrics and /proc.
pub fn run(counts: &[usize]) -> Result<()> {
    build()?;
    let cluster = Cluster::up()?;
    let definition = Command::new(program()).arg("crd").output()?.stdout;
    let file = target().join("bench-crd.yaml");
    fs::write(&file, definition)?;
    let file = file.to_string_lossy().into_owned();
    cluster.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", &file])?;
    cluster.kubectl(&["wait", "--for=condition=Established", "crd/anomalyjobs.anomal.dev"])?;
    show(
        "| jobs | applied s | all stable s | reconciles | p50 ms | p99 ms | memory MB | idle CPU % | again p50 ms | again p99 ms |",
    );
    show("|---|---|---|---|---|---|---|---|---|---|");
    counts.iter().try_for_each(|count| measure(&cluster, *count))
}

fn measure(cluster: &Cluster, count: usize) -> Result<()> {
    cluster.apply(&format!(
        r#"{{"apiVersion": "v1", "kind": "Namespace", "metadata": {{"name": "{NAMESPACE}"}}}}"#
    ))?;
    let operator = Operator::start(cluster)?;
    let began = Instant::now();
    cluster.apply(&jobs(count))?;
    let applied = began.elapsed();
    let line = format!(r#"anomal_operator_jobs{{state="Suspended"}} {count}"#);
    while !Operator::metrics()?.lines().any(|found| found == line) {
        if began.elapsed() > Duration::from_mins(20) {
            bail!("{count} jobs are not stable after 20 minutes");
        }
        thread::sleep(Duration::from_millis(500));
    }
    let stable = began.elapsed();
    // Kubernetes' own controllers still change the Jobs, which causes reconciles too.
    let mut settled = buckets(&Operator::metrics()?);
    while {
        thread::sleep(SETTLED);
        total(&since(&settled)) > 0.0
    } {
        settled = buckets(&Operator::metrics()?);
    }
    let before = operator.cpu_seconds()?;
    thread::sleep(IDLE);
    let idle = (operator.cpu_seconds()? - before) / IDLE.as_secs_f64() * 100.0;
    let reconciled = buckets(&Operator::metrics()?);
    // A label causes one more reconcile of each, with nothing to do.
    let touch = ["label", "anomalyjobs", "--all", "touched=yes", "--namespace", NAMESPACE];
    cluster.kubectl(&touch)?;
    let mut again = since(&reconciled);
    while total(&again) < count as f64 {
        thread::sleep(Duration::from_millis(500));
        again = since(&reconciled);
    }
    show(&format!(
        "| {count} | {:.1} | {:.1} | {} | ≤ {} | ≤ {} | {:.0} | {idle:.1} | ≤ {} | ≤ {} |",
        applied.as_secs_f64(),
        stable.as_secs_f64(),
        total(&reconciled),
        quantile(&reconciled, 0.5) * 1e3,
        quantile(&reconciled, 0.99) * 1e3,
        operator.memory_mb()?,
        quantile(&again, 0.5) * 1e3,
        quantile(&again, 0.99) * 1e3,
    ));
    drop(operator);
    cluster.kubectl(&["delete", "namespace", NAMESPACE, "--wait", "--timeout=20m"]).map(drop)
}

/// Suspended jobs: each has its Job and settings, and no pod.
fn jobs(count: usize) -> String {
    let mut manifest = String::new();
    for index in 0..count {
        let _ = write!(
            manifest,
            "apiVersion: anomal.dev/v1alpha1
kind: AnomalyJob
metadata: {{name: job-{index}, namespace: {NAMESPACE}}}
spec:
  suspend: true
  input: {{csv: {{path: 's3://bucket/logs-{index}.csv'}}}}
  features: [{{type: field, name: bytes}}, {{type: field, name: answers}}]
  classification: {{engine: KNN, parameters: {{nNeighbors: 2}}}}
---
"
        );
    }
    manifest
}

/// Upper bounds of reconcile seconds, with the number of reconciles that took no longer.
type Buckets = Vec<(f64, f64)>;

/// An upper bound of a quantile.
fn quantile(buckets: &Buckets, quantile: f64) -> f64 {
    let wanted = total(buckets) * quantile;
    let found = buckets.iter().find(|(_, count)| *count >= wanted);
    found.map_or(f64::NAN, |(bound, _)| *bound)
}

fn total(buckets: &Buckets) -> f64 {
    buckets.last().map_or(0.0, |(_, count)| *count)
}

/// The reconciles since then.
fn since(before: &Buckets) -> Buckets {
    let now = buckets(&Operator::metrics().unwrap_or_default());
    now.iter().zip(before).map(|(now, before)| (now.0, now.1 - before.1)).collect()
}

fn buckets(metrics: &str) -> Buckets {
    let lines = metrics.lines().filter_map(|line| {
        let line = line.strip_prefix("anomal_operator_reconcile_duration_seconds_bucket{le=\"")?;
        let (bound, count) = line.split_once("\"} ")?;
        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
        Some((bound, count.parse().ok()?))
    });
    lines.collect()
}

fn program() -> std::path::PathBuf {
    target().join("release/anomal-operator")
}

struct Operator(Child);

impl Operator {
    fn start(cluster: &Cluster) -> Result<Self> {
        let log = File::create(target().join("bench-operator.log"))?;
        let mut command = Command::new(program());
        command
            .args([
                "--namespaces",
                NAMESPACE,
                "--runner-image",
                "none",
                "--metrics-listen",
                METRICS,
            ])
            .env("KUBECONFIG", cluster.kubeconfig())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let operator = Self(command.spawn().context("cannot start anomal-operator")?);
        let began = Instant::now();
        while Operator::metrics().is_err() {
            if began.elapsed() > Duration::from_secs(30) {
                bail!("the operator does not answer; see bench-operator.log beside the programs");
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(operator)
    }

    fn metrics() -> Result<String> {
        let mut stream = TcpStream::connect(METRICS)?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: operator\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }

    fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // After the name, which may contain any character, user and system ticks are fields 12 and 13.
        let fields = stat.rsplit_once(") ").context("no name in stat")?.1;
        let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<f64>);
        Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_SECOND)
    }

    fn memory_mb(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: f64 =
            line.and_then(|line| line.trim().strip_suffix(" kB")).context("no VmRSS")?.parse()?;
        Ok(kib * 1024.0 / 1e6)
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(clippy::print_stdout, reason = "the result")]
fn show(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_bounded_by_its_bucket() {
        let name = "anomal_operator_reconcile_duration_seconds_bucket";
        let metrics = [("0.001", 50), ("0.1", 98), ("1.0", 100), ("+Inf", 100)]
            .map(|(bound, count)| format!("{name}{{le=\"{bound}\"}} {count}"))
            .join("\n");
        let metrics = buckets(&metrics);
        assert!((quantile(&metrics, 0.5) - 0.001).abs() < 1e-9);
        assert!((quantile(&metrics, 0.99) - 1.0).abs() < 1e-9);
        assert!(quantile(&buckets(""), 0.5).is_nan());
    }
}
