//! docs/kubernetes/troubleshooting.md explains exactly the reasons that the operator sets.

use std::{collections::BTreeSet, fs, io, path::Path};

/// Words of Kubernetes in the same sources.
const KUBERNETES_WORDS: [&str; 23] = [
    "AlreadyExists",
    "Complete",
    "Conflict",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "Failed",
    "FailedAttachVolume",
    "FailedCreate",
    "FailedMount",
    "False",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "NotFound",
    "OOMKilled",
    "Pending",
    "PodScheduled",
    "Reconcile",
    "RunContainerError",
    "Succeeded",
    "True",
];

#[test]
fn each_reason_is_explained() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut reasons = BTreeSet::new();
    words(&crate_folder.join("src/controller.rs"), &mut reasons).unwrap();
    words(&crate_folder.join("src/controller"), &mut reasons).unwrap();
    for word in KUBERNETES_WORDS {
        assert!(
            reasons.remove(word),
            "{word} is not in the sources any more; remove it from the list"
        );
    }
    let page = crate_folder.join("../docs/kubernetes/troubleshooting.md");
    let page = fs::read_to_string(page).unwrap();
    let explained: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(reason, _)| reason.to_owned())
        .collect();
    assert_eq!(explained, reasons, "reasons of the page, and of the sources of the controller");
}

/// Collects the string literals that are one word in `CamelCase`, as reasons are, except in tests.
fn words(path: &Path, found: &mut BTreeSet<String>) -> io::Result<()> {
    if path.file_stem().is_some_and(|name| name == "tests") {
        return Ok(());
    }
    if path.is_dir() {
        return fs::read_dir(path)?.try_for_each(|entry| words(&entry?.path(), found));
    }
    let text = fs::read_to_string(path)?;
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let word = |literal: &&str| {
        literal.starts_with(|c: char| c.is_ascii_uppercase())
            && literal.contains(|c: char| c.is_ascii_lowercase())
            && literal.chars().all(|c| c.is_ascii_alphabetic())
    };
    found.extend(code.split('"').filter(word).map(str::to_owned));
    Ok(())
}
