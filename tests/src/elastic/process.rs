//! A server's process, which nothing of outlives the test.
//!
//! A shell stands between: it ends the server, and removes its folder, when the pipe that it reads from is closed, as it
//! is when this process ends, whatever ends it. A signal at the parent's death alone would not do, for the parent in
//! this sense is the thread that a test runs in.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use super::{Flavor, Size};
use crate::tool;

/// `$1`: the folder; `$2`: what the server is copied from; behind it the server's command.
const GUARD: &str = r#"
folder=$1 from=$2
shift 2
# Where tests run as root, another user has to get at it, and owns what the server writes.
chmod 711 "$folder"
if [ ! -d "$folder/home" ]; then
    cp -rl "$from" "$folder/home" 2>/dev/null ||
        { rm -rf "$folder/home"; cp -r "$from" "$folder/home"; }
    chmod -R a+rX "$folder/home"
fi
as=
if [ "$(id -u)" = 0 ]; then
    chown -R 65534:65534 "$folder/work"
    as="--reuid 65534 --regid 65534 --clear-groups"
fi
cd "$folder/work" || exit 1
# A group of its own, for the server may start others; and it ends with this shell.
setsid setpriv $as --pdeathsig KILL "$@" >>"$folder/log" 2>&1 &
server=$!
echo "$server"
word=
read -r word
kill -s KILL -- "-$server" 2>/dev/null
wait
tries=0
while kill -s 0 -- "-$server" 2>/dev/null && [ $tries -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
cd /
[ "$word" = keep ] || rm -rf "$folder"
"#;

pub(super) struct Process {
    guard: Child,
    server: u32,
}

impl Process {
    pub(super) fn start(flavor: Flavor, size: Size, folder: &Path, port: u16) -> Self {
        let variable = flavor.variable();
        let (from, java) = (tool(variable), tool(&format!("{variable}_JAVA")));
        let (work, home) = (folder.join("work"), folder.join("home"));
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard"]).arg(folder).arg(from);
        match flavor {
            Flavor::Elasticsearch => {
                command.arg(home.join("bin/elasticsearch"));
                // It asks for an index that this distribution has no analyser for.
                let options = "-Des.queryable_built_in_roles_enabled=false";
                let options = format!("{} {options}", size.options().join(" "));
                command.env("ES_JAVA_HOME", java).env("ES_JAVA_OPTS", options);
                command.env("ES_PATH_CONF", work.join("config"));
                command.env("ES_TMPDIR", work.join("tmp"));
            }
            Flavor::OpenSearch => {
                command.arg(java.join("bin/java")).arg("-XX:+UseSerialGC").args(size.options());
                command.arg(format!("-Djava.io.tmpdir={}", work.join("tmp").display()));
                command.arg("-cp").arg(home.join("lib/*"));
                command.arg("org.codelibs.opensearch.runner.OpenSearchRunner");
                command.arg("-basePath").arg(&work).args(["-numOfNode", "1"]);
                command.args(["-clusterName", &cluster(folder)]);
                // It adds the node's number.
                command.args(["-baseHttpPort", &(port - 1).to_string()]);
            }
        }
        command.env_remove("JAVA_HOME").env("HOME", &work).current_dir("/");
        let log = File::create(folder.join("log")).expect("its log");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        // What ends a terminal's programs does not end it before it has cleaned up.
        let mut guard = command.process_group(0).spawn().expect("a shell");
        let mut told = String::new();
        let output = guard.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut told).expect("the server's number");
        let server = told.trim().parse().unwrap_or_default();
        Self { guard, server }
    }

    pub(super) fn has_ended(&self) -> bool {
        let state = fs::read_to_string(format!("/proc/{}/stat", self.server)).unwrap_or_default();
        // Behind its name, which may hold anything: `Z` is one that has ended and is still listed.
        state.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
    }

    /// At once, as a lost machine; `keep`: with its folder left.
    pub(super) fn end(mut self, keep: bool) {
        let mut pipe = self.guard.stdin.take().expect("its input");
        if keep {
            let _ = pipe.write_all(b"keep\n");
        }
        drop(pipe);
        let _ = self.guard.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// The cluster's name, which no other has.
pub(super) fn cluster(folder: &Path) -> String {
    folder.file_name().expect("a name").to_string_lossy().into_owned()
}
