//! The incidents of a run as a table of 80 columns or more.

use std::fmt::{self, Display};

use anomal_connectors::terminal::harmless;
use anomal_core::words::{self, counted, grouped, shortened};
use anomal_runner::{EntityRisk, Incident, IncidentCount};
use anomal_spec::{Severity, Side};

/// Lines of incidents in a summary.
pub const LISTED: usize = 10;
/// Equal incidents in a row from which they are one line.
const FOLDED: usize = 3;
/// An incident of more rows has a line of its own.
const SMALL: u64 = 3;
/// Entities with the highest risk.
const ENTITIES: usize = 4;
/// Characters of the columns before the title.
const INDENT: usize = 25;

/// The incidents of a run that has some.
pub struct IncidentTable<'a> {
    /// By number; those beyond are counted.
    pub incidents: &'a [Incident],
    pub count: IncidentCount,
    /// The things that they are about, the highest risk first.
    pub entities: &'a [EntityRisk],
    /// The rows of all of them.
    pub evidence: u64,
    /// Lines at most.
    pub listed: usize,
    /// Whether small ones that are alike are one line.
    pub fold: bool,
    pub color: bool,
}

/// A line of the table: one incident, or several that are alike.
struct Line<'a> {
    first: &'a Incident,
    incidents: usize,
    rows: u64,
}

impl Display for IncidentTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.count;
        let severities = [("high", count.high), ("medium", count.medium), ("low", count.low)];
        let severities: Vec<String> = severities
            .into_iter()
            .chain((count.suppressed > 0).then_some(("quiet", count.suppressed)))
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{} {name}", grouped(count)))
            .collect();
        writeln!(
            f,
            "\n{} out in {}: {}\n",
            counted(self.evidence, "row stands", "rows stand"),
            counted(count.total(), "incident", "incidents"),
            severities.join(", ")
        )?;
        let loud: Vec<Incident> =
            self.incidents.iter().filter(|it| it.suppressed.is_none()).cloned().collect();
        if !loud.is_empty() {
            writeln!(f, "   # risk   rows  when   incident")?;
        }
        let lines = fold(&loud, if self.fold { FOLDED } else { usize::MAX });
        for line in lines.iter().take(self.listed) {
            self.line(f, line)?;
        }
        let shown: u64 = lines.iter().take(self.listed).map(|line| line.incidents as u64).sum();
        let rest = count.loud().saturating_sub(shown);
        if rest > 0 {
            let quiet = self.incidents.iter().filter(|it| it.suppressed.is_some());
            let rows: u64 = lines.iter().take(self.listed).map(|line| line.rows).sum::<u64>()
                + quiet.map(|incident| incident.rows).sum::<u64>();
            writeln!(
                f,
                "     … {}, {}",
                counted(rest, "more incident", "more incidents"),
                words::rows(self.evidence.saturating_sub(rows))
            )?;
        }
        self.quiet(f)?;
        self.entities(f)
    }
}

/// Suppressed incidents that are listed.
const QUIET: usize = 5;

impl IncidentTable<'_> {
    /// What is suppressed, with the reasons.
    fn quiet(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count.suppressed == 0 {
            return Ok(());
        }
        writeln!(f, "\nQuiet {}", grouped(self.count.suppressed))?;
        let quiet = self.incidents.iter().filter_map(|it| Some((it, it.suppressed.as_ref()?)));
        let room = width().saturating_sub(14);
        let mut shown = 0;
        for (incident, reason) in quiet.take(QUIET) {
            shown += 1;
            let words =
                format!("{} ({})", harmless(&incident.title, room / 2), harmless(reason, room / 2));
            writeln!(
                f,
                "{:>4} {:>7}  {}",
                incident.number,
                grouped(incident.rows),
                shortened(&words, room)
            )?;
        }
        match self.count.suppressed.saturating_sub(shown) {
            0 => Ok(()),
            more => writeln!(f, "     … {}", counted(more, "more", "more")),
        }
    }

    fn line(&self, f: &mut fmt::Formatter<'_>, line: &Line<'_>) -> fmt::Result {
        let incident = line.first;
        let when = match (incident.core_start(), &incident.core) {
            (Some(start), _) if self.is_one_day() => words::clock(start),
            (Some(start), _) => words::day(start),
            (None, Some([start, _])) => shortened(start, 6),
            (None, None) => String::new(),
        };
        let (letter, style) = match incident.severity {
            Severity::High => ('H', "31;1"),
            Severity::Medium => ('M', "33"),
            Severity::Low => ('L', "36"),
        };
        let severity = self.styled(style, &format!("{letter} {:>3}", incident.risk));
        let flags = incident.flags.join(", ");
        let title = incident.title.strip_suffix(&format!(" ({flags})")).unwrap_or(&incident.title);
        let title = match incident.flags.first() {
            Some(flag) if line.incidents > 1 => {
                let incidents = counted(line.incidents as u64, "incident", "incidents");
                format!("{incidents} of {flag}, such as {title}")
            }
            _ => title.to_owned(),
        };
        let room = width().saturating_sub(INDENT);
        let (number, rows) = (incident.number, grouped(line.rows));
        writeln!(f, "{number:>4} {severity} {rows:>5}  {when:<6} {}", harmless(&title, room - 1))?;
        if line.incidents == 1 && incident.severity > Severity::Low {
            let alone = match incident.target_count {
                _ if incident.parts.rarity <= 0 => "",
                1 => "; no one else has this target",
                _ => "; no one else has these targets",
            };
            let more = harmless(&format!("{flags}{alone}"), room - 1);
            writeln!(f, "{:>INDENT$}{more}", "")?;
        }
        Ok(())
    }

    /// Whether all incidents are of one day.
    fn is_one_day(&self) -> bool {
        let mut days = self.incidents.iter().filter_map(Incident::core_start).map(words::day);
        let first = days.next();
        first.is_none_or(|first| days.all(|day| day == first))
    }

    /// The actors with the highest risks.
    fn entities(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut actors = self.entities.iter().filter(|it| it.side == Side::Actor).peekable();
        let Some(first) = actors.peek() else { return Ok(()) };
        let (noun, kind) = (capital(first.kind.nouns().1), first.kind);
        let listed: Vec<String> = actors
            .filter(|actor| actor.kind == kind)
            .take(ENTITIES)
            .map(|actor| format!("{} {}", shortened(&harmless(&actor.value, 100), 20), actor.risk))
            .collect();
        writeln!(f, "\n{noun}  {}", listed.join("   "))
    }

    fn styled(&self, style: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Incidents in a row with the same lead flag, severity and few rows are one line.
fn fold(incidents: &[Incident], folded: usize) -> Vec<Line<'_>> {
    let is_alike = |a: &Incident, b: &Incident| {
        a.flags.first() == b.flags.first()
            && !a.flags.is_empty()
            && a.severity == b.severity
            && a.rows.max(b.rows) <= SMALL
    };
    let mut lines = Vec::new();
    for alike in incidents.chunk_by(is_alike) {
        if alike.len() > folded {
            let rows = alike.iter().map(|incident| incident.rows).sum();
            lines.push(Line { first: &alike[0], incidents: alike.len(), rows });
        } else {
            let line = |first| Line { first, incidents: 1, rows: first.rows };
            lines.extend(alike.iter().map(line));
        }
    }
    lines
}

pub fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
    }
}

/// Characters of a line.
pub fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
    columns.unwrap_or(80).clamp(80, 200)
}

fn capital(noun: &str) -> String {
    let mut characters = noun.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
