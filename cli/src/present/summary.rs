//! The summary of a run, for people.

use std::fmt::{self, Display};

use anomal_connectors::terminal::harmless;
use anomal_core::words::{self, grouped};
use anomal_runner::{Stage, Summary, Suspect};
use anomal_spec::Severity;

use super::incidents::{IncidentTable, LISTED};

/// A summary as text, about a screen long.
pub struct SummaryText<'a> {
    pub summary: &'a Summary,
    pub color: bool,
    /// Whether rows are listed rather than incidents.
    pub rows: bool,
}

impl Display for SummaryText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts(f)?;
        if self.lists_rows() {
            self.suspects(f)?;
            self.flags(f)?;
        } else {
            let table = IncidentTable {
                incidents: &self.summary.incidents,
                count: self.summary.incident_count.unwrap_or_default(),
                entities: &self.summary.entities,
                evidence: self.summary.evidence,
                listed: LISTED,
                fold: true,
                color: self.color,
            };
            write!(f, "{table}")?;
        }
        self.notes(f)?;
        self.files(f)?;
        self.report(f)?;
        self.times(f)
    }
}

impl SummaryText<'_> {
    fn lists_rows(&self) -> bool {
        self.rows || self.summary.incidents.is_empty()
    }

    fn counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.summary;
        writeln!(f, "{}", self.bold(&format!("{}: {}", run.job, words::rows(run.rows))))?;
        for filter in run.filters.iter().filter(|filter| filter.rows > 0) {
            writeln!(f, "  {:>9}  filtered by {}", grouped(filter.rows), filter.name)?;
        }
        if run.rejected > 0 {
            let file = run.dead_letter.as_ref().map(|file| format!(", written to {}", file.target));
            let count = grouped(run.rejected);
            writeln!(f, "  {count:>9}  rejected{}", file.unwrap_or_default())?;
        }
        if let Some(engine) = &run.engine {
            let threshold = run.threshold.as_deref().unwrap_or("its own threshold");
            let count = self.red_if(run.suspicious > 0, &format!("{:>9}", grouped(run.suspicious)));
            let features = words::counted(run.features as u64, "feature", "features");
            writeln!(f, "  {count}  suspicious by {engine} ({threshold}) over {features}")?;
        }
        if !run.flags.is_empty() {
            writeln!(f, "  {:>9}  flagged", grouped(run.flagged))?;
        }
        Ok(())
    }

    fn suspects(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.summary.suspects.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n{}", self.bold("Worth a look first"))?;
        for suspect in &self.summary.suspects {
            self.suspect(f, suspect)?;
        }
        Ok(())
    }

    fn suspect(&self, f: &mut fmt::Formatter<'_>, suspect: &Suspect) -> fmt::Result {
        let score = suspect.score.map(|score| format!("  score {score:.3}")).unwrap_or_default();
        let record = suspect.record.iter().filter(|(_, text)| !text.is_empty());
        let record: Vec<String> =
            record.map(|(name, text)| format!("{name}={}", harmless(text, 60))).collect();
        let row = self.bold(&format!("row {}", suspect.row));
        writeln!(f, "  {row}{score}  {}", record.join("  "))?;
        if let Some(explanation) = &suspect.explanation {
            writeln!(f, "    {}", harmless(explanation, 240))?;
        }
        for (flag, finding) in suspect.flags.iter().zip(&suspect.findings) {
            let finding = if finding.is_empty() {
                String::new()
            } else {
                format!(": {}", harmless(finding, 120))
            };
            writeln!(f, "    {} {flag}{finding}", self.severity(suspect.severity))?;
        }
        Ok(())
    }

    fn flags(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hit: Vec<_> = self.summary.flags.iter().filter(|flag| flag.rows > 0).collect();
        if hit.is_empty() {
            return Ok(());
        }
        hit.sort_by_key(|flag| (std::cmp::Reverse(flag.severity), std::cmp::Reverse(flag.rows)));
        writeln!(f, "\n{}", self.bold("Flags"))?;
        for flag in hit {
            let count = grouped(flag.rows);
            let text = if flag.message.is_empty() {
                flag.description.clone()
            } else {
                flag.message.replace("{count}", &count)
            };
            let severity = self.severity(Some(flag.severity));
            writeln!(f, "  {severity:6} {count:>9}  {}  {}", flag.name, harmless(&text, 160))?;
        }
        Ok(())
    }

    fn notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.summary.diagnostics {
            let path = if diagnostic.path.is_empty() {
                String::new()
            } else {
                format!("{}: ", diagnostic.path)
            };
            let message = harmless(&diagnostic.message, 400);
            match diagnostic.count {
                0 => writeln!(f, "\nnote: {path}{message}")?,
                count => {
                    let values = words::counted(count, "value", "values");
                    writeln!(f, "\nnote: {path}{message} ({values})")?;
                }
            }
        }
        Ok(())
    }

    fn files(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<_> =
            self.summary.outputs.iter().filter(|output| output.target != "-").collect();
        if files.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n{}", self.bold("Written"))?;
        for file in files {
            let existing = match file.existing {
                0 => String::new(),
                count => format!(" ({} existed before)", grouped(count)),
            };
            let rows = if file.rows == 1 { "row " } else { "rows" };
            writeln!(f, "  {:>9} {rows}  {}{existing}", grouped(file.rows), file.target)?;
            if file.refused > 0 {
                let dead_letter = file.refused_in.as_deref().unwrap_or_default();
                let count = self.red_if(true, &format!("{:>9}", grouped(file.refused)));
                writeln!(f, "  {count} refused, written with the reasons to {dead_letter}")?;
            }
        }
        Ok(())
    }

    fn report(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.summary.report {
            Some(report) if report.url.is_empty() => {
                writeln!(f, "\nReport {} is stored; `anomal report serve` shows it", report.id)
            }
            Some(report) => writeln!(f, "\nReport {}", report.url),
            None => Ok(()),
        }
    }

    fn times(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stages = self.summary.stages.iter().filter(|time| time.stage != Stage::Plan);
        let stages: Vec<String> = stages
            .map(|time| format!("{} {}", time.stage.label(), words::duration(time.seconds)))
            .collect();
        let whole = words::duration(self.summary.duration_seconds);
        if !self.lists_rows() {
            return writeln!(f, "\nDone in {whole}");
        }
        writeln!(f, "\nDone in {whole} ({})", stages.join(", "))
    }

    fn bold(&self, text: &str) -> String {
        self.styled("1", text)
    }

    fn red_if(&self, condition: bool, text: &str) -> String {
        if condition { self.styled("31;1", text) } else { text.to_owned() }
    }

    fn severity(&self, severity: Option<Severity>) -> String {
        match severity {
            Some(Severity::High) => self.styled("31", "high"),
            Some(Severity::Medium) => self.styled("33", "medium"),
            Some(Severity::Low) => self.styled("36", "low"),
            None => String::new(),
        }
    }

    fn styled(&self, style: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_data_are_escaped() {
        assert_eq!(harmless("a\u{1b}[31mb\n\u{202e}c", 20), "a\\u{1b}[31mb\\u{a}\\u{202e}c");
        assert_eq!(harmless("abcdef", 3), "abc…");
    }
}
