//! `anomal job status`.

use std::fmt::Write;

use anomal_connectors::terminal::harmless;
use anomal_core::words::grouped;
use anomal_operator::api::{AnomalyJob, Condition, Status, StreamFigures, Summary, condition};
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};

use super::{
    client::Cluster,
    hints::hint,
    invocation::Invocation,
    pod::{self, ProgressLine},
    state,
    table::{Table, age, age_since},
};
use crate::{
    commands::{CommandResult, print},
    present::error::Failure,
};

/// The width of the column of names.
const INDENT: usize = 12;

/// Prints the status of a job.
pub async fn print_status(cluster: &Cluster, job: &AnomalyJob) -> CommandResult {
    print(&text(cluster, job).await)
}

/// The status of a job with its pods and its progress.
pub async fn text(cluster: &Cluster, job: &AnomalyJob) -> String {
    // Without permission to see pods, the rest is still printed.
    let pods = cluster.pods_of(job).await;
    let progress = match &pods {
        Ok(pods) => pod::progress(cluster, pods).await,
        Err(_) => None,
    };
    let report = StatusReport { job, pods, progress, now: Timestamp::now() };
    report.text(&cluster.invocation)
}

/// A job with its pods, at a point in time.
struct StatusReport<'a> {
    job: &'a AnomalyJob,
    pods: Result<Vec<Pod>, Failure>,
    progress: Option<ProgressLine>,
    now: Timestamp,
}

impl StatusReport<'_> {
    fn text(&self, invocation: &Invocation) -> String {
        let metadata = &self.job.metadata;
        let mut page = Page::default();
        page.line("Name", metadata.name.as_deref().unwrap_or_default());
        page.line("Namespace", metadata.namespace.as_deref().unwrap_or_default());
        let status = self.job.status.clone().unwrap_or_default();
        self.state(&mut page, &status);
        if let Some(hint) = hint(self.job, invocation) {
            page.line("To do", &hint);
        }
        if let Some(progress) = &self.progress {
            let ago = age(progress.at, self.now);
            page.line("Progress", &format!("{} ({ago} ago)", progress.text));
        }
        self.run(&mut page, &status);
        if let Some(summary) = &status.summary {
            page.lines("Found", &describe_summary(summary));
        }
        if let Some(figures) = &status.stream {
            page.lines("Found", &describe_stream(figures, self.now));
        }
        if let Some(url) = &status.report_url {
            page.line("Report", &harmless(url, 1_024));
        }
        page.text.push_str(&conditions(&status, self.now));
        page.text
    }

    fn state(&self, page: &mut Page, status: &Status) {
        if self.job.status.is_none() {
            return page.line("Status", "none yet");
        }
        let since = status.conditions.iter().filter(|condition| condition.status == "True");
        let since = since.map(|condition| condition.last_transition_time.as_str()).max();
        let since = since.and_then(|since| age_since(since, self.now));
        let since = since.map(|since| format!(", for {since}")).unwrap_or_default();
        let mut lines = vec![format!("{}{since}", state::describe(status))];
        lines.extend(state::message(status));
        page.lines("Status", &lines);
    }

    fn run(&self, page: &mut Page, status: &Status) {
        let ago = |time: &Option<String>| {
            time.as_ref().and_then(|time| age_since(time, self.now)).map(|age| format!("{age} ago"))
        };
        if let Some(run) = &status.run {
            let attempts = match status.attempts {
                None | Some(0) => None,
                Some(1) => Some("1 attempt".to_owned()),
                Some(more) => Some(format!("{more} attempts")),
            };
            let started = ago(&status.start_time).map(|ago| format!("started {ago}"));
            let ended = ago(&status.completion_time).map(|ago| format!("ended {ago}"));
            let parts = [Some(harmless(run, 63)), attempts, started, ended];
            page.line("Run", &parts.into_iter().flatten().collect::<Vec<_>>().join(", "));
        }
        if let Some(last) = ago(&status.last_schedule_time) {
            page.line("Scheduled", &format!("the last run was due {last}"));
        }
        if let Some(job) = &status.job_name {
            page.line("Job", &harmless(job, 253));
        }
        match &self.pods {
            Ok(pods) => {
                let newest = pods.iter().rev().take(3).rev();
                let lines: Vec<String> = newest.map(|pod| pod::describe(pod, self.now)).collect();
                page.lines(if lines.len() > 1 { "Pods" } else { "Pod" }, &lines);
            }
            Err(failure) => page.line("Pod", &format!("unknown: {}", failure.message)),
        }
    }
}

