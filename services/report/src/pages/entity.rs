//! One thing that evidence is about: its incidents, who else, its values beside those of all rows, its rows.

use anomal_core::{Result, proto::Incident};
use askama::Template;

use super::{
    Content, Markup, ReportContext,
    entities::{EntityRow, Kind, capital, is_of, lane_of, nouns_of, row, total},
    format::{numbers, text},
    incident_lines,
    layout::{
        frame::ReportBar,
        pager::{PageRange, pager},
    },
    row::quartiles,
    suspect_table::{self, TableOptions, default_columns},
    timeline::{self, TimelineSpec},
};
use crate::{
    charts,
    view::{
        Page, Record,
        entity::{EntityDetails, OtherRows, Shared},
        incidents::{EntitySummary, Lane, level},
    },
};

/// Rows of a page.
pub const LIMIT: usize = 25;
/// Incidents that are listed.
const INCIDENTS: usize = 50;
/// Features that are compared.
const FEATURES: usize = 20;
/// Actors of a value that are counted exactly.
const ACTORS: u64 = 64;

struct OtherLink {
    value: Markup,
    href: Option<String>,
}

struct SharedRow {
    name: Markup,
    href: Option<String>,
    rows: String,
    /// All rows with it; empty where that is not known.
    all_rows: String,
    others: Vec<OtherLink>,
    /// Others that are not named.
    more: usize,
    /// How many have it in all rows; empty where that is not known.
    everyone: String,
}

struct SharedTable {
    id: &'static str,
    title: String,
    /// What a row is, alone and as markup.
    name: String,
    one: Markup,
    others: Markup,
    rows: Vec<SharedRow>,
    has_all_rows: bool,
    has_everyone: bool,
    left_off: Option<String>,
}

struct FeatureRow {
    name: Markup,
    own: String,
    all: String,
    chart: Markup,
}

#[derive(Template)]
#[template(path = "entity.html")]
struct Entity {
    kind: Markup,
    entity: EntityRow,
    /// Its place among those of its kind by rows that stand out.
    rank: String,
    risk: String,
    incidents: Markup,
    more: Option<String>,
    suspects: Option<String>,
    back: String,
    lane: Markup,
    shared: Vec<SharedTable>,
    features: Vec<FeatureRow>,
    features_left_off: usize,
    /// Of all its rows, or of those that stand out.
    has_all_values: bool,
    help: String,
    table: Markup,
    pager: Markup,
    left_off: Option<String>,
    others: Option<OtherTable>,
    timeline: Markup,
}

/// Its rows that do not stand out.
struct OtherTable {
    about: String,
    table: Markup,
}

/// What the page shows beside the entity itself.
#[derive(Clone, Debug, Default)]
pub struct EntityParts {
    /// The numbers of incidents about it.
    pub incidents: Vec<u64>,
    pub details: EntityDetails,
    /// When it stood out.
    pub lane: Option<Lane>,
    /// A page of its rows that stand out.
    pub rows: Page<Record>,
    /// Others of its rows.
    pub others: OtherRows,
    /// The incident that these are near.
    pub near: u64,
}

