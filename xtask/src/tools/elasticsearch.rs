//! Elasticsearch, in the distribution that its developers test with, from Maven. Where no Maven or Java can be
//! installed, its tests are skipped with the reason.

use std::{fs, ops::RangeInclusive, path::PathBuf, process::Command};

use anyhow::Result;

use super::{Environment, cached, debian, java, maven, run};

const VERSION: &str = "8.18.0";
/// The Java versions that it supports.
const JAVA: RangeInclusive<u32> = 17..=24;
/// Of the archive, as `maven::check` computes it.
const SUM: &str = "9071ea82d6105acef97d638f86ee234d8a2dd3b8d25370c01cfecfa670ff3804\
                   33afdff3ba17cdebb0eee6b43c242a94c841b25d391a223e9e1ed6548421413e";

pub fn environment() -> Result<Environment> {
    const VARIABLES: [&str; 3] = [
        "ANOMAL_TEST_ELASTICSEARCH",
        "ANOMAL_TEST_ELASTICSEARCH_JAVA",
        "ANOMAL_TEST_ELASTICSEARCH_MISSING",
    ];
    java::server("Elasticsearch", VARIABLES, &JAVA, folder)
}

fn folder() -> Result<PathBuf> {
    let folder = cached("elasticsearch", SUM.as_bytes(), |folder| {
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
