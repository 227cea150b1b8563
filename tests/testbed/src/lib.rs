//! A real one-node Kubernetes cluster for tests: API server, scheduler, kubelet, containerd, DNS and metrics-server,
//! compiled once into a cache and run in namespaces of their own. `cluster.sh` beside this crate does the work and tells
//! how; this is its door for tests and for `cargo xtask testbed`.
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
//! `ANOMAL_TEST_KUBECONFIG` names a cluster that is there already. It is taken as it is: nothing is built, started,
//! stopped or killed.

mod cluster;
mod facts;
mod script;

use anyhow::Result;
pub use cluster::Cluster;

use script::Script;

/// Names an existing cluster.
pub const KUBECONFIG: &str = "ANOMAL_TEST_KUBECONFIG";
/// How images get into that one: a command that takes archives, such as `kind load image-archive`.
pub const LOAD: &str = "ANOMAL_TEST_LOAD";

/// Compiles and installs what is missing: some fifteen minutes at the first time, then nothing. Two at once share the
/// work. Needs no cargo, so it may run beside it.
pub fn build() -> Result<()> {
    if cluster::named().is_some() { Ok(()) } else { script(&["build"]) }
}

/// Runs `cluster.sh` of this checkout, with the terminal's input and output.
pub fn script(arguments: &[&str]) -> Result<()> {
    Script::of_checkout().show(arguments)
}
