//! The title of an incident: a template over counted facts.

use anomal_core::{
    proto::plan::FactUnit,
    words::{self, counted, filled, shortened},
};

use super::{
    IncidentFact,
    findings::{Cause, Finding},
    input::{Code, IncidentInput, NONE},
    risk::Draft,
    span::Span,
};

/// Characters.
const TITLE: usize = 120;
const VALUE: usize = 40;
/// Flags that a title names.
const FLAGS: usize = 2;

/// `facts`: those of the flag that leads; `actors`: those with the most rows.
pub(super) fn title(
    input: &IncidentInput,
    findings: &[Finding],
    draft: &Draft,
    facts: &[IncidentFact],
    actors: &[(Code, u64)],
) -> String {
    let lead = &findings[draft.lead];
    let text = match lead.cause {
        Cause::Alike(signature) => alike(input, draft, signature, actors),
        Cause::Score => burst(input, draft, lead),
        Cause::Flag(flag) => flagged(input, findings, draft, (flag, facts), actors),
    };
    shortened(&visible(&text), TITLE)
}

/// `13 rows alike: dns.response_code is SERVFAIL, 10 hosts`.
fn alike(input: &IncidentInput, draft: &Draft, signature: usize, actors: &[(Code, u64)]) -> String {
    let way = input.signatures.get(signature);
    let way = way.map_or_else(|| "unusual".to_owned(), super::Signature::describe);
    let way = shortened(&way, VALUE * 2);
    let about = match actors {
        [] => String::new(),
        [(only, _)] => format!(", {}", value(input, *only)),
        several => format!(", {}", counted_actors(input, draft, several)),
    };
    match draft.rows {
        1 => format!("1 row: {way}{about}"),
        rows => format!("{} alike: {way}{about}", words::rows(rows)),
    }
}

/// `10.1.1.21: 3 unusual rows about haven-logistics.fr`.
fn burst(input: &IncidentInput, draft: &Draft, lead: &Finding) -> String {
    let rows = counted(draft.rows, "unusual row", "unusual rows");
    match (lead.actor, lead.target) {
        (NONE, NONE) => rows,
        (NONE, target) => format!("{}: {rows}", value(input, target)),
        (actor, NONE) => format!("{}: {rows}", value(input, actor)),
        (actor, target) => {
            format!("{}: {rows} about {}", value(input, actor), value(input, target))
        }
    }
}

fn flagged(
    input: &IncidentInput,
    findings: &[Finding],
    draft: &Draft,
    (flag, facts): (usize, &[IncidentFact]),
    actors: &[(Code, u64)],
) -> String {
    let lead = &findings[draft.lead];
    let flags = flags(input, draft);
    let (what, names_target) = what(input, draft, lead, flag, facts);
    if draft.is_chain {
        return format!("{}: {what} ({flags})", chain(input, findings, draft));
    }
    let same = |side: fn(&Finding) -> Code| {
        let first = side(lead);
        let all = draft.findings.iter().all(|finding| side(&findings[*finding]) == first);
        if all { first } else { NONE }
    };
    let (actor, target) = (same(|finding| finding.actor), same(|finding| finding.target));
    match (actor, target) {
        (NONE, NONE) => format!("{what} ({flags})"),
        (NONE, target) => {
            let actors = if actors.is_empty() {
                String::new()
            } else {
                format!(", {}", counted_actors(input, draft, actors))
            };
            format!("{}: {what}{actors} ({flags})", value(input, target))
        }
        (actor, target) if target != NONE && !names_target => {
            format!("{} → {}: {what} ({flags})", value(input, actor), value(input, target))
        }
        (actor, _) => format!("{}: {what} ({flags})", value(input, actor)),
    }
}

