//! The list of incidents.

use anomal_core::{Result, proto::Incident};
use askama::Template;

use super::{
    Content, Markup, ReportContext, filters,
    format::numbers,
    incident_lines,
    layout::{
        frame::ReportBar,
        links,
        pager::{PageRange, pager},
    },
    verdicts::{JudgedCount, form},
};

/// Incidents of a page.
pub const LIMIT: usize = 50;

/// The parameters of the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncidentsParams {
    pub sort: Sort,
    /// Whether incidents that are alike have lines of their own.
    pub unfolded: bool,
    /// From 1.
    pub page: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    #[default]
    Risk,
    Time,
    Rows,
    /// The title, which begins with what the incident is about.
    Title,
}

impl Sort {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Risk, "risk", "Risk"),
        (Self::Time, "time", "Time"),
        (Self::Rows, "rows", "Rows"),
        (Self::Title, "title", "Title"),
    ];

    /// By its name in an address; an unknown one is the risk.
    pub fn from_name(name: &str) -> Self {
        Self::ALL.iter().find(|it| it.1 == name).map_or(Self::Risk, |it| it.0)
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|it| it.0 == self).map_or("risk", |it| it.1)
    }
}

impl IncidentsParams {
    /// The parameters beside the filters.
    fn kept(&self) -> Vec<(String, String)> {
        let mut kept = Vec::new();
        if self.sort != Sort::Risk {
            kept.push(("sort".to_owned(), self.sort.name().to_owned()));
        }
        if self.unfolded {
            kept.push(("fold".to_owned(), "no".to_owned()));
        }
        kept
    }

    fn href(&self, context: &ReportContext<'_>) -> String {
        let mut parameters: Vec<String> =
            self.kept().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if self.page > 1 {
            parameters.push(format!("page={}", self.page));
        }
        let filters = links::query(context.query.parts.iter());
        let all = Some(filters).into_iter().filter(|it| !it.is_empty()).chain(parameters);
        format!("?{}", all.collect::<Vec<_>>().join("&"))
    }
}

struct SortLink {
    label: &'static str,
    href: String,
    current: bool,
}

#[derive(Template)]
#[template(path = "incidents.html")]
struct Incidents {
    filters: Markup,
    total: String,
    sorts: Vec<SortLink>,
    fold: (String, &'static str),
    lines: Markup,
    pager: Markup,
    empty: &'static str,
    left_off: Option<String>,
    /// Where the chosen ones are judged.
    judge: Option<String>,
    judged: Option<(String, String)>,
    help: String,
}

/// The page on which chosen incidents are judged.
pub fn judge_action(context: &ReportContext<'_>) -> String {
    let path = context.links.section("verdicts");
    path.split('?').next().unwrap_or_default().to_owned()
}

/// The page with all verdicts of the job, and how many incidents were judged; in a document the day, since others may
/// follow.
pub fn judged(context: &ReportContext<'_>) -> Option<(String, String)> {
    let verdicts = context.verdicts.filter(|verdicts| verdicts.problem.is_none())?;
    let all = &context.incidents?.incidents;
    let count = JudgedCount::new(context, all.iter());
    let judged =
        format!("{} of {} judged", numbers::size(count.judged()), numbers::size(all.len()));
    let mut words = match count.quiet {
        0 => judged,
        quiet => format!("{judged}, {} quiet", numbers::size(quiet)),
    };
    if context.links.is_file() {
        words = format!("{words} (as of {})", verdicts.day.strftime("%-d %b %Y"));
    }
    Some((form::list_href(context), words))
}

pub fn page(context: &ReportContext<'_>, params: &IncidentsParams) -> Result<Content> {
    let mut all = context.fitting_incidents();
    let start = |incident: &Incident| incident.span.map_or(i64::MAX, |span| span.core_start);
    match params.sort {
        Sort::Risk => {}
        Sort::Time => all.sort_by_key(|(incident, _)| start(incident)),
        Sort::Rows => all.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows)),
        Sort::Title => all.sort_by(|a, b| a.0.title.cmp(&b.0.title)),
    }
    let offset = (params.page.saturating_sub(1)).saturating_mul(LIMIT);
    let end = all.len().min(offset.saturating_add(LIMIT));
    let shown = all.get(offset.min(end)..end).unwrap_or_default();
    // Only neighbours by risk are alike.
    let fold = !params.unfolded && params.sort == Sort::Risk;
    let choose = context.verdicts.is_some() && !context.links.is_file() && !shown.is_empty();
    let (lines, _) = incident_lines::lines_to_choose(context, shown, fold, usize::MAX, choose)?;
    let with = |change: &dyn Fn(&mut IncidentsParams)| {
        let mut params = IncidentsParams { page: 1, ..params.clone() };
        change(&mut params);
        params.href(context)
    };
    let sort = |&(sort, _, label): &(Sort, &str, &'static str)| SortLink {
        label,
        href: with(&|params| params.sort = sort),
        current: params.sort == sort,
    };
    let range = PageRange { offset, rows: shown.len(), total: all.len(), limit: LIMIT };
    let described = context.incidents.map_or(0, |all| all.incidents.len() as u64);
    let left_off = context.incident_count().saturating_sub(described);
    let body = Markup::from_template(&Incidents {
        filters: filters::line(context, "incidents", &params.kept())?,
        total: match context.matches {
            None => numbers::counted(context.incident_count(), "incident", "incidents"),
            Some(_) => format!(
                "{} of {}",
                numbers::size(all.len()),
                numbers::counted(context.incident_count(), "incident", "incidents")
            ),
        },
        sorts: Sort::ALL.iter().map(sort).collect(),
        fold: (
            with(&|params| params.unfolded = !params.unfolded),
            if params.unfolded { "Fold those that are alike" } else { "Show each on a line" },
        ),
        lines: if shown.is_empty() { Markup::default() } else { lines },
        pager: pager(range, "Pages of incidents", |page| {
            IncidentsParams { page, ..params.clone() }.href(context)
        })?,
        empty: match (context.incidents, all.is_empty(), shown.is_empty()) {
            (None, ..) => "The rows of this report are not grouped into incidents.",
            (_, true, _) if context.matches.is_some() => "No incident fits the filters.",
            (_, true, _) => "No row stands out, so there is no incident.",
            (_, _, true) => "There is no such page.",
            _ => "",
        },
        left_off: (left_off > 0).then(|| {
            let incidents = numbers::counted(left_off, "incident", "incidents");
            format!("{incidents} of the lowest risk are counted, but not listed.")
        }),
        judge: choose.then(|| judge_action(context)),
        judged: judged(context),
        help: context.links.help("incidents"),
    })?;
    let title = "Incidents".to_owned();
    Ok(Content { title, bar: Some(ReportBar::new(context, "incidents")), body })
}
