//! The figures of a run: for people, for `--summary json`, and for a pod's termination message.

use std::time::Instant;

use anomal_connectors::InputSummary;
use anomal_core::{
    Error, Result, Statistics,
    proto::{Diagnostic, Plan, StepStatistics, ThresholdResult},
};
use anomal_dataflow::WriteOutcome;
use anomal_spec::{AnomalyJob, Filter, Severity};
use serde::Serialize;
use tracing::{Instrument, Span, instrument::Instrumented};

use crate::{
    collector::IncidentRows,
    drift::Drift,
    incidents::{EntityRisk, Incident, entity_risks},
    operators::classify::Scoring,
    progress::{Observer, Stage},
    roles::ColumnRoles,
    suppressions::SuppressionSummary,
    suspects::Suspect,
    tally::Tally,
};

/// Incidents that a summary describes.
const INCIDENTS: usize = 100;
/// Entities that a summary lists.
const ENTITIES: usize = 100;

/// Counts balance: `rows = rejected + filtered + results`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub job: String,
    /// Records read.
    pub rows: u64,
    pub rejected: u64,
    pub filtered: u64,
    pub filters: Vec<FilterSummary>,
    /// Rows in the result table.
    pub results: u64,
    /// Rows above the threshold.
    pub suspicious: u64,
    /// Rows hit by any flag.
    pub flagged: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<String>,
    pub features: usize,
    pub flags: Vec<FlagSummary>,
    /// Rows that are suspicious or that a flag has hit.
    pub evidence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<ColumnRoles>,
    /// Absent where rows are not grouped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident_count: Option<IncidentCount>,
    /// The first of them, the highest risk first.
    pub incidents: Vec<Incident>,
    /// What became of suppressions; absent where the settings name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressions: Option<SuppressionSummary>,
    /// The first of the things that incidents are about, the highest risk first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<EntityRisk>,
    pub suspects: Vec<Suspect>,
    pub outputs: Vec<WriteOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<WriteOutcome>,
    /// The report, where one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<PublishedReport>,
    pub duration_seconds: f64,
    pub stages: Vec<StageTime>,
    pub steps: Vec<StepStatistics>,
    /// Of each feature, where rows were scored by a model that was loaded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
    pub diagnostics: Vec<Diagnostic>,
    /// Values that count as missing since they are not of their column's type, and restarts with wider types.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<InputSummary>,
}

/// The number of incidents by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentCount {
    pub high: u64,
    pub medium: u64,
    pub low: u64,
    /// Those that the run is quiet about, of any severity; not among the others.
    pub suppressed: u64,
}

impl IncidentCount {
    /// Of all severities, with those that are suppressed.
    pub fn total(&self) -> u64 {
        self.loud() + self.suppressed
    }

    /// Without those that are suppressed.
    pub fn loud(&self) -> u64 {
        self.high + self.medium + self.low
    }
}

