//! Engine servers of one version, stopped when the job is done.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::build::Programs;

const PROGRAMS: [(&str, &str); 2] = [
    ("--feature-engine", "anomal-feature-engine"),
    ("--classification-engine", "anomal-classification-engine"),
];
const START: Duration = Duration::from_secs(20);

/// Servers on free ports of loopback.
#[derive(Default)]
pub struct Engines {
    servers: Vec<Server>,
}

impl Engines {
    /// Starts so many replicas of each engine, with their files in a separate folder.
    ///
    /// # Errors
    /// If one does not listen within 20 seconds.
    pub fn start(programs: &Programs, replicas: usize, folder: &Path) -> Result<Self> {
        let mut engines = Self::default();
        for (option, name) in PROGRAMS {
            for replica in 0..replicas {
                let ports = folder.join(format!("{name}-{replica}.json"));
                let server = Server::start(&programs.path(name), option, &ports)
                    .with_context(|| format!("engine {name}"))?;
                engines.servers.push(server);
            }
        }
        Ok(engines)
    }

    /// The arguments that make a run use them.
    pub fn arguments(&self) -> impl Iterator<Item = String> {
        self.servers.iter().flat_map(|server| {
            [server.option.to_owned(), format!("http://127.0.0.1:{}", server.port)]
        })
    }
}

struct Server {
    child: Child,
    option: &'static str,
    port: u16,
}

impl Server {
    fn start(program: &Path, option: &'static str, ports: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
        command.arg("--port-file").arg(ports);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child =
            command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        // From here on it is stopped when dropped.
        let mut server = Self { child, option, port: 0 };
        let until = Instant::now() + START;
        while !ports.exists() {
            if let Some(status) = server.child.try_wait()? {
                bail!("it ended with {status} before it listened");
            }
            if Instant::now() > until {
                bail!("it does not listen after {} s", START.as_secs());
            }
            thread::sleep(Duration::from_millis(20));
        }
        server.port = port(&fs::read_to_string(ports)?).context("its port file has no port")?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The gRPC port in a port file, a JSON object such as `{"grpc": 40123, "metrics": 40124}`.
fn port(json: &str) -> Option<u16> {
    let (_, value) = json.split_once("\"grpc\"")?;
    let digits = value.trim_start_matches([':', ' ', '\n']);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read() {
        assert_eq!(port(r#"{"metrics":9,"grpc":40123}"#), Some(40_123));
        assert_eq!(port("{\n  \"grpc\": 7\n}"), Some(7));
        assert_eq!(port("{}"), None);
    }
}
