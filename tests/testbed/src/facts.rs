//! Addresses and programs of a cluster, read from `cluster.sh facts`: a name and a value on each line.

use std::path::PathBuf;

use anyhow::{Context, Result};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The machine's address as pods see it.
    pub machine: String,
    /// The node's address as the machine sees it.
    pub node: String,
    pub kubeconfig: PathBuf,
    pub kubectl: PathBuf,
    pub helm: PathBuf,
}

impl Facts {
    pub fn read(text: &str) -> Result<Self> {
        let fact = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(' '));
            let found = lines.find(|(found, _)| *found == name);
            found.map(|(_, value)| value.to_owned()).with_context(|| {
                format!(
                    "no `{name}` in the cluster's facts: run `cargo xtask testbed down` and start it again"
                )
            })
        };
        Ok(Self {
            machine: fact("machine")?,
            node: fact("node")?,
            kubeconfig: fact("kubeconfig")?.into(),
            kubectl: fact("kubectl")?.into(),
            helm: fact("helm")?.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_by_name() {
        let text =
            "node 10.0.0.2\nmachine 10.0.0.1\nmore 1\nkubeconfig /a b/c\nkubectl k\nhelm h\n";
        let facts = Facts::read(text).unwrap();
        assert_eq!((facts.machine.as_str(), facts.node.as_str()), ("10.0.0.1", "10.0.0.2"));
        assert_eq!(facts.kubeconfig, PathBuf::from("/a b/c"));
        let error = Facts::read("node 10.0.0.2\n").unwrap_err();
        assert!(error.to_string().starts_with("no `machine` in the cluster's facts"), "{error}");
    }
}