/// Lines of a name at the left and a text at the right.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, name: &str, text: &str) {
        let name = format!("{name}:");
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{name:INDENT$} {text}");
        self.text.truncate(self.text.trim_end().len());
        self.text.push('\n');
    }

    fn lines(&mut self, name: &str, texts: &[String]) {
        let mut texts = texts.iter();
        if let Some(first) = texts.next() {
            self.line(name, first);
        }
        for text in texts {
            let _ = writeln!(self.text, "{:INDENT$} {text}", "");
        }
    }
}

fn describe_summary(summary: &Summary) -> Vec<String> {
    let by = summary.engine.as_ref().map(|engine| format!(" by {}", harmless(engine, 100)));
    let rows = grouped(summary.rows);
    let mut lines = vec![format!("{rows} rows in {:.2} s", summary.duration_seconds)];
    // Without classification, there are no suspicious rows to count.
    if let Some(by) = by {
        lines.push(format!("{} suspicious{by}", grouped(summary.suspicious)));
    }
    let severities = ["high", "medium", "low"];
    let known = severities.iter().filter_map(|name| Some((*name, summary.flags.get(*name)?)));
    let flags: Vec<String> =
        known.map(|(name, hits)| format!("{} {name}", grouped(hits))).collect();
    let flags = if flags.is_empty() { String::new() } else { format!(" ({})", flags.join(", ")) };
    let hits = if summary.flag_hits == 1 { "hit" } else { "hits" };
    lines.push(format!("{} {hits} of flags{flags}", grouped(summary.flag_hits)));
    let left_out = [(summary.filtered, "filtered"), (summary.rejected, "rejected")];
    let left_out = left_out.iter().filter(|(rows, _)| *rows > 0);
    lines.extend(left_out.map(|(rows, how)| format!("{} {how}", grouped(rows))));
    lines
}

/// What a stream has found since its beginning, and how it is.
fn describe_stream(figures: &StreamFigures, now: Timestamp) -> Vec<String> {
    let ago = |time: &str| age_since(time, now).map(|age| format!("{age} ago"));
    let asked = ago(&figures.observed_at).map(|ago| format!(" ({ago})")).unwrap_or_default();
    let rate = figures.rate.map(|rate| format!(", {rate} a second")).unwrap_or_default();
    let mut lines = vec![
        format!("{} records{rate}{asked}", grouped(figures.rows)),
        format!(
            "{} suspicious, {} with flags",
            grouped(figures.suspicious),
            grouped(figures.flagged)
        ),
    ];
    let left_out = [
        (figures.filtered, "filtered"),
        (figures.rejected, "rejected"),
        (figures.refused, "refused by an output"),
        (figures.lost, "lost before they were read"),
    ];
    let left_out = left_out.iter().filter(|(rows, _)| *rows > 0);
    lines.extend(left_out.map(|(rows, how)| format!("{} {how}", grouped(*rows))));
    let mut how = vec![if figures.caught_up { "caught up" } else { "behind" }.to_owned()];
    how.extend(figures.model.map(|model| format!("model {model}")));
    if let Some(ago) = figures.last_checkpoint.as_deref().and_then(ago) {
        how.push(format!("last checkpoint {ago}"));
    }
    lines.push(how.join(", "));
    lines
}

