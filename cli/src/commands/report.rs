//! `anomal report`: stored reports.

use std::{
    ffi::OsStr,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use anomal_connectors::{Access, AtomicFile, terminal::harmless};
use anomal_core::{
    ReportEngine, Result,
    proto::{ExportFormat, ExportReportRequest, ListReportsRequest, Report},
};
use anomal_storage::Secrets;
use comfy_table::{ContentArrangement, Table, presets};
use futures::TryStreamExt;
use tokio::runtime::Runtime;

use super::{CommandResult, print, verdicts::latest};
use crate::{
    args::{
        CaseReport, ExportAs, ExportReport, LabelsReport, ListReports, PdfReport, ReportCommand,
        Reports, ServeReports,
    },
    exit,
    present::error::{Failure, note},
    reports::ReportServer,
};

pub fn run(command: ReportCommand) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match command {
        ReportCommand::Serve(arguments) => serve(&runtime, &arguments),
        ReportCommand::List(arguments) => list(&runtime, &arguments),
        ReportCommand::Export(arguments) => export(&runtime, &arguments),
        ReportCommand::Pdf(arguments) => {
            let PdfReport { id, reports, full, output } = arguments;
            let export_as = ExportReport {
                id,
                reports,
                format: Some(ExportAs::Pdf),
                suspects: false,
                flag: None,
                filter: None,
                full,
                output,
            };
            export(&runtime, &export_as)
        }
        ReportCommand::Case(arguments) => case(&runtime, &arguments),
        ReportCommand::Labels(arguments) => labels(&runtime, &arguments),
        ReportCommand::Delete(arguments) => runtime.block_on(async {
            arguments.reports.engine().await?.delete(&arguments.id).await?;
            Ok(exit::DONE)
        }),
    }
}

fn serve(runtime: &Runtime, arguments: &ServeReports) -> CommandResult {
    let _telemetry = anomal_telemetry::init_cli("anomal", 0, false);
    runtime.block_on(async {
        let of_port = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listen = arguments.report_port.map_or(arguments.listen, of_port);
        let pages = ReportServer::on_address(&arguments.store, listen).await?;
        let access = arguments.access.to_access(&[pages.listening()?], false).await?;
        show(&pages.address, arguments.open);
        pages.serve(access).await?;
        Ok(exit::DONE)
    })
}

/// Prints the address of the pages, and opens them in the browser if `open` is set.
pub fn show(address: &str, open: bool) {
    note(&format!("The report is at {address} (Ctrl-C stops the server)"));
    if open && let Err(error) = open::that_detached(address) {
        note(&format!("cannot open a browser: {error}; open the address yourself"));
    }
}

fn list(runtime: &Runtime, arguments: &ListReports) -> CommandResult {
    let reports = runtime.block_on(async {
        let engine = arguments.reports.engine().await?;
        let mut request = ListReportsRequest {
            search: arguments.search.clone().unwrap_or_default(),
            page_size: 1_000,
            ..ListReportsRequest::default()
        };
        let mut all = Vec::new();
        loop {
            let page = engine.list(request.clone()).await?;
            all.extend(page.reports);
            if page.next_page_token.is_empty() {
                return Ok::<_, anomal_core::Error>(all);
            }
            request.page_token = page.next_page_token;
        }
    })?;
    if arguments.json {
        return print(&format!("{:#}\n", serde_json::json!(reports)));
    }
    print(&format!("{}\n", table(&reports).trim_fmt()))
}

fn table(reports: &[Report]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["Id", "Job", "Created", "Rows", "Suspicious", "Flagged", "Engine"]);
    for report in reports {
        table.add_row([
            report.id.clone(),
            harmless(&report.job, 60),
            report.create_time.clone(),
            report.rows.to_string(),
            report.suspicious.to_string(),
            report.flagged.to_string(),
            harmless(&report.engine, 40),
        ]);
    }
    table
}

