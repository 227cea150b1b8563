//! What draws the pictures of dashboards that are Vega-Lite specifications, from npm. A test tool, no part of what is
//! built.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{debian, kept, run};

/// Of the major versions that Kibana 8 and OpenSearch Dashboards have.
const PACKAGES: [&str; 2] = ["vega@5.33.1", "vega-lite@5.23.0"];

/// The folder with its `node_modules`.
pub fn folder() -> Result<PathBuf> {
    kept("vega", PACKAGES.join(" ").as_bytes(), |folder| {
        if debian::program("npm").is_none() {
            debian::install(&["npm"])?;
        }
        // No package may run anything while it is installed.
        let install = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
        let mut command = Command::new("npm");
        command.args(install).arg("--prefix").arg(folder).args(PACKAGES);
        run(command.current_dir(folder))
    })
}
