//! The browser's process and profile folder; neither outlives the test.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::tool;

/// Headless, without background activity or network access: no host name resolves except this machine's address.
const ARGUMENTS: [&str; 26] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-field-trial-config",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-features=MediaRouter,OptimizationHints,Translate",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--password-store=basic",
    // The same on every machine.
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--lang=en-US",
    "--remote-debugging-port=0",
];

pub(super) struct Process {
    child: Child,
    profile: TempDir,
}

impl Process {
    pub(super) fn start() -> Self {
        let profile = TempDir::with_prefix("anomal-browser-").expect("a temporary folder");
        let mut command = Command::new(tool("ANOMAL_TEST_CHROMIUM"));
        command.args(ARGUMENTS).arg(format!("--user-data-dir={}", profile.path().display()));
        command.arg("about:blank").env_remove("DBUS_SESSION_BUS_ADDRESS");
        for home in ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "TMPDIR"] {
            command.env(home, profile.path());
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("Chromium starts");
        Self { child, profile }
    }

    pub(super) fn profile(&self) -> &Path {
        self.profile.path()
    }

    /// Waits for the address of its debugging protocol.
    pub(super) async fn address(&self) -> String {
        let file = self.profile.path().join("DevToolsActivePort");
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            let content = fs::read_to_string(&file).unwrap_or_default();
            let mut lines = content.lines();
            if let (Some(port), Some(path)) = (lines.next(), lines.next()) {
                return format!("ws://127.0.0.1:{port}{path}");
            }
            assert!(Instant::now() < until, "Chromium has not written its port");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its child processes end by themselves, and may write until then.
        let until = Instant::now() + Duration::from_secs(5);
        while self.profile.path().exists() && Instant::now() < until {
            if fs::remove_dir_all(self.profile.path()).is_err() {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}