/// What was found, and whether it names the target.
fn what(
    input: &IncidentInput,
    draft: &Draft,
    lead: &Finding,
    flag: usize,
    facts: &[IncidentFact],
) -> (String, bool) {
    let flag = &input.flags[flag];
    let rows: u64 = draft.rows;
    let title = filled(&flag.title, |name| match name {
        "count" => Some(words::grouped(rows)),
        "actor" => (lead.actor != NONE).then(|| value(input, lead.actor)),
        "target" => (lead.target != NONE).then(|| value(input, lead.target)),
        "time" => Some(draft.span.map_or_else(String::new, time)),
        _ => {
            let place = flag.facts.iter().position(|fact| fact.name == name)?;
            let fact = facts.iter().find(|fact| fact.name == name)?;
            Some(match fact.number {
                Some(seconds) if flag.facts[place].unit() == FactUnit::Seconds => {
                    words::about(seconds)
                }
                _ => shortened(&visible(&fact.words), VALUE),
            })
        }
    });
    let title = title.map(|title| title.trim().trim_end_matches(',').to_owned());
    if let Some(title) = title.filter(|title| !title.is_empty()) {
        return (title, flag.title.contains("{target}"));
    }
    if rows == 1 && !flag.description.is_empty() {
        return (flag.description.clone(), false);
    }
    if flag.message.is_empty() {
        let rows = counted(rows, "row", "rows");
        return (format!("{rows} hit"), false);
    }
    (flag.message.replace("{count}", &words::grouped(rows)), false)
}

/// `in 3 min`, or `18 of them in 2 min` where most rows are near each other and a few are not.
fn time(span: Span) -> String {
    let (whole, core) = (span.seconds(), span.core_seconds());
    if whole <= 2.0 * core || whole < 60.0 {
        return format!("in {}", words::about(whole.max(1.0)));
    }
    format!("{} of them in {}", words::grouped(span.core_rows), words::about(core.max(1.0)))
}

/// `C1 → C2 → C3`: the values of a chain in the order of their times, the middle left out of long ones.
fn chain(input: &IncidentInput, findings: &[Finding], draft: &Draft) -> String {
    let mut links: Vec<&Finding> = draft.findings.iter().map(|place| &findings[*place]).collect();
    links.sort_by_key(|link| {
        let is_start = !links_to(findings, draft, link.actor);
        (link.span.map(|span| span.first), !is_start, link.key.clone())
    });
    let mut codes: Vec<Code> = Vec::new();
    for code in links.iter().flat_map(|link| [link.actor, link.target]) {
        if code != NONE && !codes.contains(&code) {
            codes.push(code);
        }
    }
    let names: Vec<String> = match codes.as_slice() {
        [first, .., last] if codes.len() > 3 => {
            vec![value(input, *first), "…".to_owned(), value(input, *last)]
        }
        all => all.iter().map(|code| value(input, *code)).collect(),
    };
    names.join(" → ")
}

/// Whether a value is the target of a finding.
fn links_to(findings: &[Finding], draft: &Draft, value: Code) -> bool {
    draft.findings.iter().any(|place| findings[*place].target == value)
}

fn flags(input: &IncidentInput, draft: &Draft) -> String {
    let names: Vec<&str> =
        draft.flags.iter().take(FLAGS).map(|flag| input.flags[*flag].name.as_str()).collect();
    let names = names.join(", ");
    match draft.flags.len().saturating_sub(FLAGS) {
        0 => names,
        more => format!("{names} and {}", counted(more as u64, "more flag", "more flags")),
    }
}

/// `3 hosts`. `actors`: those with the most rows.
fn counted_actors(input: &IncidentInput, draft: &Draft, actors: &[(Code, u64)]) -> String {
    let kind = |(code, _): &(Code, u64)| input.values.get(*code as usize).map(|value| value.kind);
    let first = actors.first().and_then(kind);
    let is_one = actors.iter().all(|actor| kind(actor) == first);
    let nouns = input.actor_nouns.iter().find(|(of, _)| is_one && Some(*of) == first);
    let [one, many] =
        nouns.map_or(["actor", "actors"], |(_, nouns)| nouns.each_ref().map(String::as_str));
    counted(draft.things.actors, one, many)
}

fn value(input: &IncidentInput, code: Code) -> String {
    let text = input.values.get(code as usize).map_or("", |value| value.text.as_str());
    shortened(&visible(text), VALUE)
}

/// Control characters and marks of direction as escapes.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let is_hidden = character.is_control()
            || matches!(character,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}');
        if is_hidden { shown.extend(character.escape_unicode()) } else { shown.push(character) }
    }
    shown
}
