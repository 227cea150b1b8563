//! Vega-Lite, which renders the charts of dashboards, from npm. A test tool: it is not part of any program.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{cached, debian, run};

/// In the major versions that Kibana 8 and OpenSearch Dashboards use.
const PACKAGES: [&str; 2] = ["vega@5.33.1", "vega-lite@5.23.0"];

/// The folder with its `node_modules`.
pub fn folder() -> Result<PathBuf> {
    cached("vega", PACKAGES.join(" ").as_bytes(), |folder| {
        if debian::program("npm").is_none() {
            debian::install(&["npm"])?;
        }
        // Without the install scripts of packages.
        let install = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
        let mut command = Command::new("npm");
        command.args(install).arg("--prefix").arg(folder).args(PACKAGES);
        run(command.current_dir(folder))
    })
}
