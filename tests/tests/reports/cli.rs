//! The command line: reports that runs keep, publish and serve.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use anomal_tests::{Workspace, http, repository};

use super::made::serve;

/// The example of DNS in a folder of its own.
fn example() -> Workspace {
    let workspace = Workspace::default();
    for file in ["job.yaml", "dns.csv"] {
        let bytes = std::fs::read(repository().join("examples/dns").join(file)).unwrap();
        workspace.write(file, &bytes);
    }
    workspace
}

fn listed(workspace: &Workspace) -> Vec<serde_json::Value> {
    let ran = workspace.anomal(&["report", "list", "--json", "--report-store", "kept"]);
    ran.expect(0, &[]);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn a_job_with_a_report_keeps_one_at_every_run() {
    let workspace = example();
    let job = workspace.read("job.yaml") + "\nreport: {title: Names, keep: 30d}\n";
    workspace.write("job.yaml", job.as_bytes());
    let run = ["run", "job.yaml", "--report-store", "kept"];
    workspace.anomal(&run).expect(0, &["is stored", "anomal report serve"]);
    let reports = listed(&workspace);
    assert_eq!((reports.len(), &reports[0]["title"]), (1, &"Names".into()));
    assert_eq!(reports[0]["results"], 5_000);
    assert!(reports[0]["expireTime"].as_str() > reports[0]["createTime"].as_str());

    let id = reports[0]["id"].as_str().unwrap();
    let store = ["--report-store", "kept"];
    let report = |arguments: &[&str]| workspace.anomal(&[&["report"], arguments, &store].concat());
    for file in ["a.csv", "a.parquet", "a.html", "a.pdf"] {
        report(&["export", id, "-o", file]).expect(0, &[]);
        assert!(workspace.bytes(file).len() > 1_000, "{file}");
    }
    assert_eq!(workspace.read("a.csv").lines().count(), 5_001);
    report(&["pdf", "latest", "-o", "b.pdf"]).expect(0, &[]);
    assert!(workspace.bytes("a.pdf") == workspace.bytes("b.pdf"), "the same report, other bytes");
    report(&["export", id, "-o", "f.csv", "--flag", "unique_subdomains"]).expect(0, &[]);
    assert_eq!(workspace.read("f.csv").lines().count(), 22);
    let words = Command::new("pdftotext").arg(workspace.path("a.pdf")).arg("-").output().unwrap();
    let words = String::from_utf8(words.stdout).unwrap();
    for part in
        ["3983", "subdomain_length is 189, 63 times the median", "unique_subdomains", "Page 1 of"]
    {
        assert!(
            words.split_whitespace().collect::<Vec<_>>().join(" ").contains(part),
            "no {part:?}"
        );
    }

    report(&["export", id, "-o", "a.xls"]).expect(2, &["--format"]);
    report(&["export", "nothing", "-o", "x.csv"]).expect(1, &["no report nothing"]);
    assert!(!workspace.files().contains(&"x.csv".to_owned()));
    report(&["delete", id]).expect(0, &[]);
    report(&["pdf", "latest", "-o", "c.pdf"]).expect(1, &["no report yet"]);
    assert!(listed(&workspace).is_empty());
}

#[test]
fn a_run_publishes_to_a_service() {
    let (workspace, kept) = (example(), Workspace::default());
    let server = serve(&kept.folder.path().display().to_string());
    let pages = server.pages.clone().unwrap();
    workspace
        .anomal(&["run", "job.yaml", "--report-endpoint", &server.address])
        .expect(0, &["Report http://127.0.0.1:"]);
    let list = http::get(&pages, "/", &[]);
    assert!(list.text().contains("dns.csv"), "{}", list.text());
    let local = example();
    local.anomal(&["run", "job.yaml", "--report-store", "kept", "-q"]).expect(0, &[]);
    assert!(!local.path("kept").exists(), "nothing asked for a report");
    let ran = workspace.anomal(&["report", "list", "--report-endpoint", &server.address]);
    assert!(ran.stdout.contains("Gower"), "{ran:?}");
    // Nobody listens there.
    let nobody = ["run", "job.yaml", "--report-endpoint", "http://127.0.0.1:9"];
    workspace.anomal(&nobody).expect(4, &["127.0.0.1:9"]);
}

/// A child that is killed if the test fails.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it, waits for the address that it prints, and gives it.
fn served(command: &mut Command) -> (Serving, String) {
    let mut child = Serving(command.stderr(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
    let mut lines = lines.map(|line| line.unwrap());
    let line = lines.find(|line| line.contains("The report is at")).expect("an address");
    let address = line.split(' ').find(|word| word.starts_with("http://")).unwrap().to_owned();
    // What it says later has to go somewhere.
    std::thread::spawn(move || lines.for_each(drop));
    (child, address)
}

#[test]
fn a_served_report_ends_on_interrupt_with_success() {
    let workspace = example();
    let arguments = ["run", "job.yaml", "--report", "-p", "0", "--report-store", "kept"];
    let (mut run, address) = served(&mut workspace.command(&arguments));
    let (server, path) = address.split_at(address.find("/reports/").unwrap());
    assert_eq!(http::get(server, path, &[]).status, 200);
    interrupt(&run.0);
    assert_eq!(run.0.wait().unwrap().code(), Some(0));
    let arguments = ["report", "serve", "--listen", "127.0.0.1:0", "--report-store", "kept"];
    let (mut all, address) = served(&mut workspace.command(&arguments));
    assert_eq!(http::get(&address, path, &[]).status, 200);
    // Only as this machine: another name could be anyone's.
    let stranger = http::get(&address, path, &["x-forwarded-for: 10.0.0.1"]);
    assert_eq!(stranger.status, 403);
    interrupt(&all.0);
    assert_eq!(all.0.wait().unwrap().code(), Some(0));
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}
