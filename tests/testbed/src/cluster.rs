//! A cluster for tests.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context, Result, anyhow, bail};

use crate::{
    KUBECONFIG, LOAD, cluster_tests_enabled,
    facts::Facts,
    script::{Script, read},
};

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    kind: Kind,
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    helm: PathBuf,
}

#[derive(Debug)]
enum Kind {
    /// A cluster outside the testbed, which is used unchanged.
    External,
    /// A cluster of the testbed.
    Testbed { script: Script, facts: Facts, stop_on_drop: bool },
}

/// The kubeconfig of the external cluster that the environment names.
pub fn external() -> Option<PathBuf> {
    env::var_os(KUBECONFIG).filter(|path| !path.is_empty()).map(PathBuf::from)
}

impl Cluster {
    /// The cluster that all tests of a checkout share, each in its own namespace. It is started if it is not running,
    /// repaired if a component was killed, and keeps running after the tests: `cargo xtask testbed down` stops it.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::up().map_err(|error| format!("{error:#}")));
        shared.as_ref().map_err(|error| anyhow!("{error}"))
    }

    /// The shared cluster, or none unless `ANOMAL_TEST_CLUSTER` is 1: then the test is reported as skipped.
    ///
    /// # Errors
    /// If the cluster cannot be started.
    pub fn for_test() -> Result<Option<&'static Self>> {
        if cluster_tests_enabled() { Self::shared().map(Some) } else { Ok(None) }
    }

    /// The external cluster if one is named, else this checkout's. It keeps running when the value is dropped.
    pub fn up() -> Result<Self> {
        external().map_or_else(
            || Self::start_script(Script::for_checkout(), false),
            |path| Ok(Self::from_kubeconfig(path)),
        )
    }

    /// A separate cluster with its own state folder, for tests that break it. It stops when the value is dropped.
    pub fn up_in(state: &Path) -> Result<Self> {
        Self::start_script(Script::for_state(state), true)
    }

    /// The external cluster, or this checkout's if it is running. It is not started.
    pub fn running() -> Result<Self> {
        match external() {
            Some(path) => Ok(Self::from_kubeconfig(path)),
            None => Self::from_script(Script::for_checkout(), false),
        }
    }

    fn start_script(script: Script, stop_on_drop: bool) -> Result<Self> {
        script.read(&["up"]).context("cannot start the test cluster")?;
        Self::from_script(script, stop_on_drop)
    }

    fn from_script(script: Script, stop_on_drop: bool) -> Result<Self> {
        let facts = Facts::read(&script.read(&["facts"])?)?;
        Ok(Self {
            kubeconfig: facts.kubeconfig.clone(),
            kubectl: facts.kubectl.clone(),
            helm: facts.helm.clone(),
            kind: Kind::Testbed { script, facts, stop_on_drop },
        })
    }

    fn from_kubeconfig(kubeconfig: PathBuf) -> Self {
        Self { kind: Kind::External, kubeconfig, kubectl: "kubectl".into(), helm: "helm".into() }
    }

    /// Whether it is a cluster of the testbed and not an external one.
    pub fn is_ours(&self) -> bool {
        matches!(self.kind, Kind::Testbed { .. })
    }

    /// A kubeconfig with all rights.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Runs kubectl and returns its output.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        read(self.kubectl_command().args(arguments), "")
    }

    /// Applies a manifest.
    pub fn apply(&self, manifest: &str) -> Result<String> {
        read(self.kubectl_command().args(["apply", "--filename", "-"]), manifest)
    }

    /// A kubectl command without arguments, for tests that run it in the background or with an input.
    pub fn kubectl_command(&self) -> Command {
        self.command(&self.kubectl)
    }

    /// Runs Helm and returns its output.
    pub fn helm(&self, arguments: &[&str]) -> Result<String> {
        read(self.helm_command().args(arguments), "")
    }

    /// A Helm command without arguments.
    pub fn helm_command(&self) -> Command {
        self.command(&self.helm)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// Loads image archives (docker or OCI), for pods with `imagePullPolicy: Never` or `IfNotPresent`.
    pub fn load<P: AsRef<Path>>(&self, archives: &[P]) -> Result<()> {
        let archives = archives.iter().map(|archive| archive.as_ref().as_os_str());
        match &self.kind {
            Kind::Testbed { script, .. } => {
                let command = [OsStr::new("load")].into_iter();
                script.read(&command.chain(archives).collect::<Vec<_>>())?;
            }
            Kind::External => {
                let load = env::var(LOAD).unwrap_or_default();
                let mut words = load.split_whitespace();
                let program = words.next().with_context(|| {
                    format!(
                        "cannot load images into the cluster of {KUBECONFIG}: set {LOAD} to a command that takes \
                         archives, such as `kind load image-archive`"
                    )
                })?;
                read(self.command(Path::new(program)).args(words).args(archives), "")?;
            }
        }
        Ok(())
    }

    /// Kills a component, such as `kube-apiserver`, starts it again and waits until it answers.
    pub fn restart(&self, component: &str) -> Result<()> {
        self.script("restart")?.read(&["restart", component]).map(drop)
    }

    /// Kills a component, which is not started again.
    pub fn stop(&self, component: &str) -> Result<()> {
        self.script("stop")?.read(&["stop", component]).map(drop)
    }

    /// Starts a stopped component and waits until it answers.
    pub fn start(&self, component: &str) -> Result<()> {
        self.script("start")?.read(&["start", component]).map(drop)
    }

    /// Runs a command as root in the node (`ip`, `iptables`, `ctr`, `curl`) and returns its output.
    pub fn inside(&self, command: &[&str]) -> Result<String> {
        self.script("inside")?.read(&[&["inside"], command].concat())
    }

    /// The machine's address as pods see it, on which a server for pods listens.
    pub fn machine_address(&self) -> Option<&str> {
        match &self.kind {
            Kind::Testbed { facts, .. } => Some(&facts.machine),
            Kind::External => None,
        }
    }

    /// The node's address as the machine sees it, which has the node ports. Pods and cluster IPs are reached directly.
    pub fn node_address(&self) -> Option<&str> {
        match &self.kind {
            Kind::Testbed { facts, .. } => Some(&facts.node),
            Kind::External => None,
        }
    }

    /// Stops it and removes every trace of it. An external one is not changed.
    pub fn down(mut self) -> Result<()> {
        let Kind::Testbed { script, stop_on_drop, .. } = &mut self.kind else { return Ok(()) };
        *stop_on_drop = false;
        script.read(&["down"]).map(drop)
    }

    fn script(&self, verb: &str) -> Result<&Script> {
        match &self.kind {
            Kind::Testbed { script, .. } => Ok(script),
            Kind::External => {
                bail!(
                    "`{verb}` needs a cluster of the testbed, but {KUBECONFIG} names an external one"
                )
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Kind::Testbed { script, stop_on_drop: true, .. } = &self.kind {
            // If that fails, the next `up` with this state folder removes what is left.
            let _ = script.read(&["down"]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_cluster_is_not_changed() {
        let cluster = Cluster::from_kubeconfig("/nonexistent/config".into());
        assert_eq!(cluster.kubeconfig(), Path::new("/nonexistent/config"));
        assert_eq!((cluster.machine_address(), cluster.node_address()), (None, None));
        let error = cluster.restart("kubelet").unwrap_err().to_string();
        assert!(error.contains("ANOMAL_TEST_KUBECONFIG names an external one"), "{error}");
        assert!(cluster.inside(&["true"]).is_err());
        let error = cluster.load(&["image.tar"]).unwrap_err().to_string();
        assert!(error.contains("ANOMAL_TEST_LOAD"), "{error}");
        cluster.down().unwrap();
    }
}
