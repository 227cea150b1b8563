//! Verdicts on the incidents of a report: those that there are, and a new one.

use anomal_core::{
    ReportEngine, Result,
    proto::{JudgeRequest, Verdict},
};
use anomal_report::{
    LocalReportEngine, OpenReport,
    verdicts::{Judgement as Name, VerdictBook},
};
use anomal_tui::{Decision, Judged, Judgement};

use crate::commands::verdicts::user;

/// The newest verdict on each incident that has one.
pub fn decisions(open: &OpenReport, book: &VerdictBook) -> Vec<(u64, Decision)> {
    let incidents = open.incidents.iter().flat_map(|table| &table.incidents);
    let judged = incidents.filter_map(|incident| {
        let standing = book.standing(incident)?;
        let change = standing.change.map(|change| change.words().to_owned()).unwrap_or_default();
        Some((incident.number, Decision { change, ..decision(standing.verdict) }))
    });
    judged.collect()
}

fn decision(verdict: &Verdict) -> Decision {
    let words = match Name::from_name(&verdict.verdict) {
        Some(name) => name.words(),
        None => &verdict.verdict,
    };
    Decision {
        verdict: words.to_owned(),
        who: verdict.who.clone(),
        time: verdict.time.clone(),
        note: verdict.note.clone(),
        change: String::new(),
    }
}

/// Stores a verdict, unless others have decided in the meantime.
///
/// # Errors
/// Those of the store.
pub async fn judge(
    engine: &LocalReportEngine,
    open: &OpenReport,
    judgement: Judgement,
) -> Result<Judged> {
    let report = &open.report;
    let request = JudgeRequest {
        report: report.id.clone(),
        incidents: vec![judgement.incident],
        verdict: judgement.verdict,
        note: judgement.note,
        after: judgement.after,
        who: user(),
        ..JudgeRequest::default()
    };
    let stored = engine.judge(request).await?;
    let book = engine.verdict_book(&report.namespace, &report.job).await?;
    let newer = stored.newer.iter().map(|verdict| decision(verdict).text()).collect();
    Ok(Judged { newer, newest: book.number(), decisions: decisions(open, &book) })
}