pub fn page(
    context: &ReportContext<'_>,
    entity: &EntitySummary,
    parts: &EntityParts,
) -> Result<Content> {
    let EntityParts { incidents, details, .. } = parts;
    let is_actor = entity.is_actor();
    let described: Vec<(&Incident, u64)> = incidents
        .iter()
        .filter_map(|number| context.incident(*number))
        .map(|incident| (incident, incident.rows))
        .collect();
    let (lines, shown) = incident_lines::lines(context, &described, true, INCIDENTS)?;
    let parameter = if is_actor { "actor" } else { "target" };
    let kind = Kind { kind: entity.kind.clone(), is_actor };
    let mut features = features(context, details);
    let features_left_off = features.len().saturating_sub(FEATURES);
    features.truncate(FEATURES);
    let body = Markup::from_template(&Entity {
        kind: text::name(&capital(nouns_of(context, &kind).0)),
        entity: row(context, entity, is_actor, None),
        rank: rank(context, entity, &kind),
        risk: risk(entity, &described),
        incidents: if described.is_empty() { Markup::default() } else { lines },
        more: (shown < described.len())
            .then(|| format!("and {} more", numbers::size(described.len() - shown))),
        suspects: context.links.section_with("suspects", &[(parameter, &entity.value)]),
        back: context.links.section("entities"),
        lane: match &parts.lane {
            Some(lane) if details.timeline.is_none() => lane_of(context, entity, lane),
            _ => Markup::default(),
        },
        timeline: by_time(context, entity, details, &kind)?,
        shared: [partners(context, details, &kind), flags(context, details, &kind)]
            .into_iter()
            .filter(|table| !table.rows.is_empty())
            .collect(),
        features,
        features_left_off,
        has_all_values: details.has_all_values,
        help: context.links.help("quartiles"),
        table: table(
            context,
            &format!("Rows of {}", text::shorten(&entity.value, 60)),
            is_actor,
            &parts.rows.items,
        )?,
        pager: pages(context, entity, parts)?,
        left_off: left_off(entity, parts),
        others: others(context, entity, parts)?,
    })?;
    Ok(Content {
        title: text::shorten(&entity.value, text::CELL),
        bar: Some(ReportBar::new(context, "entities")),
        body,
    })
}

/// One line a row, without what all are about.
fn table(
    context: &ReportContext<'_>,
    label: &str,
    is_actor: bool,
    rows: &[Record],
) -> Result<Markup> {
    if rows.is_empty() {
        return Ok(Markup::default());
    }
    let options = TableOptions {
        label,
        params: None,
        features: false,
        columns: &default_columns(context),
        id_prefix: "",
        choose: false,
        without: &[if is_actor { "actor" } else { "target" }],
    };
    suspect_table::table(context, options, rows)
}

fn pages(
    context: &ReportContext<'_>,
    entity: &EntitySummary,
    parts: &EntityParts,
) -> Result<Markup> {
    let rows = &parts.rows;
    let range =
        PageRange { offset: rows.offset, rows: rows.items.len(), total: rows.total, limit: LIMIT };
    pager(range, "Pages of its rows", |page| {
        let page = page.to_string();
        let parameters =
            [("kind", entity.kind.as_str()), ("value", &entity.value), ("page", &page)];
        let href = context.links.section_with("entity", &parameters);
        href.map_or_else(String::new, |href| format!("{href}#rows-title"))
    })
}

/// Rows beyond those that pages have.
fn left_off(entity: &EntitySummary, parts: &EntityParts) -> Option<String> {
    let listed = parts.rows.total as u64;
    (listed < entity.evidence).then(|| {
        format!(
            "{} of the {} are listed; the others are in the downloads.",
            numbers::count(listed),
            numbers::counted(entity.evidence, "row", "rows")
        )
    })
}

/// Its other rows near an incident.
fn others(
    context: &ReportContext<'_>,
    entity: &EntitySummary,
    parts: &EntityParts,
) -> Result<Option<OtherTable>> {
    let OtherRows { items, total, is_partial } = &parts.others;
    if items.is_empty() {
        return Ok(None);
    }
    let shown = items.len() as u64;
    let near = format!("nearest to incident {}", numbers::count(parts.near));
    let about = match (shown == *total, is_partial) {
        (true, _) => "Rows that do not stand out.".to_owned(),
        (false, false) => format!(
            "{} of {} that do not stand out: those {near}.",
            numbers::count(shown),
            numbers::counted(*total, "row", "rows")
        ),
        (false, true) => format!(
            "{} of {} that do not stand out: some of those {near}, which lie far apart in the table.",
            numbers::count(shown),
            numbers::counted(*total, "row", "rows")
        ),
    };
    let label = format!("Other rows of {}", text::shorten(&entity.value, 60));
    Ok(Some(OtherTable { about, table: table(context, &label, entity.is_actor(), items)? }))
}

