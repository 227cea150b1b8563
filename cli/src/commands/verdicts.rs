//! `anomal verdicts`: what people decided about incidents.

use anomal_connectors::terminal::harmless;
use anomal_core::{
    Error, ReportEngine, Result,
    proto::{JudgeRequest, ListReportsRequest, Report, Verdict},
    words::counted,
};
use anomal_report::verdicts::{Judgement, today};
use comfy_table::{ContentArrangement, Table, presets};

use super::{CommandResult, print};
use crate::{
    args::{AddVerdict, JobVerdicts, ListVerdicts, VerdictName, VerdictsCommand},
    exit,
    present::error::{Failure, note},
    suppressions,
};

pub fn run(command: &VerdictsCommand) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match command {
        VerdictsCommand::Add(arguments) => runtime.block_on(add(arguments)),
        VerdictsCommand::List(arguments) => {
            list(&runtime.block_on(of_job(&arguments.of))?, arguments)
        }
        VerdictsCommand::Suppressions(arguments) => {
            let verdicts = runtime.block_on(of_job(arguments))?;
            print(&suppressions::to_yaml(&verdicts, today())?)
        }
        VerdictsCommand::Delete(arguments) => runtime.block_on(async {
            let engine = arguments.reports.engine().await?;
            let deleted = engine.delete_verdicts(&arguments.namespace, &arguments.job).await?;
            note(&format!("{} deleted", counted(deleted, "verdict", "verdicts")));
            Ok(exit::DONE)
        }),
    }
}

async fn of_job(arguments: &JobVerdicts) -> Result<Vec<Verdict>> {
    let engine = arguments.reports.engine().await?;
    engine.list_verdicts(&arguments.namespace, &arguments.job).await
}

async fn add(arguments: &AddVerdict) -> CommandResult {
    let engine = arguments.reports.engine().await?;
    let report = report(engine.as_ref(), arguments).await?;
    let after = match arguments.after {
        Some(after) => after,
        None => {
            let all = engine.list_verdicts(&report.namespace, &report.job).await?;
            all.last().map_or(0, |verdict| verdict.number)
        }
    };
    let judgement = match arguments.verdict {
        VerdictName::TruePositive => Judgement::TruePositive,
        VerdictName::Benign => Judgement::Benign,
        VerdictName::FalsePositive => Judgement::FalsePositive,
        VerdictName::Undecided => Judgement::Undecided,
    };
    let judged = engine
        .judge(JudgeRequest {
            report: report.id.clone(),
            incidents: arguments.incidents.clone(),
            verdict: judgement.name().to_owned(),
            note: arguments.note.clone(),
            until: arguments.until.clone(),
            after,
            who: arguments.who.clone().unwrap_or_else(user),
            verified: false,
        })
        .await?;
    if !judged.newer.is_empty() {
        let newer: Vec<String> = judged.newer.iter().map(line).collect();
        let newest = judged.newer.last().map_or(0, |verdict| verdict.number);
        let message = format!(
            "others have decided in the meantime; nothing was stored:\n{}\nto replace that, add --after {newest}",
            newer.join("\n")
        );
        return Err(Failure::new(message, exit::FAILED));
    }
    for verdict in &judged.stored {
        note(&line(verdict));
    }
    Ok(exit::DONE)
}

/// The name of who runs this program, as far as it is known.
pub fn user() -> String {
    std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default()
}

async fn report(engine: &dyn ReportEngine, arguments: &AddVerdict) -> Result<Report> {
    if arguments.id != "latest" {
        return engine.get(&arguments.id).await;
    }
    latest(engine, arguments.job.as_deref()).await
}

/// The newest report, of a job where one is named.
///
/// # Errors
/// `NotFound` if there is none.
pub async fn latest(engine: &dyn ReportEngine, job: Option<&str>) -> Result<Report> {
    let mut request = ListReportsRequest {
        search: job.unwrap_or_default().to_owned(),
        page_size: if job.is_some() { 1_000 } else { 1 },
        ..ListReportsRequest::default()
    };
    loop {
        let page = engine.list(request.clone()).await?;
        let is_wanted = |report: &Report| job.is_none_or(|job| report.job == job);
        if let Some(found) = page.reports.into_iter().find(is_wanted) {
            return Ok(found);
        }
        if page.next_page_token.is_empty() {
            return Err(Error::not_found(match job {
                Some(job) => format!("there is no report of the job {job} yet"),
                None => "there is no report yet".to_owned(),
            }));
        }
        request.page_token = page.next_page_token;
    }
}

fn line(verdict: &Verdict) -> String {
    let until = if verdict.until.is_empty() {
        String::new()
    } else {
        format!(", quiet until {}", verdict.until)
    };
    let who = if verdict.who.is_empty() { "no name" } else { &verdict.who };
    format!(
        "{:>4}  {}  {}  {}{until}: {}",
        verdict.number,
        verdict.time,
        harmless(who, 40),
        harmless(&verdict.verdict, 20),
        harmless(&verdict.title, 100)
    )
}

fn list(verdicts: &[Verdict], arguments: &ListVerdicts) -> CommandResult {
    if arguments.json {
        return print(&format!("{:#}\n", serde_json::json!(verdicts)));
    }
    if verdicts.is_empty() {
        return print(&format!("no verdicts of the job {}\n", harmless(&arguments.of.job, 100)));
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["Number", "Time", "Who", "Verdict", "Quiet until", "Incident", "Note"]);
    for verdict in verdicts.iter().rev() {
        let typed = if verdict.verified { "" } else { " (?)" };
        table.add_row([
            verdict.number.to_string(),
            verdict.time.clone(),
            format!("{}{typed}", harmless(&verdict.who, 40)),
            harmless(&verdict.verdict, 20),
            harmless(&verdict.until, 20),
            harmless(&verdict.title, 80),
            harmless(&verdict.note, 80),
        ]);
    }
    print(&format!("{}\n", table.trim_fmt()))
}
