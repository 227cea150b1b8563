//! A case as Markdown. All that comes from data is escaped.

use std::fmt::Write;

use anomal_core::words;

use super::Case;
use crate::{
    pages::{format::text::make_visible, verdicts::day},
    verdicts::Judgement,
};

/// Characters of a value in a table.
const CELL: usize = 200;

impl Case {
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n", escaped(&self.title));
        // Writing to a string cannot fail.
        let mut line = |words: &str| {
            let _ = writeln!(text, "{words}");
        };
        line(&format!(
            "Incident {} of the job {}, {} severity, risk {}, {}.",
            self.number,
            escaped(&self.job),
            self.severity,
            self.risk,
            words::rows(self.rows)
        ));
        if let (Some(first), Some(last)) = (&self.first, &self.last) {
            line(&format!("\nFrom {} to {}.", escaped(first), escaped(last)));
        }
        let verdict = Judgement::from_name(&self.verdict).map_or("open", Judgement::words);
        line(&format!("\nVerdict: **{verdict}**."));
        line("\n## Risk\n");
        for part in &self.parts {
            line(&format!("- {}: {}", part.points, escaped(&part.reason)));
        }
        if !self.together.is_empty() {
            line(&format!("\nOne incident because of {}.", escaped(&self.together.join(", and "))));
        }
        self.found(&mut line);
        self.rows(&mut line);
        self.decisions(&mut line);
        self.origin(&mut line);
        text
    }

    fn found(&self, line: &mut impl FnMut(&str)) {
        if self.found.is_empty() {
            return;
        }
        line("\n## What was found\n");
        line("| flag | actor | target | details | rows |\n| --- | --- | --- | --- | ---: |");
        for found in &self.found {
            line(&format!(
                "| {} | {} | {} | {} | {} |",
                escaped(&found.flag),
                optional(found.actor.as_deref()),
                optional(found.target.as_deref()),
                escaped(&found.details),
                found.rows
            ));
        }
    }

    fn rows(&self, line: &mut impl FnMut(&str)) {
        line("\n## Rows\n");
        line(&format!("{} of {} are listed.\n", self.records.len(), words::rows(self.rows)));
        line("| row | time | actor | target | score | flags | explanation |");
        line("| ---: | --- | --- | --- | ---: | --- | --- |");
        for record in &self.records {
            line(&format!(
                "| {} | {} | {} | {} | {} | {} | {} |",
                record.row,
                optional(record.time.as_deref()),
                optional(record.actor.as_deref()),
                optional(record.target.as_deref()),
                record.score.map_or_else(String::new, words::number),
                escaped(&record.flags.join(", ")),
                optional(record.explanation.as_deref()),
            ));
        }
    }

    fn decisions(&self, line: &mut impl FnMut(&str)) {
        if self.verdicts.is_empty() {
            return;
        }
        line("\n## Decisions\n");
        for verdict in &self.verdicts {
            let typed = if verdict.verified { "" } else { " (as typed)" };
            let words = Judgement::from_name(&verdict.verdict).map_or("unknown", Judgement::words);
            let until = match verdict.until.as_str() {
                "" => String::new(),
                until => format!(", quiet until {}", escaped(until)),
            };
            let note = match verdict.note.as_str() {
                "" => String::new(),
                note => format!(": {}", escaped(&note.replace('\n', " "))),
            };
            let (day, who) = (escaped(&day(&verdict.time)), escaped(&verdict.who));
            line(&format!("- {day}, {who}{typed}: {words}{until}{note}"));
        }
    }

    fn origin(&self, line: &mut impl FnMut(&str)) {
        line("\n## Origin\n");
        for (name, value) in [
            ("Report", &self.report),
            ("Page", &self.url),
            ("Namespace", &self.namespace),
            ("Input", &self.input),
            ("Made", &self.created),
            ("Version", &self.version),
            ("Keys", &self.keys.join(", ")),
        ] {
            if !value.is_empty() {
                line(&format!("- {name}: {}", escaped(value)));
            }
        }
        if self.defanged {
            line(
                "\nAddresses and domains are written with brackets, so that no program makes links of them.",
            );
        }
    }
}

fn optional(text: Option<&str>) -> String {
    text.map_or_else(String::new, escaped)
}

/// Text on one line without markup, hidden characters visible.
fn escaped(text: &str) -> String {
    escape_markdown(&make_visible(&words::shortened(text, CELL)))
}

/// Text without the markup of Markdown.
pub fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if "\\`*_{}[]<>()#+!|~&".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_texts_stay_texts() {
        assert_eq!(
            escaped("<b>|a\n[x](y)\u{202e}"),
            "\\<b\\>\\|a⟨U\\+000A⟩\\[x\\]\\(y\\)⟨U\\+202E⟩"
        );
    }
}
