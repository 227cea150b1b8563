//! The report, or the result file, that is looked at. It is opened once; rows are read as they are seen.

mod result_view;
mod stored;
mod times;
mod verdicts;

use std::{path::PathBuf, sync::Arc};

use anomal_core::Error;
use anomal_report::{
    Access, LocalReportEngine, OpenReport,
    access::{Mode, Options},
};
use anomal_tui::{Effect, Judged, Judgement, Message, Query, Record, Report, Rows};
use tokio::runtime::Runtime;

use self::result_view::ResultView;
pub use self::result_view::is_results;
use super::store::SessionStore;
use crate::{
    args::{PdfReport, ReportCommand, Reports as ReportArguments},
    commands::report,
    reports::ReportServer,
};

pub struct Reports {
    store: SessionStore,
    /// Of the pages.
    port: Option<u16>,
    runtime: Option<Runtime>,
    open: Option<Opened>,
    /// The address of the pages, once they are served.
    pages: Option<String>,
}

/// What is looked at.
enum Opened {
    Report(LocalReportEngine, Arc<OpenReport>),
    File(Box<ResultView>),
}

impl Reports {
    pub fn new(store: SessionStore, port: Option<u16>) -> Self {
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
            Effect::OpenResults { path } => Some(Message::Report(self.read_file(&path))),
            Effect::Record { row } => Some(Message::Record(self.record(row).map_err(message))),
            Effect::Judge(judgement) => {
                Some(Message::Judged(self.judge(judgement).map_err(message)))
            }
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

    /// Opens a report, with the verdicts on its incidents.
    fn read(&mut self, id: &str) -> Result<Report, Error> {
        let engine = LocalReportEngine::new(self.store.get().open()?, "");
        let runtime = self.runtime()?;
        let open = runtime.block_on(engine.open(id))?;
        let verdicts = engine.verdict_book(&open.report.namespace, &open.report.job);
        let shown = stored::report(&open, runtime.block_on(verdicts));
        self.open = Some(Opened::Report(engine, open));
        Ok(shown)
    }

    fn read_file(&mut self, path: &str) -> Result<Report, String> {
        let (file, report) = ResultView::open(path).map_err(|failure| failure.message)?;
        self.open = Some(Opened::File(Box::new(file)));
        Ok(report)
    }

    fn rows(&mut self, query: &Query) -> Result<Rows, Error> {
        match &mut self.open {
            Some(Opened::Report(_, open)) => stored::rows(open, query),
            Some(Opened::File(file)) => file.rows(query),
            None => Err(no_report()),
        }
    }

    fn record(&self, row: u64) -> Result<Record, Error> {
        match &self.open {
            Some(Opened::Report(_, open)) => stored::record(open, row),
            Some(Opened::File(file)) => file.record(row),
            None => Err(no_report()),
        }
    }

    fn judge(&mut self, judgement: Judgement) -> Result<Judged, Error> {
        let Some(Opened::Report(engine, open)) = &self.open else { return Err(no_report()) };
        let (engine, open) = (engine.clone(), Arc::clone(open));
        self.runtime()?.block_on(verdicts::judge(&engine, &open, judgement))
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
        let (store, port) = (self.store.get(), self.port);
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
        let store = self.store.get();
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

fn no_report() -> Error {
    Error::not_found("no report is open")
}
