//! The operator never reads data, so it must not depend on tables and detectors.

use std::process::Command;

#[test]
fn tables_and_detectors_are_no_dependencies() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--package", "anomal-operator", "--edges", "normal", "--prefix", "none"]);
    let listed = cargo.args(["--locked", "--offline"]).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(text.lines().any(|line| line.starts_with("kube ")), "{text}");
    let heavy = |line: &&str| line.starts_with("polars") || line.starts_with("faer");
    assert_eq!(text.lines().find(heavy), None);
}
