//! What jobs find in lists.

use anomal_tests::{Engine, Workspace, repository};

use super::{INPUT, OUTPUT, column, database, workspace};

const BAD: &[u8] = b"# known to be bad\nevil.example # since March\ncom\n\nx\n";
const GOOD: &[u8] = b"good.evil.example\n";
const NETWORKS: &[u8] = b"192.0.2.0/24\n198.51.100.9\n0.0.0.0/0\n";

const LISTS: &str = "lists:\n\
    - {name: bad, ref: bad.txt, type: domain, match: subdomains, except: [good]}\n\
    - {name: good, ref: lists/good.txt, type: domain}\n\
    - {name: networks, ref: networks.txt, type: ip}\n";

const FLAGS: &str = "flags:\n\
    - {type: direct, name: list_hit, as: bad_name, dataNeeded: [name], params: {lists: [bad]}, severity: high}\n\
    - {type: direct, name: list_hit, as: bad_answer, dataNeeded: [answers], params: {lists: [networks]}}\n";

fn files() -> [(&'static str, &'static [u8]); 3] {
    [("bad.txt", BAD), ("lists/good.txt", GOOD), ("networks.txt", NETWORKS)]
}

fn run(job: &str) -> Workspace {
    let workspace = workspace(job, &files());
    workspace.anomal(&["run", "job.yaml"]).expect(0, &[]);
    workspace
}

#[test]
fn flags_report_the_list_and_the_entry() {
    let workspace = workspace(&format!("{INPUT}{LISTS}{FLAGS}{OUTPUT}"), &files());
    let run = workspace.anomal(&["run", "job.yaml", "--summary", "suspects"]);
    run.expect(
        0,
        &[
            "the list bad: 1 entry, 2 refused (2 fewer than 4 characters)",
            "the list networks: 2 entries, 1 refused (1 a prefix of /0 to /7",
        ],
    );
    let flags = ["bad_name;bad_answer", "bad_answer", "", "", "bad_answer"];
    assert_eq!(column(&workspace, "anomal.flags"), flags);
    run.expect(
        0,
        &[
            "bad_name: bad: evil.example",
            "bad_answer: networks: 192.0.2.0/24",
            "networks: 198.51.100.9",
        ],
    );
}

#[test]
fn filters_and_metrics_look_values_up() {
    let steps = "filters: [{name: in_list, dataNeeded: [answers], params: {lists: [networks]}}]\n\
        features:\n\
        - {type: metric, name: list_entry, as: entry, dataNeeded: [name], params: {lists: [good, bad]}}\n\
        - {type: metric, name: list_entry, as: list, dataNeeded: [name], params: {lists: [good, bad], show: list}}\n";
    let workspace = run(&format!("{INPUT}{LISTS}{steps}{OUTPUT}"));
    assert_eq!(column(&workspace, "anomal.row"), ["2", "3"]);
    assert_eq!(column(&workspace, "anomal.features.entry"), ["good.evil.example", ""]);
    assert_eq!(column(&workspace, "anomal.features.list"), ["good", ""]);
}

#[test]
fn engines_elsewhere_get_the_lists() {
    let job = format!("{INPUT}{LISTS}{FLAGS}{OUTPUT}");
    let expected = run(&job).read("out.csv");
    let engines: Vec<Engine> = (0..2).map(|_| Engine::start("anomal-feature-engine")).collect();
    let endpoints = engines.iter().flat_map(|engine| ["--feature-engine", engine.address.as_str()]);
    let arguments: Vec<&str> = ["run", "job.yaml"].into_iter().chain(endpoints).collect();
    let remote = workspace(&job, &files());
    // The second run finds the lists there.
    for _ in 0..2 {
        remote.anomal(&arguments).expect(0, &["the list bad: 1 entry"]);
        assert_eq!(remote.read("out.csv"), expected);
    }
}

#[test]
fn entries_expire_by_the_time_of_the_row() {
    let bundle = r#"{"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "identity", "name": "x"},
        {"type": "indicator", "pattern_type": "stix", "pattern": "[domain-name:value = 'notevil.example']",
         "valid_from": "2026-03-01T00:00:00Z", "valid_until": "2026-03-03T00:00:00Z", "confidence": 80},
        {"type": "indicator", "pattern_type": "stix", "pattern": "[domain-name:value = 'other.example']",
         "valid_from": "2026-03-05T00:00:00Z", "confidence": 80},
        {"type": "indicator", "pattern_type": "stix", "pattern": "[domain-name:value = 'good.evil.example']",
         "valid_from": "2026-03-01T00:00:00Z", "confidence": 10},
        {"type": "indicator", "pattern_type": "stix", "pattern": "[domain-name:value = 'a' OR domain-name:value = 'b']",
         "valid_from": "2026-03-01T00:00:00Z"},
        {"type": "indicator", "pattern_type": "stix", "pattern": "[ipv4-addr:value = '192.0.2.7']",
         "valid_from": "2026-02-01T00:00:00Z", "confidence": 80}]}"#;
    let lists =
        "lists: [{name: cti, ref: bundle.json, format: stix, confidence: 50, maxAge: 14d}]\n";
    let flags = "flags:\n\
        - {type: direct, name: list_hit, as: name, dataNeeded: [name], params: {lists: [cti]}}\n\
        - {type: direct, name: list_hit, as: answer, dataNeeded: [answers], params: {lists: [cti]}}\n";
    let run = |job: &str| {
        let workspace = workspace(job, &[("bundle.json", bundle.as_bytes())]);
        let parts = ["the list cti: 3 entries, 1 unsupported, 1 left out"];
        workspace.anomal(&["run", "job.yaml"]).expect(0, &parts);
        column(&workspace, "anomal.flags")
    };
    // The address was valid for 14 days, and the last name is not valid yet on its day.
    assert_eq!(run(&format!("{INPUT}{lists}{flags}{OUTPUT}")), ["", "name", "", "", ""]);
    // Without times, the start of the run decides, which is later.
    let untimed = INPUT.replace("timeColumn: time\n", "");
    let lists = lists.replace(", maxAge: 14d", "");
    assert_eq!(run(&format!("{untimed}{lists}{flags}{OUTPUT}")), ["answer", "", "", "name", ""]);
}

