//! The browser's process and its folder, neither of which outlives the test.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::tool;

/// No window, nothing that the browser does by itself, and no way out: every name but this machine's address is
/// unknown to it.
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
    // Alike on every machine.
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

    /// Where its protocol is spoken, once it tells.
    pub(super) async fn address(&self) -> String {
        let file = self.profile.path().join("DevToolsActivePort");
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            let told = fs::read_to_string(&file).unwrap_or_default();
            let mut lines = told.lines();
            if let (Some(port), Some(path)) = (lines.next(), lines.next()) {
                return format!("ws://127.0.0.1:{port}{path}");
            }
            assert!(Instant::now() < until, "Chromium does not tell its port");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its helpers end by themselves when it has; until then they may still write.
        let until = Instant::now() + Duration::from_secs(5);
        while self.profile.path().exists() && Instant::now() < until {
            if fs::remove_dir_all(self.profile.path()).is_err() {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}