/// A report that was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedReport {
    pub id: String,
    /// Empty where nothing serves it.
    pub url: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterSummary {
    pub name: String,
    pub rows: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlagSummary {
    pub name: String,
    pub severity: Severity,
    pub description: String,
    pub message: String,
    /// Rows hit.
    pub rows: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageTime {
    pub stage: Stage,
    pub seconds: f64,
}

/// What was counted and written.
pub(crate) struct Parts {
    pub statistics: Statistics,
    pub tally: Tally,
    pub outputs: Vec<WriteOutcome>,
    pub dead_letter: Option<WriteOutcome>,
}

impl Summary {
    /// # Errors
    /// `Internal` if the counts do not balance: a row was lost.
    pub(crate) fn new(
        job: &AnomalyJob,
        plan: &Plan,
        parts: Parts,
        scoring: Option<&Scoring>,
        clock: Clock<'_>,
    ) -> Result<Self> {
        let (duration_seconds, stages) = clock.stop();
        let Parts { statistics, tally, outputs, dead_letter } = parts;
        let analysis = scoring.map(|scoring| &scoring.analysis);
        let scoring_steps = scoring.map(|scoring| scoring.steps.clone()).unwrap_or_default();
        let filtered = statistics.filtered_total();
        if statistics.read != statistics.rejected + filtered + tally.rows {
            return Err(Error::internal(format!(
                "{} rows were read, {} rejected, {filtered} filtered and {} written: some are lost",
                statistics.read, statistics.rejected, tally.rows
            )));
        }
        let filter = |filter: &Filter| FilterSummary {
            name: filter.name.clone(),
            rows: statistics.filtered.get(&filter.name).copied().unwrap_or(0),
        };
        let found = analysis.map(|analysis| analysis.diagnostics.clone()).unwrap_or_default();
        Ok(Self {
            job: job.metadata.name.clone(),
            rows: statistics.read,
            rejected: statistics.rejected,
            filtered,
            filters: job.spec.filters.iter().map(filter).collect(),
            results: tally.rows,
            suspicious: tally.suspicious,
            flagged: tally.flagged,
            engine: analysis.map(|analysis| analysis.detector.clone()),
            threshold: analysis.and_then(|analysis| analysis.threshold.as_ref()).map(threshold),
            features: plan.features.len(),
            flags: tally.flags,
            evidence: tally.evidence,
            roles: None,
            incident_count: None,
            incidents: Vec::new(),
            suppressions: None,
            entities: Vec::new(),
            suspects: tally.suspects.into_vec(),
            outputs,
            dead_letter,
            report: None,
            duration_seconds,
            stages,
            steps: [statistics.steps, scoring_steps].concat(),
            drift: scoring.map(|scoring| scoring.drift.clone()).unwrap_or_default(),
            input: None,
            diagnostics: [plan.diagnostics.clone(), statistics.diagnostics, found].concat(),
        })
    }

    /// Adds what was found out about the types of the input.
    pub(crate) fn add_input(&mut self, notes: Vec<Diagnostic>, input: Option<InputSummary>) {
        self.diagnostics.extend(notes);
        self.input = input;
    }

    /// Adds the incidents, and each suspect's.
    ///
    /// # Errors
    /// `Output` if the numbers of rows are in a file that can't be read again.
    pub(crate) fn add_incidents(
        &mut self,
        roles: ColumnRoles,
        incidents: IncidentRows,
    ) -> Result<()> {
        let rows: Vec<u64> = self.suspects.iter().map(|suspect| suspect.row).collect();
        for (suspect, incident) in self.suspects.iter_mut().zip(incidents.numbers.of(&rows)?) {
            suspect.incident = incident;
        }
        let note = |reason: &str, message: String| Diagnostic {
            path: "roles".to_owned(),
            reason: reason.to_owned(),
            message,
            count: 0,
        };
        let unused = incidents.unused.iter();
        self.diagnostics.extend(unused.map(|text| note("ROLE_UNUSED", text.clone())));
        if !incidents.set.coarser.is_empty() {
            let message = format!(
                "there are very many findings, so these are grouped more coarsely: {}",
                incidents.set.coarser.join("; ")
            );
            self.diagnostics.push(note("INCIDENTS_COARSER", message));
        }
        let [low, medium, high] = incidents.set.by_severity;
        let mut count = IncidentCount { high, medium, low, suppressed: 0 };
        for quiet in incidents.suppressions.iter().flat_map(|it| &it.quiet) {
            *match quiet.severity {
                Severity::High => &mut count.high,
                Severity::Medium => &mut count.medium,
                Severity::Low => &mut count.low,
            } -= 1;
            count.suppressed += 1;
        }
        self.incident_count = Some(count);
        if let Some(found) = &incidents.suppressions {
            self.diagnostics.extend(found.notes());
        }
        self.suppressions = incidents.suppressions;
        self.incidents = incidents.set.incidents;
        self.entities = entity_risks(&self.incidents);
        self.entities.truncate(ENTITIES);
        self.incidents.truncate(INCIDENTS);
        if roles.entities.is_empty() && self.evidence > 0 {
            let message = "no column is known to name a host, user or domain; `roles.entities` would group by one";
            self.diagnostics.push(note("NO_ENTITY", message.to_owned()));
        }
        self.roles = Some(roles);
        Ok(())
    }

    /// Adds the report, and the time that it took.
    pub(crate) fn published(&mut self, report: PublishedReport, since: Instant) {
        let seconds = since.elapsed().as_secs_f64();
        self.report = Some(report);
        self.duration_seconds += seconds;
        self.stages.push(StageTime { stage: Stage::Publish, seconds });
    }

    /// The highest severity of a flag that hit something.
    pub fn highest_severity(&self) -> Option<Severity> {
        self.flags.iter().filter(|flag| flag.rows > 0).map(|flag| flag.severity).max()
    }
}

fn threshold(threshold: &ThresholdResult) -> String {
    match threshold.value {
        Some(value) => format!("{} {value}", threshold.method),
        None => threshold.method.clone(),
    }
}

/// Times the stages, and reports them to the observer.
pub(crate) struct Clock<'a> {
    pub observer: &'a dyn Observer,
    started: Instant,
    /// With its span, which ends when the next stage begins.
    stage: Option<(Stage, Instant, Span)>,
    stages: Vec<StageTime>,
}

impl<'a> Clock<'a> {
    pub fn start(observer: &'a dyn Observer) -> Self {
        Self { observer, started: Instant::now(), stage: None, stages: Vec::new() }
    }

    pub fn enter(&mut self, stage: Stage) {
        self.leave();
        self.stage = Some((stage, Instant::now(), stage.span()));
        self.observer.stage(stage);
    }

    /// The span of the stage: calls of engines belong to it in the run's trace.
    pub fn span(&self) -> Span {
        self.stage.as_ref().map_or_else(Span::none, |(_, _, span)| span.clone())
    }

    /// Work of this stage.
    pub fn within<W>(&self, work: W) -> Instrumented<W> {
        work.instrument(self.span())
    }

    fn leave(&mut self) {
        if let Some((stage, since, _)) = self.stage.take() {
            self.stages.push(StageTime { stage, seconds: since.elapsed().as_secs_f64() });
        }
    }

    /// The whole time in seconds, and each stage's.
    pub fn stop(mut self) -> (f64, Vec<StageTime>) {
        self.leave();
        (self.started.elapsed().as_secs_f64(), self.stages)
    }
}
