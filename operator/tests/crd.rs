//! The chart has the custom resource definition of this version.

use std::{fs, process::Command};

#[test]
fn the_chart_has_the_current_definition() {
    let printed = Command::new(env!("CARGO_BIN_EXE_anomal-operator")).arg("crd").output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/anomal/files/crd.yaml");
    let same = fs::read(file).unwrap() == printed.stdout;
    assert!(same, "charts/anomal/files/crd.yaml is stale: `cargo xtask crd` writes it");
}
