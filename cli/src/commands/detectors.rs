//! `anomal detectors`: a table of all detectors.

use anomal_core::proto::Detector;
use anomal_spec::{Engines, RemoteEngine};
use comfy_table::{ContentArrangement, Table, presets};

use super::{CommandResult, print};
use crate::{args::Detectors, engines, present::error::Failure};

/// Characters of a line.
const WIDTH: u16 = 120;

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
    let mut text = table(&detectors).trim_fmt();
    text.push_str("\n`anomal components NAME` lists the parameters of a detector.\n");
    print(&text)
}

fn table(detectors: &[Detector]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(WIDTH);
    let header = [
        "Detector",
        "Categories",
        "Missing",
        "Reasons",
        "Clusters",
        "Row by row",
        "Cost",
        "What it does",
    ];
    table.set_header(header);
    let mark = |holds: bool| if holds { "yes" } else { "-" }.to_owned();
    for detector in detectors {
        table.add_row([
            detector.name.clone(),
            mark(detector.categorical),
            mark(detector.missing_values),
            mark(detector.contributions),
            mark(detector.clusters),
            mark(detector.row_wise),
            detector.cost.clone(),
            detector.description.clone(),
        ]);
    }
    table
}
