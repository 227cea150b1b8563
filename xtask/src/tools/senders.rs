//! Programs of others that send records, or rotate their files: daemons of syslog, a collector of OpenTelemetry, a client of
//! Elasticsearch, and logrotate. Where they can't be had, their tests are skipped.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{Environment, cached, debian, go, python, run};

/// Requirements of the test with the client of Elasticsearch.
const ELASTICSEARCH_CLIENT: &str = "tests/tests/pushed/requirements.txt";
/// What the collector is made of, by the builder of this version.
const COLLECTOR: &str = "tests/tests/pushed/collector.yaml";
const BUILDER: (&str, &str) = ("go.opentelemetry.io/collector/cmd/builder", "v0.165.0");
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// A program of Debian that is not installed, since daemons of syslog exclude each other, and nobody wants two more.
struct Unpacked {
    variable: &'static str,
    packages: &'static [&'static str],
    program: &'static str,
    /// Where its libraries and modules are.
    folders: &'static [&'static str],
    /// The option with the folder of its modules, and the folder.
    modules: Option<(&'static str, &'static str)>,
}

const UNPACKED: [Unpacked; 4] = [
    Unpacked {
        variable: "ANOMAL_TEST_RSYSLOG",
        packages: &["rsyslog", "rsyslog-openssl"],
        program: "usr/sbin/rsyslogd",
        folders: &[LIBRARIES],
        modules: Some(("-M", "usr/lib/x86_64-linux-gnu/rsyslog")),
    },
    Unpacked {
        variable: "ANOMAL_TEST_SYSLOG_NG",
        packages: &["syslog-ng-core"],
        program: "usr/sbin/syslog-ng",
        folders: &[LIBRARIES, "lib/x86_64-linux-gnu", "usr/lib/syslog-ng"],
        modules: Some(("--module-path", "usr/lib/syslog-ng/3.38")),
    },
    Unpacked {
        variable: "ANOMAL_TEST_NC",
        packages: &["netcat-openbsd"],
        program: "bin/nc.openbsd",
        folders: &[],
        modules: None,
    },
    Unpacked {
        variable: "ANOMAL_TEST_LOGROTATE",
        packages: &["logrotate"],
        program: "usr/sbin/logrotate",
        folders: &[LIBRARIES],
        modules: None,
    },
];

/// The variables with the paths of the programs.
pub fn environment() -> Result<Environment> {
    let mut environment = unpacked()?;
    if let Some(program) = env::var_os("ANOMAL_TEST_COLLECTOR") {
        environment.push(("ANOMAL_TEST_COLLECTOR", program));
    } else if go::unavailable(BUILDER.0).is_none() {
        environment.push(("ANOMAL_TEST_COLLECTOR", collector()?.into()));
    }
    let client = env::var_os("ANOMAL_TEST_ELASTICSEARCH_PYTHON").map_or_else(
        || python::with("elasticsearch-client", Path::new(ELASTICSEARCH_CLIENT)).map(Into::into),
        Ok,
    );
    environment.push(("ANOMAL_TEST_ELASTICSEARCH_PYTHON", client?));
    Ok(environment)
}

/// Those of Debian alone.
pub fn unpacked() -> Result<Environment> {
    let mut environment = Environment::new();
    for unpacked in &UNPACKED {
        if let Some(program) = env::var_os(unpacked.variable) {
            environment.push((unpacked.variable, program));
        } else if debian::program("apt-get").is_some() && cfg!(target_arch = "x86_64") {
            let program = unpacked.get().with_context(|| format!("for {}", unpacked.variable))?;
            environment.push((unpacked.variable, program.into()));
        }
    }
    Ok(environment)
}

impl Unpacked {
    /// A script that starts the program with its libraries and modules.
    fn get(&self) -> Result<PathBuf> {
        let name = self.packages[0];
        let folder = cached(name, self.packages.join(" ").as_bytes(), |folder| {
            debian::unpack(self.packages, folder)?;
            let place = |path: &&str| folder.join(path).display().to_string();
            let libraries: Vec<String> = self.folders.iter().map(place).collect();
            let modules = self.modules.map(|(option, path)| format!("{option} {}", place(&path)));
            let script = format!(
                "#!/bin/sh\nLD_LIBRARY_PATH={} exec {} {} \"$@\"\n",
                libraries.join(":"),
                place(&self.program),
                modules.unwrap_or_default()
            );
            let path = folder.join(name);
            fs::write(&path, script)?;
            Ok(fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?)
        })?;
        Ok(folder.join(name))
    }
}

fn collector() -> Result<PathBuf> {
    let manifest = fs::read(COLLECTOR).with_context(|| format!("cannot read {COLLECTOR}"))?;
    let folder = cached("otel-collector", &manifest, |folder| {
        let builder = go::program("otel-builder", BUILDER.0, BUILDER.1)?;
        let config = folder.join("collector.yaml");
        fs::write(&config, &manifest)?;
        let mut build = Command::new(builder);
        build.arg("--config").arg(config).args(["--ldflags", "-s -w"]);
        // It writes to the folder that the manifest names.
        run(build.env("CGO_ENABLED", "0").current_dir(folder))
    })?;
    Ok(folder.join("collector/otelcol"))
}