#[test]
fn a_pack_brings_its_lists() {
    let pack = "apiVersion: anomal.dev/pack/v1\nname: house\nversion: 1.0.0\ndescription: Lists of the house.\n\
        lists:\n\
        - {name: bad, ref: lists/bad.txt, type: domain, match: subdomains, except: [good]}\n\
        - {name: good, ref: lists/good.txt, type: domain}\n\
        profiles:\n\
        \x20 log:\n\
        \x20   description: For a log.\n\
        \x20   needs: {who: name}\n\
        \x20   flags: [{type: direct, name: list_hit, as: bad_name, dataNeeded: ['{who}'], params: {lists: [house/bad]}}]\n";
    let job =
        format!("{INPUT}packs: [{{name: house, ref: packs/house}}]\nuse: [house/log]\n{OUTPUT}");
    let files: [(&str, &[u8]); 3] = [
        ("packs/house/pack.yaml", pack.as_bytes()),
        ("packs/house/lists/bad.txt", BAD),
        ("packs/house/lists/good.txt", GOOD),
    ];
    let workspace = workspace(&job, &files);
    workspace.anomal(&["run", "job.yaml"]).expect(0, &["the list house/bad: 1 entry"]);
    assert_eq!(column(&workspace, "anomal.flags"), ["bad_name", "", "", "", ""]);
}

#[test]
fn addresses_have_the_country_of_their_registration() {
    let job = format!(
        "input: {{csv: {{path: in.csv}}}}\npacks: [geo]\n\
        features: [{{type: metric, name: geo_from_ip, as: country, dataNeeded: [address]}}]\n{OUTPUT}"
    );
    let workspace = workspace(&job, &[("in.csv", b"address\n193.0.6.139\n10.0.0.1\n")]);
    workspace.anomal(&["run", "job.yaml"]).expect(0, &[]);
    assert_eq!(column(&workspace, "anomal.features.country"), ["NL", ""]);
}

#[test]
fn fields_of_databases() {
    let job = format!(
        "{INPUT}lists: [{{name: geo, ref: geo.mmdb, format: mmdb}}]\n\
        features: [{{type: metric, name: mmdb_field, as: country, dataNeeded: [answers], params: {{list: geo, field: country.iso_code}}}}]\n{OUTPUT}"
    );
    let workspace = workspace(&job, &[("geo.mmdb", &database())]);
    workspace.anomal(&["run", "job.yaml"]).expect(0, &["the list geo: Test, networks: 1"]);
    assert_eq!(column(&workspace, "anomal.features.country"), ["NL", "NL", "", "", "NL"]);
}

#[test]
fn the_example_runs() {
    let job = repository().join("examples/lists/job.yaml");
    let workspace = Workspace::default();
    let run = ["run", job.to_str().unwrap(), "--output", "out.csv", "--summary", "suspects"];
    workspace.anomal(&run).expect(0, &["32 requests for known bad domains"]);
    let flags = column(&workspace, "anomal.flags");
    assert_eq!(flags.len(), 5_000);
    assert_eq!(flags.iter().filter(|flags| *flags == "bad_domain").count(), 32);
}

#[test]
fn other_formats_find_the_same() {
    let expected = run(&format!("{INPUT}{LISTS}{FLAGS}{OUTPUT}")).read("out.csv");
    for (settings, content) in [
        ("format: hosts, match: subdomains", "0.0.0.0 evil.example # bad\n127.0.0.1 localhost\n"),
        ("format: csv, type: domain, match: subdomains, column: host", "id,host\n1,evil.example\n"),
        (
            "format: csv, type: domain, match: subdomains, column: '2', comment: ';'",
            ";id\n1,\"*.evil.example\"\n",
        ),
        (
            "format: mispWarninglist",
            r#"{"type": "hostname", "name": "x", "version": 20260301, "list": ["evil.example"]}"#,
        ),
        ("format: plain, type: domain", "*.evil[.]example\n"),
    ] {
        let lists = LISTS
            .replace("type: domain, match: subdomains, except", &format!("{settings}, except"));
        let workspace = workspace(&format!("{INPUT}{lists}{FLAGS}{OUTPUT}"), &files());
        workspace.write("bad.txt", content.as_bytes());
        workspace.anomal(&["run", "job.yaml"]).expect(0, &[]);
        assert_eq!(workspace.read("out.csv"), expected, "{settings}");
    }
}
