//! A server's process; nothing of it outlives the test.
//!
//! A guard shell kills the server and removes its folder when the pipe that it reads from is closed, which happens when
//! this process ends for any reason. A parent-death signal alone would not do: for it the parent is the test's thread.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use super::{Flavor, Size};
use crate::tool;

/// `$1` is the folder, `$2` the server's distribution to copy, the rest the server's command.
const GUARD: &str = r#"
folder=$1 from=$2
shift 2
# As root, the server runs as another user, who must reach the folder and owns what the server writes.
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
# Its own process group, because the server may start others; it ends with this shell.
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
                // It needs an index whose analyser this distribution lacks.
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
        // Signals from the terminal must not end it before it has cleaned up.
        let mut guard = command.process_group(0).spawn().expect("a shell");
        let mut line = String::new();
        let output = guard.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("the server's number");
        let server = line.trim().parse().unwrap_or_default();
        Self { guard, server }
    }

    pub(super) fn has_ended(&self) -> bool {
        let state = fs::read_to_string(format!("/proc/{}/stat", self.server)).unwrap_or_default();
        // The state follows the name, which may contain anything; `Z` is a zombie.
        state.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
    }

    /// Kills it at once, as the loss of its machine would; `keep` leaves its folder.
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

/// The cluster's unique name.
pub(super) fn cluster(folder: &Path) -> String {
    folder.file_name().expect("a name").to_string_lossy().into_owned()
}
