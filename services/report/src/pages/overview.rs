//! The first page of a report: what was found, when, by whom.

use anomal_core::{
    Result,
    proto::{Incident, Report, Severity},
    words,
};
use askama::Template;

use super::{
    Content, Markup, ReportContext, entities, filters,
    format::{markup::escape, numbers, text},
    incident_lines::{self, mark},
    layout::frame::ReportBar,
    timeline::{self, TimelineSpec},
    verdicts::day,
};
use crate::{
    compare::{Comparison, IncidentDigest, RunDigest},
    verdicts::keys,
    view::incidents::Lane,
};

/// Lines of incidents on the page.
const LINES: usize = 10;

struct SeverityCount {
    mark: &'static str,
    class: &'static str,
    incidents: String,
    href: Option<String>,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    level: u8,
    filters: Markup,
    conclusion: Markup,
    counts: String,
    severities: Vec<SeverityCount>,
    /// The comparison with the report before, and its link.
    since: Option<(String, Markup)>,
    timeline: Markup,
    incidents: Markup,
    /// A sentence in place of the list.
    empty: Option<&'static str>,
    all_incidents: Option<(String, String)>,
    entities: Markup,
    suspects: Markup,
    all_suspects: Option<String>,
    notes: Option<(String, String)>,
    judged: Option<(String, String)>,
    /// Where it is compared with another run.
    compare: Option<String>,
    help: String,
}

/// The page. `lanes`: those of [`entities::top`]; `suspects`: the first rows, shown where rows are not grouped; `earlier`: the
/// report of the job before, with the keys of its incidents.
pub fn page(
    context: &ReportContext<'_>,
    lanes: &[Lane],
    suspects: Markup,
    earlier: Option<&Report>,
) -> Result<Content> {
    Ok(Content {
        title: "Overview".to_owned(),
        bar: Some(ReportBar::new(context, "")),
        body: section(context, lanes, suspects, earlier)?,
    })
}

pub fn section(
    context: &ReportContext<'_>,
    lanes: &[Lane],
    suspects: Markup,
    earlier: Option<&Report>,
) -> Result<Markup> {
    let fitting = context.fitting_incidents();
    let (incidents, shown) = incident_lines::lines(context, &fitting, true, LINES)?;
    let total = match context.matches {
        None => context.incident_count(),
        Some(matches) => matches.incidents.len() as u64,
    };
    let notes = super::run::notes(context).len();
    let is_grouped = context.incidents.is_some();
    Markup::from_template(&Overview {
        level: context.level,
        filters: filters::line(context, "", &[])?,
        conclusion: conclusion(context),
        counts: counts(context),
        severities: severities(context),
        since: earlier.and_then(|earlier| since(context, earlier)),
        timeline: timeline(context)?,
        empty: (is_grouped && fitting.is_empty()).then_some(if context.matches.is_some() {
            "No incident fits the filters."
        } else {
            "No row stands out, so there is no incident."
        }),
        incidents: if fitting.is_empty() { Markup::default() } else { incidents },
        all_incidents: (total > shown as u64).then(|| {
            let label = format!("All {}", numbers::counted(total, "incident", "incidents"));
            (context.links.section("incidents"), label)
        }),
        entities: entities::section(context, lanes)?,
        all_suspects: (!is_grouped && !context.links.is_file() && !suspects.is_empty())
            .then(|| context.links.section("suspects")),
        suspects: if is_grouped { Markup::default() } else { suspects },
        notes: (notes > 0 && !context.links.is_file()).then(|| {
            let label = numbers::counted(notes as u64, "note on this run", "notes on this run");
            (context.links.section("run"), label)
        }),
        compare: (is_grouped && !context.links.is_file())
            .then(|| format!("/compare?b={}", text::encode(&context.report.id))),
        judged: if fitting.is_empty() { None } else { super::incidents::judged(context) },
        help: context.links.help("incidents"),
    })
}

/// What was found, in a sentence or two.
pub struct Conclusion {
    /// The incident that it begins with, and its title.
    pub incident: Option<(u64, String)>,
    pub words: String,
}

pub fn conclude(context: &ReportContext<'_>) -> Conclusion {
    let report = context.report;
    let plain = |words: &str| Conclusion { incident: None, words: words.to_owned() };
    if report.results == 0 {
        return plain("No row was analysed: all were rejected or filtered out.");
    }
    if report.suspects == 0 {
        let compared = if report.engine.is_empty() { "checked" } else { "compared" };
        let hit = if report.flags.is_empty() { "" } else { " and no flag hit any" };
        let rows = words::counted(report.results, "row was", "rows were");
        return plain(&format!("Nothing stands out: {rows} {compared}{hit}."));
    }
    let fitting = context.fitting_incidents();
    let open: Vec<&Incident> =
        fitting.iter().map(|it| it.0).filter(|it| !context.is_settled(it)).collect();
    if open.is_empty() && !fitting.is_empty() {
        return plain("Each incident here was judged benign or a false positive, or is quiet.");
    }
    let Some(first) = open.first() else {
        return match context.incidents {
            Some(_) => plain("No incident fits the filters."),
            None => plain(&sentence_of_counts(context)),
        };
    };
    let high = open.iter().skip(1).filter(|it| it.severity() == Severity::High).count();
    let words = match (high, first.severity()) {
        (0, Severity::High) => "No other incident is high.".to_owned(),
        (0, _) => "No incident is high.".to_owned(),
        (1, _) => "One more incident is high.".to_owned(),
        (more, _) => format!("{} more incidents are high.", numbers::size(more)),
    };
    let title = format!("{}.", incident_lines::title(first));
    Conclusion { incident: Some((first.number, title)), words }
}