fn export(runtime: &Runtime, arguments: &ExportReport) -> CommandResult {
    let format = match arguments.format {
        Some(format) => format,
        None => format_by_extension(&arguments.output)?,
    };
    let format = match format {
        ExportAs::Pdf => ExportFormat::Pdf,
        ExportAs::Html => ExportFormat::Html,
        ExportAs::Csv => ExportFormat::Csv,
        ExportAs::Parquet => ExportFormat::Parquet,
    };
    let request = ExportReportRequest {
        id: arguments.id.clone(),
        format: format.into(),
        suspects_only: arguments.suspects,
        flag: arguments.flag.clone().unwrap_or_default(),
        filter: arguments.filter.clone().unwrap_or_default(),
        full: arguments.full,
        ..ExportReportRequest::default()
    };
    download(runtime, &arguments.reports, request, &arguments.output)
}

fn case(runtime: &Runtime, arguments: &CaseReport) -> CommandResult {
    let ending = arguments.output.extension().map(OsStr::to_ascii_lowercase);
    let format = match ending.as_ref().and_then(|ending| ending.to_str()) {
        Some("json") => ExportFormat::CaseJson,
        Some("md") => ExportFormat::CaseMarkdown,
        _ if arguments.output == Path::new("-") => ExportFormat::CaseMarkdown,
        _ => return Err(Failure::usage("a case is a file that ends in .md or .json")),
    };
    let request = ExportReportRequest {
        id: arguments.id.clone(),
        format: format.into(),
        incident: arguments.incident,
        plain: arguments.plain,
        ..ExportReportRequest::default()
    };
    download(runtime, &arguments.reports, request, &arguments.output)
}

fn labels(runtime: &Runtime, arguments: &LabelsReport) -> CommandResult {
    let format = ExportFormat::Labels.into();
    let request =
        ExportReportRequest { id: arguments.id.clone(), format, ..ExportReportRequest::default() };
    download(runtime, &arguments.reports, request, &arguments.output)
}

/// Writes an export to a file. Its id may be `latest`.
fn download(
    runtime: &Runtime,
    reports: &Reports,
    request: ExportReportRequest,
    output: &Path,
) -> CommandResult {
    let bytes = runtime.block_on(async {
        let engine = reports.engine().await?;
        let id = resolve_id(engine.as_ref(), &request.id).await?;
        let mut pieces = engine.export(ExportReportRequest { id, ..request }).await?;
        let access = Access { place: "--output", auth: None, secrets: &Secrets::default() };
        let mut file = AtomicFile::create(output, &access)?;
        while let Some(piece) = pieces.try_next().await? {
            file.write(&piece)?;
        }
        file.finish()
    });
    bytes?;
    Ok(exit::DONE)
}

/// An export in memory. Its id may be `latest`.
///
/// # Errors
/// Those of the engine.
pub async fn exported(reports: &Reports, request: ExportReportRequest) -> Result<Vec<u8>> {
    let engine = reports.engine().await?;
    let id = resolve_id(engine.as_ref(), &request.id).await?;
    let pieces = engine.export(ExportReportRequest { id, ..request }).await?;
    Ok(pieces.try_collect::<Vec<_>>().await?.concat())
}

/// The id of a report; `latest` is the newest one.
async fn resolve_id(engine: &dyn ReportEngine, asked: &str) -> Result<String> {
    if asked == "latest" { Ok(latest(engine, None).await?.id) } else { Ok(asked.to_owned()) }
}

fn format_by_extension(output: &Path) -> Result<ExportAs, Failure> {
    let ending = output.extension().map(OsStr::to_ascii_lowercase);
    match ending.as_ref().and_then(|ending| ending.to_str()) {
        Some("pdf") => Ok(ExportAs::Pdf),
        Some("html" | "htm") => Ok(ExportAs::Html),
        Some("csv") => Ok(ExportAs::Csv),
        Some("parquet") => Ok(ExportAs::Parquet),
        _ => {
            Err(Failure::usage("unknown file extension; set --format to pdf, html, csv or parquet"))
        }
    }
}
