//! A real Elasticsearch: the distribution that its makers test with, from Maven. Where no Maven or Java can be had, its
//! tests are skipped, and say so.

use std::{fs, ops::RangeInclusive, path::PathBuf, process::Command};

use anyhow::Result;

use super::{Environment, debian, java, kept, maven, run};

const VERSION: &str = "8.18.0";
/// What that version runs on.
const JAVA: RangeInclusive<u32> = 17..=24;
/// Over its sum, as `maven::check` makes it.
const SUM: &str = "9071ea82d6105acef97d638f86ee234d8a2dd3b8d25370c01cfecfa670ff3804\
                   33afdff3ba17cdebb0eee6b43c242a94c841b25d391a223e9e1ed6548421413e";

pub fn told() -> Result<Environment> {
    const VARIABLES: [&str; 3] = [
        "ANOMAL_TEST_ELASTICSEARCH",
        "ANOMAL_TEST_ELASTICSEARCH_JAVA",
        "ANOMAL_TEST_ELASTICSEARCH_MISSING",
    ];
    java::server("Elasticsearch", VARIABLES, &JAVA, folder)
}

fn folder() -> Result<PathBuf> {
    let folder = kept("elasticsearch", SUM.as_bytes(), |folder| {
        if debian::program("unzip").is_none() {
            debian::install(&["unzip"])?;
        }
        let artifact = "org.elasticsearch.distribution.integ-test-zip:elasticsearch";
        let arguments = [
            format!("-Dartifact={artifact}:{VERSION}:zip"),
            format!("-DoutputDirectory={}", folder.display()),
        ];
        maven::dependency("copy", &arguments, folder)?;
        let archive = format!("elasticsearch-{VERSION}.zip");
        maven::check(folder, &archive, SUM)?;
        run(Command::new("unzip").args(["-q", &archive]).current_dir(folder))?;
        Ok(fs::remove_file(folder.join(archive))?)
    })?;
    Ok(folder.join(format!("elasticsearch-{VERSION}")))
}
