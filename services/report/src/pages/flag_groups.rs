//! The groups of a flag's hits as a table.

use anomal_core::Result;
use askama::Template;

use super::{
    Markup, ReportContext,
    format::{numbers, text},
};
use crate::view::incidents::FlagGroup;

/// The columns beside those of entities.
#[derive(Clone, Copy, Debug)]
pub struct GroupsOptions {
    pub with_flag: bool,
    pub with_incident: bool,
}

struct Row {
    flag: Option<(Markup, &'static str)>,
    actor: Option<Markup>,
    target: Option<Markup>,
    details: Markup,
    /// Further details that differ.
    more: Option<String>,
    rows: String,
    /// The rows, or the only one.
    href: Option<String>,
    when: Option<String>,
    incident: Option<(String, Option<String>)>,
    note: Option<Markup>,
}

#[derive(Template)]
#[template(path = "flag_groups.html")]
struct Table<'a> {
    label: &'a str,
    with_flag: bool,
    with_incident: bool,
    /// The names of the columns, alone and as markup.
    actor: Option<(String, Markup)>,
    target: Option<(String, Markup)>,
    has_times: bool,
    rows: Vec<Row>,
}

/// Empty without groups. `label`: what the table is called.
pub fn table(
    context: &ReportContext<'_>,
    groups: &[FlagGroup],
    label: &str,
    options: GroupsOptions,
) -> Result<Markup> {
    if groups.is_empty() {
        return Ok(Markup::default());
    }
    let heading = |is_actor: bool, has: bool| {
        let noun =
            context.nouns(is_actor).map_or(if is_actor { "actor" } else { "target" }, |it| it.0);
        has.then(|| (text::shorten(&capital(noun), 60), text::name(&capital(noun))))
    };
    let actor = heading(true, groups.iter().any(|group| group.actor.is_some()));
    let target = heading(false, groups.iter().any(|group| group.target.is_some()));
    Markup::from_template(&Table {
        label,
        with_flag: options.with_flag,
        with_incident: options.with_incident,
        has_times: groups.iter().any(|group| group.span.is_some()),
        rows: groups.iter().map(|group| row(context, group, options)).collect(),
        actor,
        target,
    })
}

fn row(context: &ReportContext<'_>, group: &FlagGroup, options: GroupsOptions) -> Row {
    let flag = context.report.flags.get(group.flag);
    let name = flag.map_or("", |flag| flag.name.as_str());
    let class = numbers::severity_class(context.severity(name));
    let entity = |value: &Option<String>| value.as_deref().map(|value| text::bdi(value, 60));
    let incident = group.incident.to_string();
    let mut parameters = vec![("flag", name), ("incident", incident.as_str())];
    parameters.extend(group.actor.as_deref().map(|actor| ("actor", actor)));
    parameters.extend(group.target.as_deref().map(|target| ("target", target)));
    let one = context.nouns(true).map_or("actor", |nouns| nouns.0);
    Row {
        flag: options.with_flag.then(|| (text::name(name), class)),
        actor: entity(&group.actor),
        target: entity(&group.target),
        details: text::short_cell(Some(&group.value), 60),
        more: (group.values > 1).then(|| format!("and {} more", numbers::count(group.values - 1))),
        rows: numbers::count(group.rows),
        href: match group.rows {
            1 => context.links.row(group.first_row),
            _ => context.links.section_with("suspects", &parameters),
        },
        when: group.span.map(|(first, last)| context.times().span(first, last)),
        incident: options
            .with_incident
            .then(|| (numbers::count(group.incident), context.links.incident(group.incident))),
        note: (group.is_rare && group.actor.is_some())
            .then(|| Markup::trusted(format!("only this {}", text::name(one)))),
    }
}

fn capital(noun: &str) -> String {
    let mut letters = noun.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
