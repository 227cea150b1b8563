//! `anomal detectors`: a table of all detectors.

use std::fmt::Write;

use anomal_core::proto::Detector;
use anomal_spec::{Engines, RemoteEngine};
use comfy_table::{Table, presets};

use super::{CommandResult, print};
use crate::{args::Detectors, engines, present::error::Failure};

/// Characters of a line.
const WIDTH: usize = 80;

pub fn list(arguments: &Detectors) -> CommandResult {
    let endpoints = arguments.classification_engine.clone();
    let remote = (!endpoints.is_empty()).then(|| Engines {
        classification: Some(RemoteEngine { endpoints, ..RemoteEngine::default() }),
        ..Engines::default()
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let detectors = runtime.block_on(async {
        let engines = engines::connect(remote.as_ref(), None).await?;
        Ok::<_, Failure>(engines.classification.list_detectors().await?)
    })?;
    if arguments.json {
        return print(&format!("{:#}\n", serde_json::json!(detectors)));
    }
    let mut text = table(&detectors);
    text.push_str("\n`anomal components NAME` lists the parameters of a detector.\n");
    print(&text)
}

/// A line for each detector, with what it does below it.
fn table(detectors: &[Detector]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["Detector", "Categories", "Missing", "Reasons", "Clusters", "Row by row"]);
    let mark = |holds: bool| if holds { "yes" } else { "-" }.to_owned();
    for detector in detectors {
        table.add_row([
            detector.name.clone(),
            mark(detector.categorical),
            mark(detector.missing_values),
            mark(detector.contributions),
            mark(detector.clusters),
            mark(detector.row_wise),
        ]);
    }
    let table = table.trim_fmt();
    let mut lines = table.lines();
    let mut text = lines.next().unwrap_or_default().to_owned() + "\n";
    for (line, detector) in lines.zip(detectors) {
        let about = format!("{} Cost: {}.", detector.description, detector.cost);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}\n{}", wrapped(&about));
    }
    text
}

/// Text in lines of [`WIDTH`] characters, indented.
fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("     {word}")),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_wide_as_a_terminal() {
        let detector = Detector {
            name: "Gower".into(),
            description: "word ".repeat(60),
            cost: "O(n)".into(),
            ..Detector::default()
        };
        let text = table(&[detector.clone(), detector]);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert_eq!(text.lines().count(), 1 + 2 * (1 + 5), "{text}");
        assert!(text.ends_with("Cost: O(n).\n"), "{text}");
    }
}
