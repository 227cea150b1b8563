//! The command line: runs store, publish and serve reports.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use anomal_tests::{Workspace, http, repository};

use super::fixtures::serve;

/// A copy of the DNS example.
fn example() -> Workspace {
    let workspace = Workspace::default();
    for file in ["job.yaml", "dns.csv"] {
        let bytes = std::fs::read(repository().join("examples/dns").join(file)).unwrap();
        workspace.write(file, &bytes);
    }
    workspace
}

fn listed(workspace: &Workspace) -> Vec<serde_json::Value> {
    let ran = workspace.anomal(&["report", "list", "--json", "--report-store", "reports"]);
    ran.expect(0, &[]);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn job_with_a_report_stores_it_and_exports_it() {
    let workspace = example();
    let job = workspace.read("job.yaml") + "\nreport: {title: Names, keep: 30d}\n";
    workspace.write("job.yaml", job.as_bytes());
    let run = ["run", "job.yaml", "--report-store", "reports"];
    workspace.anomal(&run).expect(0, &["is stored", "anomal report serve"]);
    let reports = listed(&workspace);
    assert_eq!((reports.len(), &reports[0]["title"]), (1, &"Names".into()));
    assert_eq!(reports[0]["results"], 5_000);
    assert!(reports[0]["expireTime"].as_str() > reports[0]["createTime"].as_str());

    let id = reports[0]["id"].as_str().unwrap();
    let store = ["--report-store", "reports"];
    let report = |arguments: &[&str]| workspace.anomal(&[&["report"], arguments, &store].concat());
    for file in ["a.csv", "a.parquet", "a.html", "a.pdf"] {
        report(&["export", id, "-o", file]).expect(0, &[]);
        assert!(workspace.bytes(file).len() > 1_000, "{file}");
    }
    assert_eq!(workspace.read("a.csv").lines().count(), 5_001);
    report(&["pdf", "latest", "-o", "b.pdf"]).expect(0, &[]);
    assert!(
        workspace.bytes("a.pdf") == workspace.bytes("b.pdf"),
        "the same report has other bytes"
    );
    report(&["export", id, "-o", "f.csv", "--flag", "unique_subdomains"]).expect(0, &[]);
    assert_eq!(workspace.read("f.csv").lines().count(), 22);
    let filter = "actor=10.1.1.44&f.dns.question.name=~cpfhsl.net";
    report(&["export", id, "-o", "f.parquet", "--filter", filter]).expect(0, &[]);
    report(&["export", id, "-o", "g.csv", "--filter", filter]).expect(0, &[]);
    let found = workspace.read("g.csv");
    assert_eq!(found.lines().count(), 22);
    assert!(found.lines().skip(1).all(|line| line.contains("cpfhsl.net")));
    report(&["export", id, "-o", "x.csv", "--filter", "f.none=1"])
        .expect(4, &["f.none", "no such column"]);
    report(&["pdf", "latest", "--full", "-o", "full.pdf"]).expect(0, &[]);
    let words =
        Command::new("pdftotext").arg(workspace.path("full.pdf")).arg("-").output().unwrap();
    let words = String::from_utf8(words.stdout).unwrap();
    for part in [
        "3983",
        "subdomain_length is 189, 63 times the median (3)",
        "unique_subdomains",
        "Page 1 of",
    ] {
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
fn run_publishes_to_a_service() {
    let (workspace, store) = (example(), Workspace::default());
    let server = serve(&store.folder.path().display().to_string());
    let pages = server.pages.clone().unwrap();
    workspace
        .anomal(&["run", "job.yaml", "--report-endpoint", &server.address])
        .expect(0, &["Report http://127.0.0.1:"]);
    let list = http::get(&pages, "/", &[]);
    assert!(list.text().contains("dns.csv"), "{}", list.text());
    let local = example();
    local.anomal(&["run", "job.yaml", "--report-store", "reports", "-q"]).expect(0, &[]);
    assert!(!local.path("reports").exists(), "a report was stored without request");
    let ran = workspace.anomal(&["report", "list", "--report-endpoint", &server.address]);
    assert!(ran.stdout.contains("Gower"), "{ran:?}");
    // No server listens there.
    let unreachable = ["run", "job.yaml", "--report-endpoint", "http://127.0.0.1:9"];
    workspace.anomal(&unreachable).expect(4, &["127.0.0.1:9"]);
}

/// A server process; killed when dropped.
struct ServerProcess(Child);

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it and waits for the address that it prints.
fn start_server(command: &mut Command) -> (ServerProcess, String) {
    let mut child = ServerProcess(command.stderr(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
    let mut lines = lines.map(|line| line.unwrap());
    let line = lines.find(|line| line.contains("The report is at")).expect("an address");
    let address = line.split(' ').find(|word| word.starts_with("http://")).unwrap().to_owned();
    // Later output must not block it.
    std::thread::spawn(move || lines.for_each(drop));
    (child, address)
}

#[test]
fn interrupted_server_exits_with_success() {
    let workspace = example();
    let arguments = ["run", "job.yaml", "--report", "-p", "0", "--report-store", "reports"];
    let (mut run, address) = start_server(&mut workspace.command(&arguments));
    let (server, path) = address.split_at(address.find("/reports/").unwrap());
    assert_eq!(http::get(server, path, &[]).status, 200);
    interrupt(&run.0);
    assert_eq!(run.0.wait().unwrap().code(), Some(0));
    let arguments = ["report", "serve", "--listen", "127.0.0.1:0", "--report-store", "reports"];
    let (mut all, address) = start_server(&mut workspace.command(&arguments));
    assert_eq!(http::get(&address, path, &[]).status, 200);
    // A proxied request could come from another machine.
    let stranger = http::get(&address, path, &["x-forwarded-for: 10.0.0.1"]);
    assert_eq!(stranger.status, 403);
    interrupt(&all.0);
    assert_eq!(all.0.wait().unwrap().code(), Some(0));
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}
