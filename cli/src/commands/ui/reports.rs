//! The report that is looked at. It is opened once; rows are read as they are seen.

use std::{path::PathBuf, sync::Arc};

use anomal_connectors::text::grouped;
use anomal_core::{Error, proto::Severity};
use anomal_report::{
    Access, LocalReportEngine, OpenReport,
    access::{Mode, Options},
    view::{self, display_name, filter::Filter},
};
use anomal_tui::{
    Effect, FeatureInfo, FlagCount, Incident, Message, Query, Reason, Record, Report, Rows, Suspect,
};
use jiff::Timestamp;
use tokio::runtime::Runtime;

use super::job::{short, typical};
use crate::{
    args::{PdfReport, ReportCommand, ReportStore, Reports as ReportArguments},
    commands::report,
    reports::ReportServer,
};

/// Characters of a record in a line of a list.
const LINE: usize = 400;

pub struct Reports {
    store: ReportStore,
    /// Of the pages.
    port: Option<u16>,
    runtime: Option<Runtime>,
    open: Option<Arc<OpenReport>>,
    /// The address of the pages, once they are served.
    pages: Option<String>,
}

impl Reports {
    pub fn new(store: ReportStore, port: Option<u16>) -> Self {
        Self { store, port, runtime: None, open: None, pages: None }
    }

    /// Does what is asked for.
    pub fn answer(&mut self, effect: Effect) -> Option<Message> {
        match effect {
            Effect::OpenReport { id } => Some(Message::Report(self.read(&id).map_err(message))),
            Effect::Rows(query) => {
                let generation = query.generation;
                let result = self.rows(&query).map_err(message);
                Some(Message::Rows { generation, result })
            }
            Effect::Record { row } => Some(Message::Record(self.record(row))),
            Effect::Browse { id } => Some(self.browse(&id)),
            Effect::Pdf { id, path } => Some(self.pdf(id, &path)),
            _ => None,
        }
    }

    fn runtime(&mut self) -> Result<&Runtime, Error> {
        if self.runtime.is_none() {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            self.runtime = Some(runtime.map_err(|error| Error::internal(error.to_string()))?);
        }
        self.runtime.as_ref().ok_or_else(Error::cancelled)
    }

    fn read(&mut self, id: &str) -> Result<Report, Error> {
        let engine = LocalReportEngine::new(self.store.open()?, "");
        let open = self.runtime()?.block_on(engine.open(id))?;
        let report = &open.report;
        let summaries = open.analysis.iter().flat_map(|analysis| &analysis.features);
        let summary = |name: &str| {
            summaries
                .clone()
                .find(|summary| summary.feature.as_ref().is_some_and(|f| f.name == name))
        };
        let features = report.features.iter().map(|feature| {
            let summary = summary(&feature.name);
            FeatureInfo {
                name: feature.name.clone(),
                weight: feature.weight,
                distinct: summary.map_or(0, |summary| summary.distinct),
                missing: summary.map_or(0, |summary| summary.missing),
                typical: summary.map(typical).unwrap_or_default(),
            }
        });
        let flags = report.flags.iter().map(|flag| FlagCount {
            name: flag.name.clone(),
            severity: severity(flag.severity()).to_owned(),
            rows: flag.rows,
            description: if flag.message.is_empty() {
                flag.description.clone()
            } else {
                flag.message.replace("{count}", &grouped(flag.rows))
            },
        });
        let incidents = open.incidents.iter().flat_map(|table| &table.incidents);
        let incidents = incidents.map(|incident| {
            let span = incident.span.as_ref();
            Incident {
                number: incident.number,
                title: incident.title.clone(),
                severity: severity(incident.severity()).to_owned(),
                risk: incident.risk,
                rows: incident.rows,
                first: span.map(|span| instant(span.first)).unwrap_or_default(),
                last: span.map(|span| instant(span.last)).unwrap_or_default(),
            }
        });
        let shown = Report {
            incidents: incidents.collect(),
            id: report.id.clone(),
            title: display_name(report).to_owned(),
            input: report.input.clone(),
            created: report.create_time.clone(),
            engine: report.engine.clone(),
            threshold: report.threshold.clone(),
            rows: report.rows,
            suspicious: report.suspicious,
            flagged: report.flagged,
            suspects: report.suspects,
            flags: flags.collect(),
            features: features.collect(),
        };
        self.open = Some(open);
        Ok(shown)
    }

    fn opened(&self) -> Result<&OpenReport, Error> {
        self.open.as_deref().ok_or_else(|| Error::not_found("no report is open"))
    }