fn by_time(
    context: &ReportContext<'_>,
    entity: &EntitySummary,
    details: &EntityDetails,
    kind: &Kind,
) -> Result<Markup> {
    let Some(all) = &details.timeline else { return Ok(Markup::default()) };
    let parameter = if entity.is_actor() { "actor" } else { "target" };
    let link = |from: &str, to: &str| {
        let parameters = [(parameter, entity.value.as_str()), ("from", from), ("to", to)];
        context.links.section_with("suspects", &parameters)
    };
    let summary = context.incidents.map(|all| &all.summary);
    let median = summary.and_then(|it| {
        if kind.is_actor { it.actor_median.as_ref() } else { it.target_median.as_ref() }
    });
    let many = text::shorten(nouns_of(context, kind).1, 40);
    let name = format!("median of all {many}");
    let caption = match median {
        Some(median) if median.rows.iter().any(|rows| *rows > 0) => format!(
            "Bars: all its rows. Line: the median of all {many}. Marks: its rows of incidents, by severity."
        ),
        Some(_) => format!(
            "Bars: all its rows; at each time most {many} have none. Marks: its rows of incidents, by severity."
        ),
        None => "Bars: all its rows. Marks: those of incidents, by severity.".to_owned(),
    };
    let texts = TimelineSpec {
        title: "Its rows by time",
        caption: &caption,
        usual: median.map(|median| (median, name.as_str())),
    };
    timeline::section(context, &texts, all, &all.evidence, &link)
}

/// `the third most of 50 hosts`; empty where no others are known.
fn rank(context: &ReportContext<'_>, entity: &EntitySummary, kind: &Kind) -> String {
    let all = total(context, kind);
    let entities = context.incidents.map_or(&[][..], |all| &all.entities);
    let has_more = |it: &&EntitySummary| is_of(it, kind) && it.evidence > entity.evidence;
    let place = entities.iter().filter(has_more).count() + 1;
    if all < 2 {
        return String::new();
    }
    let (one, many) = nouns_of(context, kind);
    let all = numbers::counted(all, &text::shorten(one, 40), &text::shorten(many, 40));
    match place {
        1 => format!("the most of {all}"),
        place => format!("the {} most of {all}", numbers::ordinal(place)),
    }
}

/// `Its risk is 100: 95 of incident 1, and 5 for a further incident of medium or high severity.`
fn risk(entity: &EntitySummary, described: &[(&Incident, u64)]) -> String {
    let first = described.iter().find(|(it, _)| it.number == entity.first_incident);
    let Some((first, _)) = first else { return String::new() };
    let is_further =
        |(it, _): &&(&Incident, u64)| it.number != first.number && level(it.severity()) > 0;
    let of_first = format!("Its risk is that of incident {}", numbers::count(first.number));
    match described.iter().filter(is_further).count() {
        0 => format!("{of_first}."),
        1 => format!(
            "{of_first}, {}, and 5 for a further one of medium or high severity, at most 100.",
            first.risk
        ),
        further => format!(
            "{of_first}, {}, and 5 for each of {} further ones of medium or high severity, at most 100.",
            first.risk,
            numbers::size(further)
        ),
    }
}

/// What its rows are about on the other side.
fn partners(context: &ReportContext<'_>, details: &EntityDetails, kind: &Kind) -> SharedTable {
    let (one, many) = context.nouns(!kind.is_actor).unwrap_or(("value", "values"));
    let own = nouns_of(context, kind);
    let found = |value: &str, is_actor: bool| find(context, value, is_actor);
    let entry = |shared: &Shared| {
        let partner = found(&shared.name, !kind.is_actor);
        let actors = partner.filter(|_| kind.is_actor).map_or(0, |partner| partner.actors);
        let href = partner.and_then(|it| context.links.entity(&it.kind, &it.value));
        shared_row(context, shared, kind, href, everyone(actors, own))
    };
    let rows: Vec<SharedRow> = details.partners.iter().map(entry).collect();
    let left_off = details.partner_count - details.partners.len().min(details.partner_count);
    SharedTable {
        id: "partners",
        title: format!("{} it is seen with", capital(&text::shorten(many, 40))),
        name: text::shorten(&capital(one), 60),
        one: text::name(&capital(one)),
        others: others_head(own),
        has_all_rows: rows.iter().any(|row| !row.all_rows.is_empty()),
        has_everyone: rows.iter().any(|row| !row.everyone.is_empty()),
        rows,
        left_off: (left_off > 0).then(|| format!("and {} more", numbers::size(left_off))),
    }
}

