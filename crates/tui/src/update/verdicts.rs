//! What a person decides about an incident. Verdicts are those of the report store: they come back in the next run.

use crate::{
    effect::{Effect, Judgement},
    message::Judged,
    model::{Model, Screen, Tab},
    overlays::{Choice, Choosable, Chosen, Confirm, Overlay},
};

/// The key, the name and the meaning of each verdict.
const VERDICTS: [(char, &str, &str); 4] = [
    ('r', "true-positive", "real: true positive, what the job looks for"),
    ('b', "benign", "benign: real, and harmless"),
    ('n', "false-positive", "noise: false positive, the job is wrong"),
    ('u', "undecided", "unsure: undecided, takes back what was decided"),
];

impl Model {
    /// Lists the verdicts for what is selected.
    pub(crate) fn ask_verdict(&mut self) {
        let Some(results) = &self.results else { return };
        if results.report.is_file {
            return self.complain(
                "A result file has no verdicts: they are kept with reports, which the first screen lists (0)",
            );
        }
        let at = results.cursor(results.tab).at;
        let incident = match (self.screen, results.tab) {
            (Screen::Row, _) => results.record.as_ref().and_then(|record| record.incident),
            (_, Tab::Incidents) => results.incident(at).map(|incident| incident.number),
            (_, Tab::Rows) => results.row(at).and_then(|row| row.incident),
            _ => return self.say("A verdict is about an incident or a row; Tab goes to them"),
        };
        match incident {
            Some(incident) => self.choose_verdict(incident),
            None => self.complain("It is in no incident, and verdicts are about incidents"),
        }
    }

    fn choose_verdict(&mut self, incident: u64) {
        let comment = match self.comment() {
            comment if comment.is_empty() => "comment: write one first".to_owned(),
            comment => format!("comment: {comment}"),
        };
        let verdicts = VERDICTS.into_iter().map(|(key, name, text)| {
            Choosable::new(text, Chosen::Judge(incident, name)).with_key(key)
        });
        let comment = Choosable::new(comment, Chosen::Comment(incident)).with_key('c');
        let options = verdicts.chain([comment]).collect();
        self.choose(Choice::new(&format!("verdict on incident {incident}"), options));
    }

    /// The comment that is not stored yet.
    pub(crate) fn comment(&self) -> String {
        self.results.as_ref().map(|results| results.comment.clone()).unwrap_or_default()
    }

    pub(crate) fn take_comment(&mut self, incident: u64, text: &str) {
        if let Some(results) = &mut self.results {
            text.trim().clone_into(&mut results.comment);
        }
        self.choose_verdict(incident);
    }

    pub(crate) fn judge(&mut self, incident: u64, verdict: &str) -> Vec<Effect> {
        let note = self.comment();
        let Some(results) = &self.results else { return Vec::new() };
        let after = results.report.newest_verdict;
        self.send(Judgement { incident, verdict: verdict.to_owned(), note, after })
    }

    /// Sends a verdict again, now that the newer ones are seen.
    pub(crate) fn overrule(&mut self, judgement: Judgement) -> Vec<Effect> {
        let Some(results) = &self.results else { return Vec::new() };
        let after = results.report.newest_verdict;
        self.send(Judgement { after, ..judgement })
    }

    fn send(&mut self, judgement: Judgement) -> Vec<Effect> {
        if let Some(results) = &mut self.results {
            results.judging = Some(judgement.clone());
        }
        vec![Effect::Judge(judgement)]
    }

    pub(crate) fn judged(&mut self, result: Result<Judged, String>) {
        let Some(results) = &mut self.results else { return };
        let Some(judgement) = results.judging.take() else { return };
        let judged = match result {
            Ok(judged) => judged,
            // The comment stays for the next try.
            Err(message) => return self.complain(format!("Not stored: {message}")),
        };
        results.report.newest_verdict = judged.newest;
        for incident in &mut results.report.incidents {
            let found = judged.decisions.iter().find(|(number, _)| *number == incident.number);
            incident.decision = found.map(|(_, decision)| decision.clone());
        }
        if judged.newer.is_empty() {
            results.comment.clear();
            let verdict = judgement.verdict.replace('-', " ");
            self.say(format!("Incident {}: {verdict}", judgement.incident));
        } else {
            let newer = judged.newer;
            self.overlay = Some(Overlay::Confirm(Confirm::Overrule { judgement, newer }));
        }
    }
}
