//! Kafka, as jars from Maven. Where no Maven or Java can be installed, its tests are skipped with the reason.

use std::{fs, ops::RangeInclusive, path::PathBuf};

use anyhow::Result;

use super::{Environment, cached, java, maven};

const VERSION: &str = "4.1.0";
/// Without it, the broker logs nothing.
const LOGGER: &str = "1.7.36";
/// The Java versions that it supports: 17 and later.
const JAVA: RangeInclusive<u32> = 17..=99;
/// Of the jars, as `maven::check` computes it.
const SUM: &str = "92ac428fab7e0a0900db9970233e2d8b705dbf0dd7c5adc257af4a1e65e751ed\
                   9d81f05cd4502a498a3ec05a74e54340b3ef9fc65140f7f190b8506f44351a44";

pub fn environment() -> Result<Environment> {
    const VARIABLES: [&str; 3] =
        ["ANOMAL_TEST_KAFKA", "ANOMAL_TEST_KAFKA_JAVA", "ANOMAL_TEST_KAFKA_MISSING"];
    java::server("Kafka", VARIABLES, &JAVA, folder)
}

fn folder() -> Result<PathBuf> {
    cached("kafka", SUM.as_bytes(), |folder| {
        let project = format!(
            "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>
            <groupId>dev.anomal</groupId><artifactId>tests</artifactId><version>1</version>
            <dependencies>
            <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
            <version>{VERSION}</version></dependency>
            <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId>
            <version>{LOGGER}</version></dependency>
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
