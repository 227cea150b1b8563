//! The options of `anomal init`, what it reads, and how it ends where nothing is there to propose.

use std::io::Write;

use anomal_tests::Workspace;

/// Logins of users, of whom one comes from another country, with a column that has one value.
fn logins(rows: usize) -> String {
    let mut csv = String::from("time,user,source_ip,country,outcome,site\n");
    for row in 0..rows {
        let country = if row % 90 == 7 { "BR" } else { ["DE", "AT"][row % 2] };
        csv.push_str(&format!(
            "2026-03-02T{:02}:{:02}:{:02}Z,u{},10.0.0.{},{country},{},main\n",
            row / 3_600 % 24,
            row / 60 % 60,
            row % 60,
            row % 12,
            row % 17,
            if row % 8 == 0 { "failure" } else { "success" },
        ));
    }
    csv
}

fn workspace(csv: &str) -> Workspace {
    Workspace::with_files(&[("in.csv", csv.as_bytes())])
}

#[test]
fn json_has_the_profile_the_roles_and_the_proposal() {
    let workspace = workspace(&logins(600));
    let ran = workspace.anomal(&["init", "in.csv", "--json"]);
    ran.expect(0, &[]);
    let all: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&all["rows"], &all["complete"]), (&600.into(), &true.into()));
    let column = |name: &str| {
        let columns = all["columns"].as_array().unwrap();
        columns.iter().find(|column| column["name"] == name).unwrap().clone()
    };
    let user = column("source_ip");
    assert_eq!((&user["role"], &user["distinct"]), (&"entity".into(), &17.into()));
    assert_eq!(user["evidence"][0]["role"], "entity");
    assert_eq!(user["evidence"][0]["score"], 1.0);
    assert_eq!(user["runnerUp"], "address");
    let country = column("country");
    assert_eq!(country["role"], "category");
    assert_eq!(country["values"].as_array().unwrap().len(), 3);
    assert_eq!(column("site")["role"], "left out");
    assert!(column("site")["reason"].as_str().unwrap().contains("the same value in all rows"));
    assert_eq!(column("time")["type"], "datetime");
    assert!(all["trial"]["rows"] == 600);
    // The proposal is the settings that are written without --json.
    let proposal = serde_json::to_vec(&all["proposal"]).unwrap();
    workspace.write("proposal.json", &proposal);
    workspace.anomal(&["validate", "proposal.json"]).expect(0, &[]);
    let both = workspace.anomal(&["init", "in.csv", "--json", "--output", "job.yaml"]);
    both.expect(0, &[]);
    let written = workspace.anomal(&["manifest", "job.yaml"]).stdout;
    let of_json = workspace.anomal(&["manifest", "proposal.json"]).stdout;
    let spec = |manifest: &str| manifest.split_once("spec:").unwrap().1.to_owned();
    assert_eq!(spec(&written), spec(&of_json));
}

#[test]
fn comments_explain_the_roles() {
    let workspace = workspace(&logins(600));
    let ran = workspace.anomal(&["init", "in.csv", "--explain", "--output", "job.yaml"]);
    ran.expect(0, &[]);
    let settings = workspace.read("job.yaml");
    for line in [
        "# source_ip: entity; evidence: entity 1.00 (values 1.00 and the name), address 1.00",
        "; runner-up: address\n",
        "# country: category; evidence: category 0.60 (values 1.00)\n",
        "# site: left out; evidence: ",
    ] {
        assert!(settings.contains(line), "{line} in {settings}");
    }
    workspace.anomal(&["validate", "job.yaml"]).expect(0, &[]);
}

#[test]
fn settings_for_a_model_keep_constants() {
    let workspace = workspace(&logins(600));
    let site = "{type: field, name: site, kind: categorical}";
    let run = workspace.anomal(&["init", "in.csv"]).stdout;
    assert!(run.contains("# left out: site has the same value in all rows") && !run.contains(site));
    let score = workspace.anomal(&["init", "in.csv", "--for", "score", "--output", "job.yaml"]);
    score.expect(0, &[]);
    assert!(workspace.read("job.yaml").contains(site), "{}", workspace.read("job.yaml"));
    workspace.anomal(&["fit", "job.yaml", "--model", "model", "--quiet"]).expect(0, &[]);
    // One row from another site is the most suspicious.
    let other =
        logins(300).replacen(",main\n2026-03-02T00:02:30Z", ",other\n2026-03-02T00:02:30Z", 1);
    workspace.write("new.csv", other.as_bytes());
    let arguments = [
        "score",
        "job.yaml",
        "--model",
        "model",
        "--input",
        "new.csv",
        "--summary",
        "json",
        "--output",
        "out.csv",
    ];
    let scored = workspace.anomal(&arguments);
    scored.expect(0, &[]);
    let summary: serde_json::Value = serde_json::from_str(&scored.stdout).unwrap();
    assert_eq!(summary["suspects"][0]["row"], 149, "{}", scored.stdout);
    workspace
        .anomal(&["init", "in.csv", "--for", "stream"])
        .expect(2, &["possible values: run, score"]);
}

