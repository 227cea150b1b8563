//! A report served by `anomal run --report`, and the checks for each of its pages.

use std::{
    fs::{self, File},
    process::{Child, Command},
    time::{Duration, Instant},
};

use anomal_tests::{
    Workspace,
    browser::{Browser, Page, Screen, Theme},
    repository,
};

/// The server of a report; killed when dropped.
pub struct ServedReport {
    pub workspace: Workspace,
    child: Child,
    /// The address of the report.
    pub url: String,
}

impl ServedReport {
    /// Serves the report of an example.
    pub fn example(name: &str) -> Self {
        let workspace = Workspace::default();
        for entry in fs::read_dir(repository().join("examples").join(name)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            workspace.write(name, &fs::read(&path).unwrap());
        }
        Self::start(workspace)
    }

    /// Serves the report of the folder's `job.yaml`.
    pub fn start(workspace: Workspace) -> Self {
        let mut command = workspace.command(&["run", "job.yaml", "--report"]);
        command.args(["--report-port", "0", "--report-store", "store"]);
        // Files, because a full pipe would block it.
        command.stdout(File::create(workspace.path("stdout")).unwrap());
        command.stderr(File::create(workspace.path("stderr")).unwrap());
        let child = command.spawn().expect("anomal runs");
        let mut served = Self { workspace, child, url: String::new() };
        let until = Instant::now() + Duration::from_mins(2);
        while served.url.is_empty() {
            let stderr = served.workspace.read("stderr");
            let ended = served.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < until, "{ended:?}: {stderr}");
            let line = stderr.lines().find_map(|line| line.strip_prefix("The report is at "));
            // An incomplete line has no second word.
            if let Some((url, _)) = line.and_then(|rest| rest.split_once(' ')) {
                url.clone_into(&mut served.url);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let rest = served.url.strip_prefix("http://127.0.0.1:").expect("a local address");
        let (port, path) = rest.split_once('/').expect("a path");
        assert!(port.parse::<u16>().is_ok() && path.starts_with("reports/"), "{}", served.url);
        served
    }

    /// The address of a page of the report.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Opens the report's summary in a browser.
    pub async fn open(&self) -> Page {
        let page = Browser::launch().await.page().await;
        page.goto(&self.url).await;
        page
    }

    /// Sends it a signal such as `INT` (as Ctrl-C does) and returns its exit code.
    pub fn stop(mut self, signal: &str) -> Option<i32> {
        let process = self.child.id().to_string();
        let kill = Command::new("kill").args(["-s", signal, &process]).status();
        assert!(kill.unwrap().success());
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(ended) = self.child.try_wait().unwrap() {
                return ended.code();
            }
            assert!(Instant::now() < until, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for ServedReport {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asserts that a page is accessible and no wider than its screen in both colour schemes. Saves screenshots.
pub async fn assert_accessible(page: &Page, screen: Screen, name: &str) {
    page.screen(screen).await;
    for theme in [Theme::Light, Theme::Dark] {
        page.theme(theme).await;
        let view = format!("{name} {theme:?} {}", screen.width);
        assert_eq!(page.axe().await, [""; 0], "{view}");
        assert_eq!(page.overflowing_elements().await, [""; 0], "{view}");
        page.screenshot(&format!("report-{}", view.to_lowercase().replace(' ', "-"))).await;
    }
    page.theme(Theme::Light).await;
}

/// Parses a number as the pages show it, such as `5,000`.
pub fn number(text: &str) -> f64 {
    text.replace(',', "").parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

/// The records of a CSV file, with its header first.
pub fn records(csv: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut letters = csv.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted && letters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            _ => field.push(letter),
        }
    }
    assert!(!quoted && field.is_empty() && record.is_empty(), "the last record has no end");
    records
}
