//! `anomal detectors`: all of them side by side.

use anomal_core::proto::Detector;
use anomal_spec::{Engines, RemoteEngine};
use comfy_table::{ContentArrangement, Table, presets};

use super::{Ended, print};
use crate::{args::Detectors, engines, present::error::Failure};

/// Letters of a line.
const WIDTH: u16 = 120;

pub fn list(arguments: &Detectors) -> Ended {
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
    text.push_str("\n`anomal components NAME` tells the parameters of one.\n");
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
    for known in detectors {
        table.add_row([
            known.name.clone(),
            mark(known.categorical),
            mark(known.missing_values),
            mark(known.contributions),
            mark(known.clusters),
            mark(known.row_wise),
            known.cost.clone(),
            known.description.clone(),
        ]);
    }
    table
}
