//! Traces of a cluster on the machine, by its number: other clusters may start and stop at the same time.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// State that no cluster may change: rules, kernel settings, folders.
#[derive(Debug, PartialEq, Eq)]
pub struct Machine {
    rules: String,
    settings: Vec<String>,
    folders: Vec<PathBuf>,
}

impl Machine {
    pub fn inspect() -> Self {
        let settings =
            ["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"];
        let settings = settings.map(|name| read(Path::new("/proc/sys").join(name)));
        let forward = read("/proc/sys/net/ipv4/ip_forward");
        let folders =
            ["/var/lib/kubelet", "/var/lib/cni", "/opt/containerd", "/var/log/pods", "/etc/cni"];
        Self {
            rules: output("iptables-save", &[]),
            settings: settings.into_iter().chain([forward]).collect(),
            folders: folders
                .map(PathBuf::from)
                .into_iter()
                .filter(|folder| folder.exists())
                .collect(),
        }
    }
}

/// A running node as the machine sees it.
pub struct Node {
    state: PathBuf,
    number: String,
    process: String,
    /// Its PID namespace.
    namespace: PathBuf,
}

impl Node {
    /// The node with this state folder.
    pub fn in_state(state: &Path) -> Self {
        let process = read(state.join("pids/init"));
        let process = process.split(' ').next().unwrap().to_owned();
        let namespace = fs::read_link(format!("/proc/{process}/ns/pid")).unwrap();
        Self { state: state.to_owned(), number: read(state.join("slot")), process, namespace }
    }

    pub fn kill(&self) {
        assert!(Command::new("kill").args(["-KILL", &self.process]).status().unwrap().success());
    }

    /// Everything that exists because of it.
    pub fn traces(&self) -> Vec<String> {
        let (link, cgroup) =
            (format!("anomal{}", self.number), format!("anomal-testbed-{}", self.number));
        let state = self.state.to_string_lossy().into_owned();
        let lines = |text: String, name: &str| {
            let found = text
                .lines()
                .filter(|line| line.split([' ', ':', '@', '/']).any(|word| word == name));
            found.map(str::to_owned).collect::<Vec<_>>()
        };
        let mut traces = self.processes(&state);
        traces.extend(lines(output("ip", &["-o", "link"]), &link));
        traces.extend(lines(output("ip", &["-o", "route", "show", "table", "all"]), &link));
        let mounts = read("/proc/self/mountinfo");
        traces.extend(mounts.lines().filter(|line| line.contains(&state)).map(str::to_owned));
        traces.extend(lines(output("find", &["/sys/fs/cgroup", "-maxdepth", "2"]), &cgroup));
        let folders = ["etcd", "lib", "pki", "conf", "pids", "var-log", "slot", "up"];
        let folders = folders.map(|name| self.state.join(name));
        let left = folders.iter().filter(|folder| folder.exists());
        traces.extend(left.map(|folder| folder.display().to_string()));
        traces
    }

    fn processes(&self, state: &str) -> Vec<String> {
        let numbers = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let ours = numbers.filter_map(|number| {
            let own = number == std::process::id().to_string();
            let process = Path::new("/proc").join(&number);
            let inside =
                fs::read_link(process.join("ns/pid")).is_ok_and(|link| link == self.namespace);
            let command = fs::read_to_string(process.join("cmdline")).ok()?.replace('\0', " ");
            (!own && (inside || command.contains(state))).then(|| format!("{number} {command}"))
        });
        ours.collect()
    }
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    // Without the time and the packet counters that iptables-save prints.
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split('[').next().unwrap_or_default())
        .fold(String::new(), |all, line| all + line + "\n")
}
