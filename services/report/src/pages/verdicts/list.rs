//! The page with all verdicts of a job, whose reports may be gone.

use anomal_core::Result;
use askama::Template;

use super::{ShownVerdicts, day, note, who};
use crate::{
    pages::{
        Content, Markup,
        format::{numbers, text},
        layout::frame::plain_name,
    },
    verdicts::{Judgement, is_before_end},
};

/// Verdicts of a page.
pub const LIMIT: usize = 50;

struct Line {
    when: Markup,
    who: Markup,
    verdict: &'static str,
    class: &'static str,
    about: Markup,
    href: String,
    note: Markup,
    until: Markup,
}

#[derive(Template)]
#[template(path = "verdict_list.html")]
struct List {
    job: Markup,
    namespace: Option<Markup>,
    total: String,
    quiet: String,
    lines: Vec<Line>,
    older: Option<String>,
    problem: Option<Markup>,
}

/// `page`: from 1, the newest first.
pub fn page(namespace: &str, job: &str, verdicts: &ShownVerdicts, page: usize) -> Result<Content> {
    let all = verdicts.book.all();
    let offset = page.saturating_sub(1).saturating_mul(LIMIT);
    let shown = all.iter().rev().skip(offset).take(LIMIT);
    let active = |until: &str| is_before_end(until, verdicts.day);
    let lines = shown.map(|verdict| {
        let judgement = Judgement::from_name(&verdict.verdict);
        let until = text::bdi(&verdict.until, text::CELL);
        Line {
            when: text::bdi(&day(&verdict.time), text::CELL),
            who: who(verdict),
            verdict: judgement.map_or("unknown", Judgement::words),
            class: match judgement {
                Some(Judgement::TruePositive) => "true-positive",
                Some(Judgement::Benign | Judgement::FalsePositive) => "settled",
                Some(Judgement::Undecided) | None => "undecided",
            },
            about: text::bdi(&verdict.title, text::CELL),
            href: format!(
                "/reports/{}/incidents/{}",
                text::encode(&verdict.report),
                verdict.incident
            ),
            note: note(&verdict.note),
            until: match verdict.until.as_str() {
                "" => Markup::trusted("–"),
                end if active(end) => until,
                _ => Markup::trusted(format!("ended {until}")),
            },
        }
    });
    let lines: Vec<Line> = lines.collect();
    let quiet = all.iter().filter(|verdict| active(&verdict.until)).count();
    let more = offset.saturating_add(lines.len()) < all.len();
    let body = Markup::from_template(&List {
        job: text::name(job),
        namespace: text::optional_name(namespace),
        total: numbers::counted(all.len() as u64, "verdict", "verdicts"),
        quiet: numbers::size(quiet),
        lines,
        older: more.then(|| {
            let [namespace, job] = [namespace, job].map(text::encode);
            format!("?namespace={namespace}&job={job}&page={}", page.max(1) + 1)
        }),
        problem: verdicts.problem.as_ref().map(|words| text::bdi(words, 4 * text::CELL)),
    })?;
    let title = format!("Verdicts of {}", plain_name(job, text::CELL));
    Ok(Content { title, bar: None, body })
}
