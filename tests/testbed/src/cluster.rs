//! A cluster that tests use.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context, Result, anyhow, bail};

use crate::{
    KUBECONFIG, LOAD,
    facts::Facts,
    script::{Script, read},
};

/// A cluster that is up.
#[derive(Debug)]
pub struct Cluster {
    kind: Kind,
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    helm: PathBuf,
}

#[derive(Debug)]
enum Kind {
    /// Somebody's, which is taken as it is.
    Named,
    /// One of ours, which ends with the value or goes on.
    Ours { script: Script, facts: Facts, ends: bool },
}

/// The cluster that the environment names.
pub fn named() -> Option<PathBuf> {
    env::var_os(KUBECONFIG).filter(|path| !path.is_empty()).map(PathBuf::from)
}

impl Cluster {
    /// The one that all tests of a checkout use, each in a namespace of its own. It is started if it is not up, mended
    /// if something in it was killed, and goes on after the tests: `cargo xtask testbed down` stops it.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::up().map_err(|error| format!("{error:#}")));
        shared.as_ref().map_err(|error| anyhow!("{error}"))
    }

    /// The named one, or this checkout's, which goes on when the value is dropped.
    pub fn up() -> Result<Self> {
        named().map_or_else(
            || Self::raised(Script::of_checkout(), false),
            |path| Ok(Self::taken(path)),
        )
    }

    /// One more, with a state folder of its own, for tests that break things. It ends when the value is dropped.
    pub fn up_in(state: &Path) -> Result<Self> {
        Self::raised(Script::of_state(state), true)
    }

    /// The named one, or this checkout's if it is up; it is not started.
    pub fn running() -> Result<Self> {
        match named() {
            Some(path) => Ok(Self::taken(path)),
            None => Self::ours(Script::of_checkout(), false),
        }
    }

    fn raised(script: Script, ends: bool) -> Result<Self> {
        script.read(&["up"]).context("the test cluster can't be started")?;
        Self::ours(script, ends)
    }

    fn ours(script: Script, ends: bool) -> Result<Self> {
        let facts = Facts::read(&script.read(&["facts"])?)?;
        Ok(Self {
            kubeconfig: facts.kubeconfig.clone(),
            kubectl: facts.kubectl.clone(),
            helm: facts.helm.clone(),
            kind: Kind::Ours { script, facts, ends },
        })
    }

    fn taken(kubeconfig: PathBuf) -> Self {
        Self { kind: Kind::Named, kubeconfig, kubectl: "kubectl".into(), helm: "helm".into() }
    }

    /// Whether it is the testbed's, and not one that was named.
    pub fn is_ours(&self) -> bool {
        matches!(self.kind, Kind::Ours { .. })
    }

    /// The settings of a client that may do everything.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// What kubectl prints.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        read(self.kubectl_command().args(arguments), "")
    }

    /// Applies a manifest.
    pub fn apply(&self, manifest: &str) -> Result<String> {
        read(self.kubectl_command().args(["apply", "--filename", "-"]), manifest)
    }

    /// kubectl, to be given arguments and run as a test likes: in the background, or with an input.
    pub fn kubectl_command(&self) -> Command {
        self.command(&self.kubectl)
    }

    /// What Helm prints.
    pub fn helm(&self, arguments: &[&str]) -> Result<String> {
        read(self.helm_command().args(arguments), "")
    }

    /// Helm, to be given arguments and run as a test likes.
    pub fn helm_command(&self) -> Command {
        self.command(&self.helm)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// Loads image archives (docker or OCI), for pods that say `imagePullPolicy: Never` or `IfNotPresent`.
    pub fn load<P: AsRef<Path>>(&self, archives: &[P]) -> Result<()> {
        let archives = archives.iter().map(|archive| archive.as_ref().as_os_str());
        match &self.kind {
            Kind::Ours { script, .. } => {
                let verb = [OsStr::new("load")].into_iter();
                script.read(&verb.chain(archives).collect::<Vec<_>>())?;
            }
            Kind::Named => {
                let load = env::var(LOAD).unwrap_or_default();
                let mut words = load.split_whitespace();
                let program = words.next().with_context(|| {
                    format!(
                        "images can't be loaded into the cluster that {KUBECONFIG} names: tell the command that does \
                         in {LOAD}, such as `kind load image-archive`"
                    )
                })?;
                read(self.command(Path::new(program)).args(words).args(archives), "")?;
            }
        }
        Ok(())
    }

    /// Kills a component, such as `kube-apiserver`, and starts it again; it answers afterwards.
    pub fn restart(&self, component: &str) -> Result<()> {
        self.ours_only("restart")?.read(&["restart", component]).map(drop)
    }

    /// Kills a component, which then stays away.
    pub fn stop(&self, component: &str) -> Result<()> {
        self.ours_only("stop")?.read(&["stop", component]).map(drop)
    }

    /// Starts a component that was stopped; it answers afterwards.
    pub fn start(&self, component: &str) -> Result<()> {
        self.ours_only("start")?.read(&["start", component]).map(drop)
    }

    /// What a command prints that is run in the node, as root: `ip`, `iptables`, `ctr`, `curl`.
    pub fn inside(&self, command: &[&str]) -> Result<String> {
        self.ours_only("inside")?.read(&[&["inside"], command].concat())
    }

    /// The machine's address as pods see it; a server for them listens there.
    pub fn machine_address(&self) -> Option<&str> {
        match &self.kind {
            Kind::Ours { facts, .. } => Some(&facts.machine),
            Kind::Named => None,
        }
    }

    /// The node's address as the machine sees it: node ports are there. Pods and cluster IPs are reached as they are.
    pub fn node_address(&self) -> Option<&str> {
        match &self.kind {
            Kind::Ours { facts, .. } => Some(&facts.node),
            Kind::Named => None,
        }
    }

    /// Stops it and removes every trace; a named one is left alone.
    pub fn down(mut self) -> Result<()> {
        let Kind::Ours { script, ends, .. } = &mut self.kind else { return Ok(()) };
        *ends = false;
        script.read(&["down"]).map(drop)
    }

    fn ours_only(&self, verb: &str) -> Result<&Script> {
        match &self.kind {
            Kind::Ours { script, .. } => Ok(script),
            Kind::Named => {
                bail!("`{verb}` needs the testbed's own cluster, and {KUBECONFIG} names another")
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Kind::Ours { script, ends: true, .. } = &self.kind {
            // The next `up` with this state folder sweeps what this leaves.
            let _ = script.read(&["down"]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_cluster_is_left_alone() {
        let cluster = Cluster::taken("/nonexistent/config".into());
        assert_eq!(cluster.kubeconfig(), Path::new("/nonexistent/config"));
        assert_eq!((cluster.machine_address(), cluster.node_address()), (None, None));
        let error = cluster.restart("kubelet").unwrap_err().to_string();
        assert!(error.contains("ANOMAL_TEST_KUBECONFIG names another"), "{error}");
        assert!(cluster.inside(&["true"]).is_err());
        let error = cluster.load(&["image.tar"]).unwrap_err().to_string();
        assert!(error.contains("ANOMAL_TEST_LOAD"), "{error}");
        cluster.down().unwrap();
    }
}
