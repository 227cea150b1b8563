//! What evidence is about: hosts, users, domains.

use anomal_core::{Result, proto::Incident};
use askama::Template;

use super::{
    Content, Markup, ReportContext, filters,
    format::{numbers, text},
    incident_lines::mark,
    layout::{
        frame::ReportBar,
        pager::{PageRange, pager},
    },
};
use crate::{
    charts,
    view::{
        Page,
        incidents::{EntitySummary, Lane},
    },
};

/// Entities of a page.
pub const LIMIT: usize = 50;
/// Entities on the overview.
const TOP: usize = 10;

pub(super) struct EntityRow {
    pub value: Markup,
    pub href: Option<String>,
    pub mark: &'static str,
    pub severity: &'static str,
    pub risk: u32,
    pub incidents: String,
    pub first_incident: Option<String>,
    /// Rows that stand out, and all of them.
    pub evidence: String,
    pub rows: String,
    pub when: String,
    pub lane: Markup,
}

struct KindLink {
    href: String,
    label: Markup,
    values: String,
    current: bool,
}

#[derive(Template)]
#[template(path = "entity_table.html")]
struct Table {
    label: String,
    /// What a row is, alone and as markup.
    name: String,
    one: Markup,
    rows: Vec<EntityRow>,
    has_times: bool,
    has_lanes: bool,
}

#[derive(Template)]
#[template(path = "top_entities.html")]
struct TopEntities {
    level: u8,
    title: Markup,
    table: Markup,
    all: Option<String>,
}

#[derive(Template)]
#[template(path = "entities.html")]
struct Entities {
    filters: Markup,
    kinds: Vec<KindLink>,
    about: String,
    table: Markup,
    pager: Markup,
    empty: &'static str,
}

/// A kind of things on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    pub kind: String,
    pub is_actor: bool,
}

/// Whether an entity is of a kind: an account that pays and is paid is among both.
pub(super) fn is_of(entity: &EntitySummary, kind: &Kind) -> bool {
    let rows = if kind.is_actor { entity.actor_rows } else { entity.target_rows };
    entity.kind == kind.kind && rows > 0
}

/// The actors with the highest risk that fit the filters, for the overview.
pub fn top<'a>(context: &ReportContext<'a>) -> Vec<&'a EntitySummary> {
    let all = context.incidents.map_or(&[][..], |all| &all.entities);
    let fits = |entity: &&EntitySummary| {
        entity.actor_rows > 0
            && context.matches.is_none_or(|matches| matches.actors.contains_key(&entity.value))
    };
    all.iter().filter(fits).take(TOP).collect()
}

/// The part of the overview; `lanes` are those of [`top`].
pub fn section(context: &ReportContext<'_>, lanes: &[Lane]) -> Result<Markup> {
    let top = top(context);
    let Some((one, many)) = context.nouns(true).filter(|_| !top.is_empty()) else {
        return Ok(Markup::default());
    };
    let title = Markup::trusted(format!("{} with the highest risk", text::name(&capital(many))));
    Markup::from_template(&TopEntities {
        level: context.level,
        table: table(context, &top, lanes, true, (one, many))?,
        title,
        all: (!context.links.is_file()).then(|| context.links.section("entities")),
    })
}

/// The kinds that a report has, those of actors first.
pub fn kinds(context: &ReportContext<'_>) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    let roles = context.report.roles.as_ref();
    for is_actor in [true, false] {
        for entity in roles.map_or(&[][..], |roles| &roles.entities) {
            let kind = Kind { kind: entity.kind.clone(), is_actor };
            let has =
                context.incidents.is_some_and(|all| all.entities.iter().any(|it| is_of(it, &kind)));
            if entity.is_actor == is_actor && has && !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    kinds
}

/// The entities of a kind that fit the filters, those with more risk first: a page of them.
pub fn select<'a>(
    context: &ReportContext<'a>,
    kind: &Kind,
    page: usize,
) -> Page<&'a EntitySummary> {
    let all = context.incidents.map_or(&[][..], |all| &all.entities);
    let fits = |entity: &&EntitySummary| {
        let matching =
            context.matches.map(|it| if kind.is_actor { &it.actors } else { &it.targets });
        is_of(entity, kind) && matching.is_none_or(|it| it.contains_key(&entity.value))
    };
    let fitting: Vec<&EntitySummary> = all.iter().filter(fits).collect();
    let offset = page.saturating_sub(1).saturating_mul(LIMIT);
    let total = fitting.len();
    Page { items: fitting.into_iter().skip(offset).take(LIMIT).collect(), offset, total }
}

