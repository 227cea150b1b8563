//! What can be copied to the clipboard from a screen.

use serde_json::{Map, Value as Json};

use crate::{
    model::{Model, Screen, Tab},
    overlays::{Choice, Choosable, Chosen},
    screens::outputs::shell,
};

impl Model {
    pub(crate) fn choose_copy(&mut self) {
        let mut options = Vec::new();
        let mut add = |text: &str, content: String| {
            options.push(Choosable::new(text, Chosen::Copy(content)));
        };
        if let Some(results) = &self.results {
            match self.screen {
                Screen::Row => {
                    if let Some(record) = &results.record {
                        add("why the row stands out", record.explanation.clone());
                        let value =
                            |(name, value): &(String, String)| (name.clone(), value.clone().into());
                        let object: Map<String, Json> = record.values.iter().map(value).collect();
                        add("the record as JSON", Json::Object(object).to_string());
                    }
                }
                Screen::Results => {
                    let at = results.cursor(results.tab).at;
                    let report = &results.report;
                    let selected = match results.tab {
                        Tab::Incidents => {
                            results.incident(at).map(|incident| incident.title.clone())
                        }
                        Tab::Rows => results
                            .row(at)
                            .map(|row| format!("row {}: {} {}", row.row, row.why, row.record)),
                        Tab::Flags => report.flags.get(at).map(|flag| flag.name.clone()),
                        Tab::Features => {
                            report.features.get(at).map(|feature| feature.name.clone())
                        }
                        Tab::Timeline => results.bins().get(at).map(|bin| {
                            format!("{}: {} rows, {} suspects", bin.label, bin.rows, bin.suspects)
                        }),
                    };
                    if let Some(text) = selected {
                        add("the selected line", text);
                    }
                }
                _ => {}
            }
        }
        let watched = self.cluster.as_ref().and_then(crate::model::Cluster::selected);
        if let Some(job) = watched {
            let command = format!("kubectl anomal status {} -n {}", job.name, job.namespace);
            add("the command that shows the job", command);
            if !job.report.is_empty() {
                add("the address of its report", job.report.clone());
            }
        }
        if let Some(job) = &self.job {
            add("the command that runs the settings", format!("anomal run {}", shell(&job.path)));
            add("the settings", job.document.text().to_owned());
        }
        if options.is_empty() {
            self.say("There is nothing to copy yet");
        } else {
            self.choose(Choice::new("copy", options));
        }
    }
}
