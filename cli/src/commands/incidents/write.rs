//! Incidents as JSON, CSV and Markdown.

use std::fmt::Write;

use anomal_core::{Error, words::shortened};
use anomal_report::escape_markdown;
use anomal_runner::{Entity, Incident, ResultIncidents};

use crate::present::{error::Failure, incidents::severity_name};

const HEADER: &str = "number,key,title,severity,risk,flag,score,more,rarity,flags,actor_kind,actor,actors,target_kind,target,targets,\
rows,suspicious,first,last,core_start,core_end,together";
/// Characters of a title in a table of Markdown.
const TITLE: usize = 120;

/// # Errors
/// `Internal`.
pub fn json(found: &ResultIncidents) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(found)
        .map_err(|error| Failure::from(Error::internal(error.to_string())))?;
    Ok(format!("{text}\n"))
}

/// One line for each incident; an actor and a target where there is one.
pub fn csv(incidents: &[Incident]) -> String {
    let mut text = format!("{HEADER}\n");
    for incident in incidents {
        let only = |entities: &[Entity], count: u64| match entities {
            [only] if count == 1 => [only.kind.nouns().0.to_owned(), only.value.clone()],
            _ => [String::new(), String::new()],
        };
        let [actor_kind, actor] = only(&incident.actors, incident.actor_count);
        let [target_kind, target] = only(&incident.targets, incident.target_count);
        let core = incident.core.clone().unwrap_or_default();
        let parts = incident.parts;
        let cells = [
            incident.number.to_string(),
            incident.key.clone(),
            incident.title.clone(),
            severity_name(incident.severity).to_owned(),
            incident.risk.to_string(),
            parts.flag.to_string(),
            parts.score.to_string(),
            parts.more.to_string(),
            parts.rarity.to_string(),
            incident.flags.join(";"),
            actor_kind,
            actor,
            incident.actor_count.to_string(),
            target_kind,
            target,
            incident.target_count.to_string(),
            incident.rows.to_string(),
            incident.suspicious.to_string(),
            incident.first.clone().unwrap_or_default(),
            incident.last.clone().unwrap_or_default(),
            core[0].clone(),
            core[1].clone(),
            incident.together.join(";"),
        ];
        text.push_str(&cells.map(|cell| quoted(&cell)).join(","));
        text.push('\n');
    }
    text
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

pub fn markdown(incidents: &[Incident]) -> String {
    let mut text = "| # | severity | risk | rows | first | incident |\n| ---: | --- | ---: | ---: | --- | --- |\n".to_owned();
    for incident in incidents {
        let first = incident.core.as_ref().map_or("", |core| core[0].as_str());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            incident.number,
            severity_name(incident.severity),
            incident.risk,
            incident.rows,
            escape_markdown(first),
            escape_markdown(&shortened(&incident.title, TITLE)),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_texts_stay_texts() {
        assert_eq!(quoted("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(escape_markdown("<b>|[x](y)`"), "\\<b\\>\\|\\[x\\]\\(y\\)\\`");
    }
}
