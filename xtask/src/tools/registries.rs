//! Registries for packs, and the tools that others use with them, built by Go. Where no recent Go can be installed, their
//! tests are skipped.

use std::env;

use anyhow::Result;

use super::{Environment, go};

/// Variable, folder in the cache, package and version. Not cosign, which takes Go ten minutes: its tests run where
/// `ANOMAL_TEST_COSIGN` names one, and signatures that it has made are among the tests' data.
const PROGRAMS: [(&str, &str, &str, &str); 3] = [
    (
        "ANOMAL_TEST_REGISTRY",
        "memory-registry",
        "github.com/google/go-containerregistry/cmd/registry",
        "v0.22.1",
    ),
    (
        "ANOMAL_TEST_DISTRIBUTION",
        "distribution",
        "github.com/distribution/distribution/v3/cmd/registry",
        "v3.1.2",
    ),
    ("ANOMAL_TEST_ORAS", "oras", "oras.land/oras/cmd/oras", "v1.3.6"),
];

/// The variables with the paths of the programs.
pub fn environment() -> Result<Environment> {
    let mut environment = Environment::new();
    for (variable, name, package, version) in PROGRAMS {
        if let Some(program) = env::var_os(variable) {
            environment.push((variable, program));
        } else if go::unavailable(package).is_none() {
            environment.push((variable, go::program(name, package, version)?.into()));
        }
    }
    Ok(environment)
}