/// The table of conditions, with messages that differ from the status message, which is printed above.
fn conditions(status: &Status, now: Timestamp) -> String {
    if status.conditions.is_empty() {
        return String::new();
    }
    let printed = status.condition(condition::READY).map_or("", |ready| ready.message.as_str());
    let row = |condition: &Condition| {
        let since = age_since(&condition.last_transition_time, now).unwrap_or_default();
        let message = Some(&condition.message).filter(|message| *message != printed);
        vec![
            harmless(&condition.condition, 64),
            harmless(&condition.status, 16),
            since,
            harmless(&condition.reason, 128),
            message.map(|message| harmless(message, 200)).unwrap_or_default(),
        ]
    };
    let mut lines: Vec<Vec<String>> = status.conditions.iter().map(row).collect();
    lines.insert(0, ["CONDITION", "STATUS", "SINCE", "REASON", ""].map(str::to_owned).into());
    let mut table = Table::for_rows(&lines);
    lines.iter().fold("\n".to_owned(), |text, line| text + &table.line(line))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:10:00Z".parse().unwrap()
    }

    fn job(status: &Value) -> AnomalyJob {
        let metadata = json!({"name": "dns", "namespace": "blue", "generation": 1});
        serde_json::from_value(json!({"metadata": metadata, "spec": {}, "status": status})).unwrap()
    }

    fn pod(name: &str, state: &Value) -> Pod {
        let container = json!({
            "name": "runner", "state": state, "image": "", "imageID": "", "ready": false, "restartCount": 0,
        });
        let status = json!({"containerStatuses": [container]});
        serde_json::from_value(json!({"metadata": {"name": name}, "status": status})).unwrap()
    }

    fn condition(name: &str, holds: &str, message: &str) -> Value {
        let at = "2026-01-01T00:09:58Z";
        json!({"type": name, "status": holds, "reason": "Why", "message": message, "lastTransitionTime": at})
    }

    fn text(
        job: &AnomalyJob,
        pods: Result<Vec<Pod>, Failure>,
        progress: Option<ProgressLine>,
    ) -> String {
        let invocation = Invocation { program: "anomal job", options: " -n blue".into() };
        StatusReport { job, pods, progress, now: now() }.text(&invocation)
    }

    #[test]
    fn a_complete_job() {
        let job = job(&json!({
            "observedGeneration": 1, "phase": "Complete", "reason": "Completed", "run": "1f2e", "attempts": 2,
            "jobName": "dns-1f2e", "startTime": "2026-01-01T00:08:40Z",
            "completionTime": "2026-01-01T00:09:58Z", "reportURL": "https://reports.example.org/\u{1b}1",
            "summary": {
                "rows": 5000, "rejected": 3, "suspicious": 100, "flags": {"low": 384, "high": 21},
                "flagHits": 405, "engine": "Gower", "durationSeconds": 12.34,
            },
            "conditions": [
                condition("Ready", "True", "5000 rows"),
                condition("Complete", "True", "5000 rows"),
                condition("Failed", "False", "other"),
            ],
        }));
        let at = "2026-01-01T00:09:58Z";
        let ended = json!({"terminated": {"exitCode": 0, "finishedAt": at}});
        let failed = json!({"terminated": {"exitCode": 1, "finishedAt": at}});
        let pods = vec![pod("dns-1f2e-a", &failed), pod("dns-1f2e-b", &ended)];
        let expected = "\
Name:        dns
Namespace:   blue
Status:      Complete, for 2s
             5000 rows
Run:         1f2e, 2 attempts, started 80s ago, ended 2s ago
Job:         dns-1f2e
Pods:        dns-1f2e-a failed with exit code 1 2s ago
             dns-1f2e-b succeeded 2s ago
Found:       5,000 rows in 12.34 s
             100 suspicious by Gower
             405 hits of flags (21 high, 384 low)
             3 rejected
Report:      https://reports.example.org/\\u{1b}1

CONDITION   STATUS   SINCE   REASON
Ready       True     2s      Why
Complete    True     2s      Why
Failed      False    2s      Why      other
";
        assert_eq!(text(&job, Ok(pods), None), expected);
    }

    #[test]
    fn a_stream_says_what_it_has_found_and_how_it_is() {
        let job = job(&json!({
            "observedGeneration": 1, "phase": "Streaming", "reason": "Streaming",
            "stream": {
                "observedAt": "2026-01-01T00:09:58Z", "rows": 4_812_004, "rate": 1230.0, "rejected": 3, "suspicious": 96,
                "flagged": 7, "warm": true, "caughtUp": true, "lastCheckpoint": "2026-01-01T00:09:55Z", "model": 2,
            },
        }));
        let report = text(&job, Ok(Vec::new()), None);
        let expected = "\
Found:       4,812,004 records, 1230 a second (2s ago)
             96 suspicious, 7 with flags
             3 rejected
             caught up, model 2, last checkpoint 5s ago
";
        assert!(report.contains(expected), "{report}");
    }

    #[test]
    fn a_pending_job_has_a_hint() {
        let job = job(&json!({
            "observedGeneration": 1, "phase": "Pending", "reason": "SecretNotFound",
            "conditions": [condition("Ready", "False", "secret \"a\" not found\nin blue")],
        }));
        let report = text(&job, Err(Failure::usage("no right")), None);
        let lines: Vec<&str> = report.lines().collect();
        assert_eq!(lines[2], "Status:      Pending (SecretNotFound)");
        assert_eq!(lines[3], "             secret \"a\" not found");
        assert_eq!(lines[4], "             in blue");
        assert!(lines[5].starts_with("To do:       create the Secret"), "{report}");
        assert_eq!(lines[6], "Pod:         unknown: no right");
        let none = text(&self::job(&Value::Null), Ok(Vec::new()), None);
        assert!(
            none.contains("Status:      none yet\nTo do:       the operator has not"),
            "{none}"
        );
    }

    #[test]
    fn a_running_job_has_its_progress_with_its_age() {
        let job = job(&json!({"observedGeneration": 1, "phase": "Running", "reason": "Running"}));
        let at = "2026-01-01T00:09:56Z".parse().unwrap();
        let progress = ProgressLine { text: "classify: 5 rows".into(), at };
        let report = text(&job, Ok(Vec::new()), Some(progress));
        assert!(report.contains("\nProgress:    classify: 5 rows (4s ago)\n"), "{report}");
    }
}