#[test]
fn rows_limit_what_is_read() {
    let workspace = workspace(&logins(200_000));
    let rows = |more: &[&str]| {
        let ran = workspace.anomal(&[&["init", "in.csv", "--no-trial", "--json"], more].concat());
        ran.expect(0, &[]);
        let all: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(all["complete"], false);
        (all["rows"].as_u64().unwrap(), all["totalRows"].as_u64().unwrap())
    };
    let (all, total) = rows(&[]);
    assert!((100_000..180_000).contains(&all), "{all}");
    assert!((190_000..210_000).contains(&total), "{total}");
    assert!(rows(&["--rows", "5000"]).0 < 100_000);
    workspace.anomal(&["init", "in.csv", "--rows", "0"]).expect(2, &["--rows"]);
}

#[test]
fn large_rows_are_read_up_to_an_amount() {
    // 600 MB in rows of 300 KB.
    let workspace = Workspace::default();
    let mut file =
        std::io::BufWriter::new(std::fs::File::create(workspace.path("in.csv")).unwrap());
    file.write_all(b"n,kind,payload\n").unwrap();
    let payload = "x".repeat(300_000);
    for row in 0..2_000 {
        writeln!(file, "{},{},{row}{payload}", row * row % 97, ["a", "b"][row % 2]).unwrap();
    }
    drop(file);
    let mut command = workspace.command(&["init", "in.csv", "--no-trial", "--json"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = all["rows"].as_u64().unwrap();
    assert!((100..1_000).contains(&rows) && all["complete"] == false, "{rows} rows");
    let total = all["totalRows"].as_u64().unwrap();
    // From the bytes read, of which some are ahead of the rows.
    assert!((1_200..2_400).contains(&total), "{total} rows in all");
    let inspected = workspace.anomal(&["inspect", "in.csv", "--json"]);
    let all: serde_json::Value = serde_json::from_str(&inspected.stdout).unwrap();
    assert!(all["rows"].as_u64().unwrap() < 1_000 && all["complete"] == false);
}

#[test]
fn standard_input_is_read_once() {
    let workspace = Workspace::default();
    let ran = workspace.anomal_with_input(&["init", "-"], logins(500).replace(',', ";").as_bytes());
    // The extension selects a driver, which standard input has not.
    assert_eq!(ran.code, Some(2), "{ran:#?}");
}

#[test]
fn nothing_to_propose_has_a_reason() {
    for (csv, reason) in [
        ("a,b\n", "there are names of columns and no records"),
        ("a,b\n1,1\n1,1\n", "`a` has the same value in all rows: `1`"),
        ("id\n", "there are names of columns and no records"),
    ] {
        let workspace = workspace(csv);
        let ran = workspace.anomal(&["init", "in.csv"]);
        ran.expect(3, &["nothing here can be a feature", reason]);
        assert_eq!(ran.stdout, "");
    }
    let ids: String = (0..60).map(|row| format!("{}\n", row * 3)).collect();
    let counter = workspace(&format!("id\n{ids}"));
    counter.anomal(&["init", "in.csv"]).expect(3, &["`id` looks like an identifier"]);
}

#[test]
fn wrong_names_of_files() {
    let workspace = workspace(&logins(60));
    std::fs::create_dir(workspace.path("folder")).unwrap();
    workspace.anomal(&["init", "folder"]).expect(3, &["folder is a folder; name a file in it"]);
    workspace
        .anomal(&["init", "nofile.csv"])
        .expect(3, &["nofile.csv can't be read", "check the path"]);
    let output = |path: &str| workspace.anomal(&["init", "in.csv", "--output", path]);
    output("folder").expect(2, &["folder is a folder; name a file in it"]);
    output("none/job.yaml").expect(1, &["there is no folder none; create it first"]);
    assert_eq!(workspace.files(), ["folder", "in.csv"]);
}

/// Two columns of paths, each with the flags of paths.
#[test]
fn flags_of_several_columns_have_names_of_their_own() {
    let row = |row: usize| {
        format!("/usr/bin/tool{}/{row},/home/user{}/{}\n", row % 17, row % 5, row * 7 % 101)
    };
    let text = format!("exe,cwd\n{}", (0..300).map(row).collect::<String>());
    let workspace = Workspace::with_files(&[("in.csv", text.as_bytes())]);
    workspace.anomal(&["init", "in.csv", "-o", "job.yaml"]).expect(0, &[]);
    let job = workspace.read("job.yaml");
    assert!(job.contains("path_traversal_2"), "{job}");
    workspace.anomal(&["run", "job.yaml"]).expect(0, &[]);
}
