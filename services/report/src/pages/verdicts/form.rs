//! The form in which incidents are judged, with what was decided before.

use anomal_core::{
    Result,
    proto::{Incident, Verdict},
};
use askama::Template;
use jiff::ToSpan;

use super::{ShownVerdicts, day, note, sentence, who};
use crate::{
    pages::{
        Content, Markup, ReportContext,
        format::{numbers, text},
        incident_lines,
        layout::frame::ReportBar,
    },
    verdicts::{Judgement, keys},
};

/// Decisions that are listed.
const HISTORY: usize = 20;

/// Who judges, and what they have typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormState {
    /// Why the reader can't judge; none: they can.
    pub refusal: Option<String>,
    /// The user, where the server knows them; else the name is typed.
    pub user: Option<String>,
    /// What was sent and not stored; empty at first.
    pub verdict: String,
    pub note: String,
    pub until: String,
    pub who: String,
    /// Why it was not stored.
    pub problem: Option<String>,
    /// What others have decided in the meantime.
    pub newer: Vec<Verdict>,
}

struct Choice {
    name: &'static str,
    words: String,
    chosen: bool,
}

struct Past {
    words: Markup,
    about: Markup,
    note: Option<Markup>,
}

#[derive(Template)]
#[template(path = "verdict_form.html")]
struct Form<'a> {
    /// Of the section: unique in a file with several.
    id: String,
    title: String,
    level: u8,
    state: &'a FormState,
    standing: Markup,
    problem: Option<Markup>,
    newer: Vec<Past>,
    /// None: no form.
    action: Option<String>,
    chosen: Vec<u64>,
    after: u64,
    choices: Vec<Choice>,
    first_day: String,
    last_day: String,
    refusal: Option<Markup>,
    history: Vec<Past>,
    all: String,
    button: String,
}

/// The section on the page of an incident, or of several. `state`: none where nothing can be judged, as in a file.
pub fn section(
    context: &ReportContext<'_>,
    incidents: &[&Incident],
    state: Option<&FormState>,
) -> Result<Markup> {
    let Some(verdicts) = context.verdicts else { return Ok(Markup::default()) };
    let none = FormState { refusal: Some(String::new()), ..FormState::default() };
    let state = state.unwrap_or(&none);
    let problem = verdicts.problem.as_ref();
    // What was typed is shown again, also where the store has gone away since.
    let can_judge = state.refusal.is_none() && (problem.is_none() || state.problem.is_some());
    let choice = |judgement: Judgement| Choice {
        name: judgement.name(),
        words: super::capital(judgement.words()),
        chosen: judgement.name() == state.verdict,
    };
    let refusal = problem.or(state.refusal.as_ref()).filter(|words| !words.is_empty());
    let rows: u64 = incidents.iter().map(|incident| incident.rows).sum();
    // A file has all incidents on one page.
    let (id, title) = match incidents {
        [one] if context.links.is_file() => {
            (format!("verdict-{}", one.number), format!("Verdict on incident {}", one.number))
        }
        _ => ("verdict".to_owned(), "Verdict".to_owned()),
    };
    Markup::from_template(&Form {
        id,
        title,
        level: context.level,
        standing: match incidents {
            [one] => sentence(context, one),
            _ => Markup::default(),
        },
        problem: state.problem.as_ref().map(|words| text::bdi(words, 4 * text::CELL)),
        newer: state.newer.iter().map(past).collect(),
        action: context
            .links
            .section_with("verdicts", &[])
            .filter(|_| can_judge)
            .map(|path| path.split('?').next().unwrap_or_default().to_owned()),
        chosen: incidents.iter().map(|incident| incident.number).collect(),
        after: verdicts.book.number(),
        choices: Judgement::ALL.into_iter().rev().map(choice).collect(),
        first_day: verdicts.day.saturating_add(1.day()).to_string(),
        last_day: verdicts.day.saturating_add(366.days()).to_string(),
        refusal: refusal.map(|words| text::bdi(words, 4 * text::CELL)),
        history: history(verdicts, incidents),
        all: list_href(context),
        button: match incidents {
            [_] => "Save".to_owned(),
            _ => format!(
                "Judge {}, {}",
                numbers::counted(incidents.len() as u64, "incident", "incidents"),
                numbers::counted(rows, "row", "rows")
            ),
        },
        state,
    })
}

/// The address of the verdicts of the report's job; empty in a file.
pub fn list_href(context: &ReportContext<'_>) -> String {
    if context.links.is_file() {
        return String::new();
    }
    let report = context.report;
    format!(
        "/verdicts?namespace={}&job={}",
        text::encode(&report.namespace),
        text::encode(&report.job)
    )
}

fn history(verdicts: &ShownVerdicts, incidents: &[&Incident]) -> Vec<Past> {
    let [incident] = incidents else { return Vec::new() };
    let all = verdicts.book.after(keys(incident), 0);
    all.into_iter().rev().take(HISTORY).map(past).collect()
}

fn past(verdict: &Verdict) -> Past {
    let judgement = Judgement::from_name(&verdict.verdict);
    let words = judgement.map_or("unknown", Judgement::words);
    let until = if verdict.until.is_empty() {
        String::new()
    } else {
        format!(", quiet until {}", text::bdi(&verdict.until, text::CELL))
    };
    Past {
        words: Markup::trusted(format!(
            "{}: {words}{until}, {}",
            text::bdi(&day(&verdict.time), text::CELL),
            who(verdict)
        )),
        about: text::bdi(&verdict.title, text::CELL),
        note: (!verdict.note.is_empty()).then(|| note(&verdict.note)),
    }
}

#[derive(Template)]
#[template(path = "judge.html")]
struct Judge {
    incidents: Markup,
    empty: bool,
    back: String,
    form: Markup,
}

/// The page on which several incidents are judged at once.
pub fn page(
    context: &ReportContext<'_>,
    incidents: &[&Incident],
    state: &FormState,
) -> Result<Content> {
    let lines: Vec<(&Incident, u64)> = incidents.iter().map(|it| (*it, it.rows)).collect();
    let (lines, _) = incident_lines::lines(context, &lines, false, usize::MAX)?;
    let empty = incidents.is_empty();
    let body = Markup::from_template(&Judge {
        incidents: if empty { Markup::default() } else { lines },
        empty,
        back: context.links.section("incidents"),
        form: if empty { Markup::default() } else { section(context, incidents, Some(state))? },
    })?;
    let bar = Some(ReportBar::new(context, "incidents"));
    Ok(Content { title: "Judge incidents".to_owned(), bar, body })
}