    fn rows(&self, query: &Query) -> Result<Rows, Error> {
        let open = self.opened()?;
        let page = open.suspects(&view::Query {
            sort: query.sort.clone(),
            descending: query.descending,
            filter: Filter {
                search: query.search.clone(),
                incidents: query.incident.into_iter().collect(),
                flags: query.flag.iter().cloned().collect(),
                ..Filter::default()
            },
            offset: query.offset,
            limit: query.limit,
        })?;
        let rows = page.items.into_iter().map(|record| Suspect {
            row: record.row,
            score: record.score,
            severity: record.severity.map(severity).unwrap_or_default().to_owned(),
            flags: record.flags,
            why: record.explanation.unwrap_or_default(),
            record: line(&record.source),
        });
        Ok(Rows { offset: page.offset, total: page.total, rows: rows.collect() })
    }

    fn record(&self, row: u64) -> Result<Record, String> {
        let open = self.opened().map_err(message)?;
        let report = &open.report;
        let record = open.record(row).map_err(message)?;
        let record = record.ok_or_else(|| format!("row {row} is not among the results"))?;
        let summaries: Vec<_> =
            open.analysis.iter().flat_map(|analysis| &analysis.features).collect();
        let reasons = record.reasons.iter().map(|reason| {
            let at = report.features.iter().position(|feature| feature.name == reason.feature);
            let value = at.and_then(|at| record.features.get(at));
            let text =
                value.and_then(|value| value.number.map(short).or_else(|| value.text.clone()));
            let summary = summaries.iter().find(|summary| {
                summary.feature.as_ref().is_some_and(|feature| feature.name == reason.feature)
            });
            Reason {
                feature: reason.feature.clone(),
                share: reason.share,
                value: text.unwrap_or_else(|| "missing".to_owned()),
                typical: summary.map(|summary| typical(summary)).unwrap_or_default(),
            }
        });
        let names = report.columns.iter().map(|column| column.name.clone());
        Ok(Record {
            row: record.row,
            score: record.score,
            rank: record.rank,
            suspicious: record.suspicious,
            severity: record.severity.map(severity).unwrap_or_default().to_owned(),
            flags: record.flags.clone(),
            explanation: record.explanation.clone().unwrap_or_default(),
            reasons: reasons.collect(),
            values: names
                .zip(record.source.iter().map(|value| value.clone().unwrap_or_default()))
                .collect(),
        })
    }

    /// Serves the pages as long as the interface is open, and shows a report in the browser.
    fn browse(&mut self, id: &str) -> Message {
        let served = match &self.pages {
            Some(address) => Ok(address.clone()),
            None => self.serve().map_err(message),
        };
        let address = match served {
            Ok(address) => format!("{address}/reports/{id}"),
            Err(message) => return Message::Note(format!("The pages are not served: {message}")),
        };
        match open::that_detached(&address) {
            Ok(()) => Message::Note(format!("In the browser: {address}")),
            Err(_) => Message::Note(format!("No browser opens; open {address} yourself")),
        }
    }

    fn serve(&mut self) -> Result<String, Error> {
        let (store, port) = (self.store.clone(), self.port);
        let runtime = self.runtime()?;
        let server = runtime.block_on(ReportServer::on_loopback(&store, port))?;
        let address = server.address.clone();
        let access = Access::new(Mode::Open, Options::default())?;
        runtime.spawn(async move {
            // It is shown by the browser if the server fails.
            let _ = server.serve(access).await;
        });
        self.pages = Some(address.clone());
        Ok(address)
    }

    fn pdf(&self, id: String, path: &str) -> Message {
        let store = self.store.clone();
        let reports = ReportArguments { store, report_endpoint: Vec::new() };
        let output = PathBuf::from(path);
        match report::run(ReportCommand::Pdf(PdfReport { id, reports, full: false, output })) {
            Ok(_) => Message::Note(format!("Written to {path}")),
            Err(failure) => Message::Note(format!("The PDF is not written: {}", failure.message)),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that `map_err` needs")]
fn message(error: Error) -> String {
    error.to_string()
}

/// A time in microseconds since the epoch, to the second.
fn instant(microseconds: i64) -> String {
    let time = Timestamp::from_second(microseconds.div_euclid(1_000_000));
    time.map(|time| time.to_string()).unwrap_or_default()
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::Unspecified => "",
    }
}

/// Values of a record in a line.
fn line(values: &[Option<String>]) -> String {
    let mut line = String::new();
    for value in values.iter().flatten().filter(|value| !value.is_empty()) {
        if line.len() > LINE {
            break;
        }
        line.extend(value.chars().take(80));
        line.push_str("  ");
    }
    line
}
