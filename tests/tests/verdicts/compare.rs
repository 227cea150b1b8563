//! Two runs compared by the program.

use serde_json::Value;

use super::support::{anomal, example, run};

fn compared(workspace: &anomal_tests::Workspace, a: &str, b: &str, more: &[&str]) -> Value {
    let ran = anomal(workspace, &[&["compare", a, b, "--json"], more].concat());
    ran.expect(0, &[]);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn sizes(all: &Value) -> [usize; 3] {
    ["new", "gone", "continuing"].map(|name| all[name].as_array().unwrap().len())
}

#[test]
fn reports_and_results_are_compared() {
    let workspace = example("report: {}");
    let first = run(&workspace);
    let incidents = first["incidents"].as_array().unwrap().len();
    let id = |summary: &Value| summary["report"]["id"].as_str().unwrap().to_owned();
    let first_id = id(&first);
    std::fs::copy(workspace.path("results.csv"), workspace.path("first.csv")).unwrap();
    let itself = compared(&workspace, &first_id, "latest", &[]);
    assert_eq!(sizes(&itself), [0, 0, incidents]);
    let changes = |all: &Value, kind: &str| {
        let all = all["entities"].as_array().unwrap().iter();
        all.clone().find(|it| it["kind"] == kind).cloned().unwrap_or_default()
    };
    let count = |changes: &Value, name: &str| changes[name].as_array().unwrap().len();
    for kind in ["host", "domain"] {
        let same = changes(&itself, kind);
        assert_eq!((count(&same, "new"), count(&same, "gone")), (0, 0), "{same}");
        assert_eq!((&same["risks"]["higher"], &same["risks"]["lower"]), (&0.into(), &0.into()));
    }
    assert!(itself["drift"].as_array().unwrap().iter().all(|it| it["psi"] == 0.0), "{itself}");

    // Without the tunnel, the rows in another order: one incident is gone, and new the other way round.
    let data = workspace.read("dns.csv");
    let (head, rows) = data.split_once('\n').unwrap();
    let mut rows: Vec<&str> = rows.lines().filter(|row| !row.contains("cpfhsl.net")).collect();
    rows.reverse();
    workspace.write("dns.csv", format!("{head}\n{}\n", rows.join("\n")).as_bytes());
    let second = run(&workspace);
    let second_id = id(&second);
    let later = compared(&workspace, &first_id, &second_id, &[]);
    let gone = later["gone"].to_string();
    assert!(gone.contains("cpfhsl.net"), "{gone}");
    let [new, _, continuing] = sizes(&later);
    assert_eq!((new + continuing) as u64, later["after"]["incidents"].as_u64().unwrap());
    assert!(later["differences"].as_array().unwrap().is_empty(), "{later}");
    let earlier = compared(&workspace, &second_id, &first_id, &[]);
    assert!(earlier["new"].to_string().contains("cpfhsl.net"));
    let domains = changes(&earlier, "domain");
    assert!(domains["new"].to_string().contains("cpfhsl.net"), "{domains}");
    assert!(changes(&later, "domain")["gone"].to_string().contains("cpfhsl.net"));
    let failed = ["compare", second_id.as_str(), first_id.as_str(), "--fail-on"];
    let fail_on = |what: &str| anomal(&workspace, &[&failed[..], &[what]].concat());
    fail_on("new:high").expect(10, &[]);
    // What was judged is not new.
    let judge = ["verdicts", "add", first_id.as_str(), "1", "--verdict", "benign"];
    anomal(&workspace, &judge).expect(0, &[]);
    fail_on("new:high").expect(0, &[]);

    // The same by result files.
    let job = ["--job", "job.yaml"];
    let files = compared(&workspace, "results.csv", "first.csv", &job);
    assert!(files["new"].to_string().contains("cpfhsl.net"));
    let mixed = compared(&workspace, "first.csv", &first_id, &job);
    let [new, gone, continuing] = sizes(&mixed);
    assert_eq!((new, gone, continuing), (0, 0, incidents), "{}", mixed["new"]);
    let hosts = changes(&mixed, "host");
    assert_eq!((count(&hosts, "new"), count(&hosts, "gone")), (0, 0), "{hosts}");
    assert!(changes(&files, "domain")["new"].to_string().contains("cpfhsl.net"));

    let text = anomal(&workspace, &["compare", &first_id, &second_id]);
    text.expect(0, &[]);
    assert!(text.stdout.contains("\nGone ") && text.stdout.contains("Drift"), "{}", text.stdout);
    let markdown = anomal(&workspace, &["compare", &first_id, &second_id, "--markdown"]);
    assert!(markdown.stdout.contains("## Gone"), "{}", markdown.stdout);
    assert!(markdown.stdout.contains("## What stands out"), "{}", markdown.stdout);
    let back = anomal(&workspace, &["compare", &second_id, &first_id]);
    assert!(
        back.stdout.contains("  domain: ") && back.stdout.contains("domain cpfhsl.net"),
        "{}",
        back.stdout
    );
    anomal(&workspace, &["compare", "dns.csv", "first.csv"]).expect(3, &["no result file"]);
    anomal(&workspace, &["compare", "nothing", "latest"]).expect(1, &["no report nothing"]);
}

#[test]
fn other_settings_are_named() {
    let workspace = example("report: {}");
    let first = run(&workspace)["report"]["id"].as_str().unwrap().to_owned();
    let job = workspace
        .read("job.yaml")
        .replace("name: network.bytes}", "name: network.bytes, multiplier: 3}");
    workspace.write("job.yaml", job.as_bytes());
    run(&workspace);
    let all = compared(&workspace, &first, "latest", &[]);
    assert_eq!(all["differences"][0], "weight of network.bytes: 1, then 3");
    // Nor can risks be compared then.
    assert!(all["entities"].as_array().unwrap().iter().all(|it| it["risks"].is_null()), "{all}");
}
