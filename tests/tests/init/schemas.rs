//! Records that are known by the names of their columns.

use std::collections::HashSet;

use anomal_tests::Workspace;

use super::fixtures::{TABLES, csv};

/// The settings for each table, as they are proposed without a trial.
#[test]
fn proposals_for_known_records() {
    let mut titles = HashSet::new();
    for (name, columns) in TABLES {
        let workspace = Workspace::with_files(&[("in.csv", csv(columns).as_bytes())]);
        let proposed = workspace.anomal(&["init", "in.csv", "--no-trial"]);
        proposed.expect(0, &[]);
        let title =
            proposed.stdout.lines().find(|line| line.ends_with(", by the names of the columns."));
        let title = title.unwrap_or_else(|| panic!("{name} is not known:\n{}", proposed.stdout));
        assert!(titles.insert(title.to_owned()), "{name}: {title} twice");
        insta::assert_snapshot!(*name, proposed.stdout);
    }
}

/// The settings run as they are, and the label is no feature.
#[test]
fn proposals_for_known_records_run() {
    for (name, columns) in TABLES {
        let workspace = Workspace::with_files(&[("in.csv", csv(columns).as_bytes())]);
        workspace.anomal(&["init", "in.csv", "--output", "job.yaml"]).expect(0, &[]);
        let ran = workspace.anomal(&["run", "job.yaml", "--summary", "none"]);
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.stderr);
    }
}

#[test]
fn names_make_a_schema_only_together() {
    // Without the balances after it, it is no payment of PaySim.
    let (_, columns) = TABLES.iter().find(|(name, _)| *name == "paysim").unwrap();
    let others: Vec<_> =
        columns.iter().copied().filter(|(name, _)| !name.starts_with("newbalance")).collect();
    let workspace = Workspace::with_files(&[("in.csv", csv(&others).as_bytes())]);
    let proposed = workspace.anomal(&["init", "in.csv", "--no-trial"]);
    proposed.expect(0, &[]);
    assert!(!proposed.stdout.contains("by the names of the columns"), "{}", proposed.stdout);
    assert!(proposed.stdout.contains("{type: field, name: oldbalanceOrg}"), "{}", proposed.stdout);
}

#[test]
fn values_limit_what_a_schema_says() {
    // A column of texts where the schema has numbers: its condition and figures are left out.
    let (_, columns) = TABLES.iter().find(|(name, _)| *name == "vpc-flow").unwrap();
    let table = csv(columns);
    let text = table.replace("bytes", "unused").replacen("srcaddr,", "bytes,srcaddr,", 1);
    let mut lines = text.lines();
    let mut changed = lines.next().unwrap().to_owned();
    for (row, line) in lines.enumerate() {
        changed.push_str(&format!("\n{},{line}", ["small", "large", "none"][row % 3]));
    }
    let workspace = Workspace::with_files(&[("in.csv", changed.as_bytes())]);
    let proposed = workspace.anomal(&["init", "in.csv"]);
    proposed.expect(0, &[]);
    assert!(proposed.stdout.contains("Flow logs of an AWS VPC"), "{}", proposed.stdout);
    assert!(!proposed.stdout.contains("bytes_per_packet"), "{}", proposed.stdout);
}