/// The page; `lanes` are those of the entities, if they act.
pub fn page(
    context: &ReportContext<'_>,
    kind: Option<&Kind>,
    entities: &Page<&EntitySummary>,
    lanes: &[Lane],
) -> Result<Content> {
    let kinds = kinds(context);
    let is_actor = kind.is_none_or(|kind| kind.is_actor);
    let nouns = context.nouns(is_actor).unwrap_or(("value", "values"));
    let side = |kind: &Kind| if kind.is_actor { "actor" } else { "target" };
    let link = |it: &Kind| KindLink {
        href: context
            .links
            .section_with("entities", &[("kind", &it.kind), ("side", side(it))])
            .unwrap_or_default(),
        label: text::name(&capital(nouns_of(context, it).1)),
        values: numbers::count(total(context, it)),
        current: Some(it) == kind,
    };
    let range = PageRange {
        offset: entities.offset,
        rows: entities.items.len(),
        total: entities.total,
        limit: LIMIT,
    };
    let kept: Vec<(String, String)> = kind.map_or_else(Vec::new, |kind| {
        vec![("kind".to_owned(), kind.kind.clone()), ("side".to_owned(), side(kind).to_owned())]
    });
    let all = kind.map_or(0, |kind| total(context, kind));
    let body = Markup::from_template(&Entities {
        filters: filters::line(context, "entities", &kept)?,
        kinds: kinds.iter().map(link).collect(),
        about: format!(
            "{} of {} have rows that stand out.",
            numbers::size(entities.total),
            numbers::counted(all, &text::shorten(nouns.0, 40), &text::shorten(nouns.1, 40))
        ),
        table: if entities.items.is_empty() {
            Markup::default()
        } else {
            table(context, &entities.items, lanes, is_actor, nouns)?
        },
        pager: pager(range, "Pages of entities", |page| {
            let mut parameters: Vec<(&str, &str)> =
                kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let page = page.to_string();
            parameters.push(("page", &page));
            context.links.section_with("entities", &parameters).unwrap_or_default()
        })?,
        empty: match (kind, entities.items.is_empty()) {
            (None, _) => {
                "No column names a host, user, domain or account: roles.entities in the \
                          settings would group by them."
            }
            (_, true) => "None fits.",
            _ => "",
        },
    })?;
    Ok(Content {
        title: "Entities".to_owned(),
        bar: Some(ReportBar::new(context, "entities")),
        body,
    })
}

/// Different values of all rows.
pub(super) fn total(context: &ReportContext<'_>, kind: &Kind) -> u64 {
    let totals = context.incidents.map_or(&[][..], |all| &all.summary.totals);
    let is_it = |it: &&anomal_core::proto::EntityTotal| {
        it.kind == kind.kind && it.is_actor == kind.is_actor
    };
    totals.iter().find(is_it).map_or(0, |total| total.values)
}

pub(super) fn nouns_of<'a>(context: &ReportContext<'a>, kind: &Kind) -> (&'a str, &'a str) {
    let roles = context.report.roles.as_ref();
    let entities = roles.map_or(&[][..], |roles| &roles.entities);
    let known = entities.iter().find(|it| it.kind == kind.kind && it.is_actor == kind.is_actor);
    known.map_or(("value", "values"), |it| (&it.one, &it.many))
}

/// The table alone.
pub fn table(
    context: &ReportContext<'_>,
    entities: &[&EntitySummary],
    lanes: &[Lane],
    is_actor: bool,
    (one, many): (&str, &str),
) -> Result<Markup> {
    let has_times = entities.iter().any(|entity| entity.span.is_some());
    Markup::from_template(&Table {
        label: text::shorten(&capital(many), text::CELL),
        name: text::shorten(&capital(one), 60),
        one: text::name(&capital(one)),
        rows: entities
            .iter()
            .enumerate()
            .map(|(place, entity)| row(context, entity, is_actor, lanes.get(place)))
            .collect(),
        has_times,
        has_lanes: has_times && !lanes.is_empty(),
    })
}

pub(super) fn row(
    context: &ReportContext<'_>,
    entity: &EntitySummary,
    is_actor: bool,
    lane: Option<&Lane>,
) -> EntityRow {
    let severity =
        context.incident(entity.first_incident).map(Incident::severity).unwrap_or_default();
    let rows = if is_actor { entity.actor_rows } else { entity.target_rows };
    let matching = context.matches.map(|it| if is_actor { &it.actors } else { &it.targets });
    let evidence = match matching.and_then(|matching| matching.get(&entity.value)) {
        Some(rows) => format!("{} of {}", numbers::count(*rows), numbers::count(entity.evidence)),
        None => numbers::count(entity.evidence),
    };
    EntityRow {
        value: text::bdi(&entity.value, 60),
        href: context.links.entity(&entity.kind, &entity.value),
        mark: mark(severity),
        severity: numbers::severity_class(severity),
        risk: entity.risk,
        incidents: numbers::count(entity.incidents),
        first_incident: context.links.incident(entity.first_incident),
        evidence,
        rows: numbers::count(rows),
        when: entity.span.map_or_else(String::new, |span| context.times().span(span.0, span.1)),
        lane: lane.map_or_else(Markup::default, |lane| lane_of(context, entity, lane)),
    }
}

pub(super) fn lane_of(context: &ReportContext<'_>, entity: &EntitySummary, lane: &Lane) -> Markup {
    let when = entity.span.map_or_else(String::new, |span| context.times().span(span.0, span.1));
    let value = text::shorten(&entity.value, 60);
    Markup::svg(charts::lane(lane, &format!("{value} stood out {when}.")))
}

pub(super) fn capital(noun: &str) -> String {
    let mut letters = noun.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
