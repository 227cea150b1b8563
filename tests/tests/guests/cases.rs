//! `anomal pack test`, `pack list` and `components` with a pack of code.

use anomal_tests::Workspace;

use super::{everything::manifest, wat};

fn workspace(guest: &wat::Guest) -> Workspace {
    let (manifest, component) = (manifest("code"), guest.component());
    Workspace::with_files(&[
        ("code/pack.yaml", manifest.as_bytes()),
        ("code/component.wasm", &component),
    ])
}

#[test]
fn a_group_flag_must_not_depend_on_the_order_of_rows() {
    let workspace = workspace(&wat::last_of_group());
    let case = |first: &str, second: &str| {
        format!(
            "- component: last_of_group\n  rows: [{{client: a, time: {first}}}, {{client: a, time: {second}}}]\n  \
             expect: [false, true]\n"
        )
    };
    workspace.write(
        "code/tests/a.yaml",
        case("2026-03-02T00:00:00Z", "2026-03-02T00:00:01Z").as_bytes(),
    );
    let tested = workspace.anomal(&["pack", "test", "code"]);
    assert_eq!(tested.expect(0, &[]).stdout, "1 passed, 0 failed\n");
    // Of two rows at one time, the last one is the one that is written last.
    workspace.write(
        "code/tests/a.yaml",
        case("2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z").as_bytes(),
    );
    let tested = workspace.anomal(&["pack", "test", "code"]);
    let expected = "row 0 gives false and, with the rows in reversed order, true: its value depends on the order of rows";
    assert!(tested.expect(1, &[]).stdout.contains(expected), "{}", tested.stdout);
}

#[test]
fn components_of_code_are_listed() {
    let workspace = workspace(&wat::length());
    workspace.write(
        "job.yaml",
        b"input: {csv: {path: in.csv}}\npacks: [dns, {name: mine, ref: code}]\nfeatures: [{type: field, name: a}]\n",
    );
    let listed = workspace.anomal(&["pack", "list", "--job", "job.yaml"]);
    let lines: Vec<&str> = listed.expect(0, &[]).stdout.lines().collect();
    assert_eq!(lines[1], "mine: 1 component, from code");
    let listed = workspace.anomal(&["components", "--job", "job.yaml"]);
    let text = &listed.expect(0, &[]).stdout;
    assert!(text.starts_with("Metrics\n  mine/length\n"), "{text}");
    assert_eq!(text.matches('/').count(), 1, "{text}");
}
