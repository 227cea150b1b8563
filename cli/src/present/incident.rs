//! One incident, for people.

use std::fmt::{self, Display};

use anomal_connectors::terminal::harmless;
use anomal_core::words::{self, counted};
use anomal_runner::{ColumnRoles, Entity, Incident};
use anomal_spec::{EntityKind, Side};

use super::incidents::severity_name;

/// Entities of a side that are listed.
const LISTED: usize = 10;
/// Characters of a value.
const VALUE: usize = 100;

/// What an incident is, why it deserves a look, and whom it is about.
pub struct IncidentText<'a> {
    pub incident: &'a Incident,
    pub roles: &'a ColumnRoles,
    pub color: bool,
}

impl Display for IncidentText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let incident = self.incident;
        let title = harmless(&incident.title, 200);
        let title = if self.color { format!("\u{1b}[1m{title}\u{1b}[0m") } else { title };
        writeln!(f, "Incident {}: {title}", incident.number)?;
        let rows = words::rows(incident.rows);
        let suspicious = words::grouped(incident.suspicious);
        writeln!(f, "  {:<9} {rows}, {suspicious} of them suspicious", "rows")?;
        if let (Some(first), Some(last)) = (&incident.first, &incident.last) {
            writeln!(f, "  {:<9} {first} to {last}", "time")?;
        }
        self.risk(f)?;
        if !incident.flags.is_empty() {
            writeln!(f, "  {:<9} {}", "flags", harmless(&incident.flags.join(", "), VALUE))?;
        }
        for fact in &incident.facts {
            writeln!(f, "  {:<9} {}", harmless(&fact.name, VALUE), harmless(&fact.words, VALUE))?;
        }
        self.entities(f, Side::Actor, &incident.actors, incident.actor_count)?;
        self.entities(f, Side::Target, &incident.targets, incident.target_count)?;
        writeln!(f, "  {:<9} {}", "together", incident.together.join("; "))?;
        writeln!(f, "  {:<9} {}", "key", incident.key)
    }
}

impl IncidentText<'_> {
    fn risk(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let incident = self.incident;
        let parts = incident.parts;
        let named = [
            ("flag", parts.flag),
            ("score", parts.score),
            ("more evidence", parts.more),
            ("rarity", parts.rarity),
        ];
        let named = named.into_iter().filter(|(_, part)| *part != 0);
        let named: Vec<String> = named.map(|(name, part)| format!("{name} {part}")).collect();
        let severity = severity_name(incident.severity);
        writeln!(f, "  {:<9} {} ({severity}): {}", "risk", incident.risk, named.join(", "))
    }

    fn entities(
        &self,
        f: &mut fmt::Formatter<'_>,
        side: Side,
        entities: &[Entity],
        count: u64,
    ) -> fmt::Result {
        let Some(first) = entities.first() else { return Ok(()) };
        let named = |entity: &Entity| {
            let value = harmless(&entity.value, VALUE);
            if entity.rows == self.incident.rows {
                value
            } else {
                format!("{value} ({})", entity.rows)
            }
        };
        let listed: Vec<String> = entities.iter().take(LISTED).map(named).collect();
        let more = match count.saturating_sub(listed.len() as u64) {
            0 => String::new(),
            more => format!(" and {}", counted(more, "other", "others")),
        };
        writeln!(f, "  {:<9} {}{more}", self.noun(side, first.kind, count), listed.join(", "))
    }

    fn noun(&self, side: Side, kind: EntityKind, count: u64) -> String {
        let is_of =
            |entity: &&anomal_runner::EntityColumn| entity.side == side && entity.kind == kind;
        let name = self.roles.entities.iter().find(is_of).map(|entity| entity.name.clone());
        let (one, many) = name.map_or_else(
            || (kind.nouns().0.to_owned(), kind.nouns().1.to_owned()),
            |name| (name.one, name.many),
        );
        harmless(if count == 1 { &one } else { &many }, VALUE)
    }
}