fn conclusion(context: &ReportContext<'_>) -> Markup {
    let Conclusion { incident, words } = conclude(context);
    let Some((number, title)) = incident else { return Markup::trusted(words) };
    let title = text::bdi(&title, text::CELL + 1);
    Markup::trusted(match context.links.incident(number) {
        Some(href) => format!("<a href=\"{}\">{title}</a> {words}", escape(&href)),
        None => format!("{title} {words}"),
    })
}

/// How many rows stand out, where they are not grouped.
fn sentence_of_counts(context: &ReportContext<'_>) -> String {
    let report = context.report;
    let rows = words::counted(report.results, "row", "rows");
    let flagged = match report.flagged {
        0 => "no flag hit any".to_owned(),
        rows => format!("{} hit by a flag", words::counted(rows, "was", "were")),
    };
    if report.engine.is_empty() {
        return format!("Of {rows}, {flagged}. Nothing was classified.");
    }
    let suspicious = match report.suspicious {
        0 => "none is suspicious".to_owned(),
        rows => format!("{} suspicious", words::counted(rows, "is", "are")),
    };
    format!("Of {rows}, {suspicious} and {flagged}.")
}

/// `531 of 5,000 rows stand out; they make 41 incidents:`.
pub fn counts(context: &ReportContext<'_>) -> String {
    let report = context.report;
    if report.suspects == 0 {
        return String::new();
    }
    let stand = if report.suspects == 1 { "stands out" } else { "stand out" };
    let rows = words::rows(report.results);
    let rows = format!("{} of {rows} {stand}", numbers::count(report.suspects));
    match context.incidents {
        Some(_) => {
            let incidents = words::counted(context.incident_count(), "incident", "incidents");
            format!("{rows}; they make {incidents}:")
        }
        // Newer versions write the roles of columns in any case.
        None if report.roles.is_none() => {
            format!(
                "{rows}. The report was made before incidents: run the job again to group them."
            )
        }
        None => format!("{rows}."),
    }
}

/// `Since 1 Mar 2026 09:12 UTC: 3 new, 1 gone, 38 as before`.
fn since(context: &ReportContext<'_>, earlier: &Report) -> Option<(String, Markup)> {
    let counts = earlier.incidents.as_ref()?;
    let (now, then) = (&context.incidents?.incidents, &counts.keys);
    let is_whole = context.incident_count() == now.len() as u64
        && counts.high + counts.medium + counts.low == then.len() as u64;
    if !is_whole || context.matches.is_some() {
        return None;
    }
    let digest = |number: usize, keys: Vec<String>| IncidentDigest {
        number: number as u64,
        keys,
        ..IncidentDigest::default()
    };
    let then = then
        .iter()
        .enumerate()
        .map(|(number, keys)| digest(number, keys.split(' ').map(str::to_owned).collect()));
    let now = now.iter().enumerate().map(|(number, it)| digest(number, keys(it).to_vec()));
    let run = |incidents| RunDigest { incidents, ..RunDigest::default() };
    let compared = Comparison::new(&run(then.collect()), &run(now.collect()));
    let [a, b] = [&earlier.id, &context.report.id].map(|id| text::encode(id));
    let words = format!(
        "Since {}: {} new, {} gone, {} as before",
        text::bdi(&day(&earlier.create_time), text::CELL),
        numbers::size(compared.new.len()),
        numbers::size(compared.gone.len()),
        numbers::size(compared.continuing.len())
    );
    Some((format!("/compare?a={a}&b={b}"), Markup::trusted(words)))
}

fn severities(context: &ReportContext<'_>) -> Vec<SeverityCount> {
    let Some(counts) = context.report.incidents.as_ref() else { return Vec::new() };
    let fitting = context.fitting_incidents();
    [(Severity::High, counts.high), (Severity::Medium, counts.medium), (Severity::Low, counts.low)]
        .into_iter()
        .map(|(severity, all)| {
            let name = numbers::severity(severity);
            let of = fitting.iter().filter(|(it, _)| it.severity() == severity).count() as u64;
            let incidents = match context.matches {
                None => numbers::count(all),
                Some(_) => format!("{} of {}", numbers::count(of), numbers::count(all)),
            };
            SeverityCount {
                mark: mark(severity),
                class: name,
                incidents: format!("{incidents} {name}"),
                href: context.links.section_with("incidents", &[("severity", name)]),
            }
        })
        .collect()
}

const TIMELINE: TimelineSpec<'_> = TimelineSpec {
    title: "Rows and incidents by time",
    caption: "Bars: all rows. Marks: rows of incidents, by severity.",
    usual: None,
};

fn timeline(context: &ReportContext<'_>) -> Result<Markup> {
    let summary = context.incidents.map(|all| &all.summary);
    let Some(all) = summary.and_then(|summary| summary.timeline.as_ref()) else {
        return Ok(Markup::default());
    };
    let evidence = context.matches.and_then(|matches| matches.timeline.as_ref());
    let evidence = evidence.unwrap_or(&all.evidence);
    let link = |from: &str, to: &str| timeline::filtered(context, from, to);
    timeline::section(context, &TIMELINE, all, evidence, &link)
}
