//! Verdicts on pages: marks beside incidents, the form, and what was decided before.

pub mod form;
pub mod list;

use anomal_core::proto::{Incident, Verdict};
use jiff::civil::Date;

use super::{
    Markup, ReportContext,
    format::{markup::escape, text},
};
use crate::{
    verdicts::{Judgement, Standing, VerdictBook, is_before_end, today},
    view::filter::Filter,
};

/// Characters of a line of a note.
const NOTE: usize = 4_000;

/// The verdicts of a report's job, as a page shows them.
#[derive(Clone, Debug)]
pub struct ShownVerdicts {
    pub book: VerdictBook,
    pub day: Date,
    /// Why they can't be read; none: they are all here.
    pub problem: Option<String>,
}

impl Default for ShownVerdicts {
    fn default() -> Self {
        Self { book: VerdictBook::default(), day: today(), problem: None }
    }
}

/// The class, and what was decided in a word or two; none while an incident is open.
pub struct VerdictMark {
    pub class: &'static str,
    pub words: String,
}

pub fn mark(context: &ReportContext<'_>, incident: &Incident) -> Option<VerdictMark> {
    let standing = context.standing(incident);
    let quiet = context.is_quiet(incident);
    let Some(standing) = standing else {
        // A run can be quiet by a file of suppressions.
        let words = || VerdictMark { class: "quiet", words: "quiet".to_owned() };
        return quiet.then(words);
    };
    let mut words = standing.judgement.words().to_owned();
    if quiet {
        words = format!("{words}, quiet until {}", standing.verdict.until);
    }
    if standing.change.is_some() {
        words = format!("no longer as judged: {words}");
    }
    Some(VerdictMark { class: class(&standing), words })
}

fn class(standing: &Standing<'_>) -> &'static str {
    match standing.judgement {
        _ if standing.change.is_some() => "changed",
        Judgement::TruePositive => "true-positive",
        Judgement::Benign | Judgement::FalsePositive => "settled",
        Judgement::Undecided => "undecided",
    }
}

/// The mark as part of a line.
pub fn chip(context: &ReportContext<'_>, incident: &Incident) -> Option<Markup> {
    let VerdictMark { class, words } = mark(context, incident)?;
    Some(Markup::trusted(format!("<span class=\"judged {class}\">{}</span>", escape(&words))))
}

/// What was decided, by whom and when.
pub fn sentence(context: &ReportContext<'_>, incident: &Incident) -> Markup {
    let suppression = incident.suppression.as_str();
    let by_run = if suppression.is_empty() {
        String::new()
    } else {
        format!(" The run was quiet about it: {}.", text::bdi(suppression, 2 * text::CELL))
    };
    let Some(standing) = context.standing(incident) else {
        return Markup::trusted(format!("Open: no decision stands.{by_run}"));
    };
    let verdict = standing.verdict;
    let mut words = format!(
        "<b>{}</b>, by {} on {}",
        capital(standing.judgement.words()),
        who(verdict),
        text::bdi(&day(&verdict.time), text::CELL)
    );
    if !verdict.until.is_empty() {
        let active = context.verdicts.is_some_and(|it| is_before_end(&verdict.until, it.day));
        let until = text::bdi(&verdict.until, text::CELL);
        words = if active {
            format!("{words}; later runs are quiet about it until {until}")
        } else {
            format!("{words}; the time to be quiet about it ended on {until}")
        };
    }
    if let Some(change) = standing.change {
        words = format!("{words}. It is no longer as judged: {}", change.words());
    }
    Markup::trusted(format!("{words}.{by_run}"))
}

/// The name; a typed one is marked.
pub fn who(verdict: &Verdict) -> Markup {
    let typed = if verdict.verified { "" } else { " <small>(as typed)</small>" };
    let name = if verdict.who.is_empty() { "no name" } else { verdict.who.as_str() };
    Markup::trusted(format!("{}{typed}", text::bdi(name, text::CELL)))
}

/// A note, line by line.
pub fn note(note: &str) -> Markup {
    let lines: Vec<String> = note.lines().map(|line| text::bdi(line, NOTE).into_string()).collect();
    Markup::trusted(lines.join("<br>"))
}

/// `2 Mar 2026 16:57 UTC`.
pub fn day(time: &str) -> String {
    let parsed = time.parse::<jiff::Timestamp>();
    parsed.map_or_else(|_| time.to_owned(), |time| time.strftime("%-d %b %Y %H:%M UTC").to_string())
}

pub fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Whether an incident is what a filter by verdicts asks for.
fn fits(verdicts: &ShownVerdicts, incident: &Incident, wanted: &[String]) -> bool {
    let standing = verdicts.book.standing(incident);
    let quiet = !incident.suppression.is_empty()
        || standing.as_ref().is_some_and(|it| it.is_quiet(verdicts.day));
    wanted.iter().any(|wanted| match (wanted.as_str(), &standing) {
        ("quiet", _) => quiet,
        ("open" | "undecided", standing) => standing.is_none(),
        (name, Some(standing)) => standing.judgement.name() == name,
        (_, None) => false,
    })
}

/// Finds the incidents that a filter by verdicts is about.
pub fn judged(filter: &mut Filter, verdicts: &ShownVerdicts, incidents: &[Incident]) {
    if !filter.verdicts.is_empty() {
        let fitting = incidents.iter().filter(|it| fits(verdicts, it, &filter.verdicts));
        filter.judged = fitting.map(|incident| incident.number).collect();
    }
}

/// Incidents by what was decided about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JudgedCount {
    pub true_positive: usize,
    pub benign: usize,
    pub false_positive: usize,
    pub open: usize,
    /// Of all of them.
    pub quiet: usize,
}

impl JudgedCount {
    pub fn new<'a>(
        context: &ReportContext<'_>,
        incidents: impl Iterator<Item = &'a Incident>,
    ) -> Self {
        let mut count = Self::default();
        for incident in incidents {
            let judgement = context.standing(incident).map(|standing| standing.judgement);
            *match judgement {
                Some(Judgement::TruePositive) => &mut count.true_positive,
                Some(Judgement::Benign) => &mut count.benign,
                Some(Judgement::FalsePositive) => &mut count.false_positive,
                Some(Judgement::Undecided) | None => &mut count.open,
            } += 1;
            count.quiet += usize::from(context.is_quiet(incident));
        }
        count
    }

    pub fn judged(&self) -> usize {
        self.true_positive + self.benign + self.false_positive
    }

    /// `1 true positive · 5 benign · 0 false positive · 2 open`.
    pub fn words(&self) -> String {
        let parts = [
            (self.true_positive, Judgement::TruePositive.words()),
            (self.benign, Judgement::Benign.words()),
            (self.false_positive, Judgement::FalsePositive.words()),
            (self.open, "open"),
        ];
        parts.map(|(count, words)| format!("{count} {words}")).join(" · ")
    }
}
