//! `anomal pack new`, `test`, `show` and `list`.

use anomal_tests::Workspace;

use super::{HOUSE, INPUT, PACK, workspace};

#[test]
fn a_new_pack_passes_its_tests() {
    let workspace = Workspace::default();
    workspace.anomal(&["pack", "new", "my-pack"]).expect(0, &[]);
    let tested = workspace.anomal(&["pack", "test", "my-pack"]);
    assert_eq!(tested.expect(0, &[]).stdout, "3 passed, 0 failed\n");
    let shown = workspace.anomal(&["pack", "show", "my-pack"]);
    for part in [
        "my-pack 0.1.0: ",
        "long_name: flag, type direct, of name (text)",
        "most (default 40)",
        "use: [my-pack/names]",
    ] {
        assert!(shown.expect(0, &[]).stdout.contains(part), "{part}: {}", shown.stdout);
    }
    workspace.anomal(&["pack", "new", "my-pack"]).expect(2, &["is there already"]);
    workspace.anomal(&["pack", "new", "My Pack"]).expect(2, &["is no name of a pack"]);
}

#[test]
fn a_test_that_fails_shows_row_and_value() {
    let workspace = Workspace::with_files(&[("house/pack.yaml", PACK.as_bytes())]);
    let cases = |text: &str| workspace.write("house/tests/a.yaml", text.as_bytes());
    cases(
        "- component: per_character\n  rows: [{bytes: 6, name: abc}, {bytes: 3, name: abc}]\n  expect: [2, 2]\n\
         - {component: coded, rows: [{code: X}], expect: [true]}\n",
    );
    let failed = workspace.anomal(&["pack", "test", "house"]);
    failed.expect(1, &[]);
    let expected = "house/tests/a.yaml: test 1 of per_character: row 1 gives 1.0, not 2\n\
        without a test: own, failing, failures, rare\n1 passed, 1 failed\n";
    assert_eq!(failed.stdout, expected);
    for (text, part) in [
        ("- {component: codet, rows: [{code: X}], expect: [true]}", "did you mean `coded`?"),
        ("- {component: coded, rows: [{cod: X}], expect: [true]}", "did you mean `code`?"),
        ("- {component: coded, rows: [{code: X}], expect: [true, false]}", "1 rows, and 2 values"),
        (
            "- {component: coded, params: {god: [a]}, rows: [{code: X}], expect: [true]}",
            "unknown parameter",
        ),
        (
            "- {component: per_character, rows: [{bytes: x, name: a}], expect: [1]}",
            "is not a number",
        ),
        ("- {component: failing, rows: [{time: noon, client: a}], expect: [false]}", "is no time"),
    ] {
        cases(text);
        let failed = workspace.anomal(&["pack", "test", "house"]);
        assert!(failed.expect(1, &[]).stdout.contains(part), "{text}: {}", failed.stdout);
    }
    cases("- {component: coded, row: []}");
    workspace
        .anomal(&["pack", "test", "house"])
        .expect(2, &["house/tests/a.yaml:1:", "did you mean `rows`?"]);
}

#[test]
fn packs_are_listed() {
    let workspace = workspace(&format!("{INPUT}{}", HOUSE.replace("packs: [", "packs: [dns, ")));
    let all = workspace.anomal(&["pack", "list"]);
    assert!(all.expect(0, &[]).stdout.contains("dns: "), "{}", all.stdout);
    let of_job = workspace.anomal(&["pack", "list", "--job", "job.yaml"]);
    let lines: Vec<&str> = of_job.expect(0, &[]).stdout.lines().collect();
    assert!(lines[0].ends_with("part of the product"), "{lines:?}");
    assert_eq!(lines[1], "house: 6 components, from house");
    let components = workspace.anomal(&["components", "--job", "job.yaml", "--json"]);
    let components: serde_json::Value =
        serde_json::from_str(&components.expect(0, &[]).stdout).unwrap();
    let packs = components["components"].as_array().unwrap().iter().map(|one| &one["pack"]);
    assert!(
        packs.clone().count() == 6 && packs.clone().all(|pack| pack == "house"),
        "{components}"
    );
    let shown = workspace.anomal(&["pack", "show", "dns"]);
    assert!(
        shown.expect(0, &[]).stdout.contains("hostname_entropy: metric of"),
        "{}",
        shown.stdout
    );
    let json = workspace.anomal(&["pack", "show", "house", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.expect(0, &[]).stdout).unwrap();
    assert_eq!(json["manifest"]["version"], "1.2.3");
    assert_eq!(json["components"].as_array().unwrap().len(), 6);
}
