//! A real one-node Kubernetes cluster for tests: API server, scheduler, kubelet, containerd, DNS and metrics-server,
//! compiled once into a cache and run in their own namespaces. `cluster.sh` in this crate's folder does the work and
//! documents it; this crate is its interface for tests and for `cargo xtask testbed`.
//!
//! ```no_run
//! use anomal_testbed::Cluster;
//!
//! let cluster = Cluster::shared()?;
//! cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: mine}}")?;
//! let pods = cluster.kubectl(&["--namespace", "mine", "get", "pods", "--output", "name"])?;
//! # anyhow::Ok(())
//! ```
//!
//! `ANOMAL_TEST_KUBECONFIG` names an existing cluster. It is used unchanged: nothing is built, started, stopped or killed.

mod cluster;
mod facts;
mod script;

use std::{env, io::Write, thread};

use anyhow::Result;
pub use cluster::Cluster;

use script::Script;

/// The variable with the kubeconfig of an existing cluster.
pub const KUBECONFIG: &str = "ANOMAL_TEST_KUBECONFIG";
/// The variable with a command that loads image archives into that cluster, such as `kind load image-archive`.
pub const LOAD: &str = "ANOMAL_TEST_LOAD";

/// Compiles and installs what is missing, about fifteen minutes at the first time. Two processes share the work. It does
/// not need cargo, so a build can run at the same time.
pub fn build() -> Result<()> {
    if cluster::external().is_some() { Ok(()) } else { script(&["build"]) }
}

/// Runs `cluster.sh` of this checkout, with the terminal's input and output.
pub fn script(arguments: &[&str]) -> Result<()> {
    Script::for_checkout().run(arguments)
}

/// Whether tests that need a cluster run, which `cargo xtask test` enables. If not, the calling test is reported as
/// skipped. Such tests are marked `#[ignore]`, so that plain `cargo test` does not count them as passed.
pub fn cluster_tests_enabled() -> bool {
    let enabled = env::var("ANOMAL_TEST_CLUSTER").is_ok_and(|value| value == "1");
    if !enabled {
        skip("no test cluster; run `cargo xtask test`, or set ANOMAL_TEST_CLUSTER=1");
    }
    enabled
}

/// Reports the calling test as skipped, on a separate line: Rust's test harness shows it as passed. `cargo xtask test`
/// counts these lines.
pub fn skip(reason: &str) {
    let thread = thread::current();
    let test = thread.name().map(|name| format!("{name}: ")).unwrap_or_default();
    // The harness captures `println!` but not this.
    let _ = writeln!(std::io::stdout(), "\nskipped: {test}{reason}");
}