/// Flags that have hit its rows.
fn flags(context: &ReportContext<'_>, details: &EntityDetails, kind: &Kind) -> SharedTable {
    let own = nouns_of(context, kind);
    let entry = |shared: &Shared| {
        let href = context.links.section_with("entities", &[("flag", &shared.name)]);
        shared_row(context, shared, kind, href, String::new())
    };
    SharedTable {
        id: "flags",
        title: format!("Other {} with its flags", text::shorten(own.1, 40)),
        name: "Flag".to_owned(),
        one: Markup::trusted("Flag"),
        others: others_head(own),
        rows: details.flags.iter().map(entry).collect(),
        has_all_rows: false,
        has_everyone: false,
        left_off: None,
    }
}

fn others_head((_, many): (&str, &str)) -> Markup {
    Markup::trusted(format!("Other {} that stand out with it", text::name(many)))
}

/// How many have a value in all rows.
fn everyone(actors: u64, (one, many): (&str, &str)) -> String {
    match actors {
        0 => String::new(),
        1 => format!("only this {}", text::shorten(one, 40)),
        actors if actors > ACTORS => {
            format!("over {ACTORS} {}", text::shorten(many, 40))
        }
        actors => numbers::counted(actors, &text::shorten(one, 40), &text::shorten(many, 40)),
    }
}

fn shared_row(
    context: &ReportContext<'_>,
    shared: &Shared,
    kind: &Kind,
    href: Option<String>,
    everyone: String,
) -> SharedRow {
    let other = |value: &String| OtherLink {
        value: text::bdi(value, 60),
        href: find(context, value, kind.is_actor)
            .and_then(|it| context.links.entity(&it.kind, &it.value)),
    };
    SharedRow {
        name: text::bdi(&shared.name, 60),
        href,
        rows: numbers::count(shared.rows),
        all_rows: match shared.all_rows {
            0 => String::new(),
            rows => numbers::count(rows),
        },
        others: shared.others.iter().map(other).collect(),
        more: shared.other_count - shared.others.len().min(shared.other_count),
        everyone,
    }
}

fn find<'a>(context: &ReportContext<'a>, value: &str, is_actor: bool) -> Option<&'a EntitySummary> {
    let rows = |it: &EntitySummary| if is_actor { it.actor_rows } else { it.target_rows };
    context.incidents?.entities.iter().find(|it| it.value == value && rows(it) > 0)
}

/// Its values beside those of all rows: the quartiles that are farthest apart first, in units of the range from the 5 % to
/// the 95 % quantile of all rows. Features without weight are left out.
fn features(context: &ReportContext<'_>, details: &EntityDetails) -> Vec<FeatureRow> {
    let compared = |(place, own): (usize, &Option<[f64; 3]>)| {
        let own = (*own)?;
        let all = context.feature_group(place)?;
        let feature = context.report.features.get(place).filter(|feature| feature.weight > 0.0)?;
        let quantile = |index: usize| all.quantiles.get(index).copied();
        let (low, high) = (quantile(2)?, quantile(6)?);
        let middle_of_all = [quantile(3)?, quantile(4)?, quantile(5)?];
        let apart = own.iter().zip(middle_of_all).map(|(own, all)| (own - all).abs());
        let distance = match apart.fold(0.0, f64::max) {
            0.0 => 0.0,
            distance => distance / (high - low),
        };
        let row = FeatureRow {
            name: text::name(&feature.name),
            own: middle(own),
            all: quartiles(all),
            chart: Markup::svg(charts::two_quartiles(own, all)),
        };
        Some((distance, row))
    };
    let mut rows: Vec<(f64, FeatureRow)> =
        details.features.iter().enumerate().filter_map(compared).collect();
    // Stable: of equal ones in the order of the features.
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    rows.into_iter().map(|(_, row)| row).collect()
}

fn middle([first, median, third]: [f64; 3]) -> String {
    let [first, median, third] = [first, median, third].map(numbers::number);
    if first == third { median } else { format!("{median} ({first} to {third})") }
}
