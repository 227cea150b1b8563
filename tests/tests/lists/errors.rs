//! Lists and settings of lists that are wrong, each with its message.

use super::{INPUT, OUTPUT, database, workspace};

const FLAG: &str =
    "flags: [{type: direct, name: list_hit, dataNeeded: [name], params: {lists: [bad]}}]\n";

/// Runs a job with a list of these settings and contents, which fails.
#[track_caller]
fn refuse(settings: &str, content: &[u8], parts: &[&str]) {
    let lists = format!("lists: [{{name: bad, ref: bad.txt, {settings}}}]\n");
    let workspace = workspace(&format!("{INPUT}{lists}{FLAG}{OUTPUT}"), &[("bad.txt", content)]);
    workspace.anomal(&["run", "job.yaml"]).expect(2, parts);
    assert!(!workspace.path("out.csv").exists());
}

#[test]
fn lists_that_find_nothing_are_refused() {
    refuse("type: domain", b"", &["job.yaml:3:", "the file is empty"]);
    refuse("type: domain", b"# nothing\n\n", &["the list finds nothing: 0 entries"]);
    refuse(
        "type: domain",
        b"a\n\nb c d\n",
        &["2 refused", "the first refused one, at 1: `a`: fewer than 4 characters"],
    );
    refuse("type: domain", &[0xff; 100], &["1 not UTF-8"]);
    refuse("type: domain", &b"a".repeat(10 << 20), &["1 too long"]);
    refuse("type: ip", b"0.0.0.0/0\n::/7\n", &["2 refused (2 a prefix of /0 to /7"]);
    refuse("type: url", b"/\n", &["a path without a host"]);
    refuse("type: domain, match: subdomains", b"co.uk\n*.github.io\n", &["2 a public suffix"]);
    refuse("format: hosts", b"localhost\n", &["not an IP address"]);
    refuse(
        "format: csv, type: domain, column: host",
        b"id,name\n1,evil.example\n",
        &["no column `host`; its header is: id, name"],
    );
    refuse("format: mispWarninglist", b"{}", &["no MISP warning list"]);
    refuse(
        "format: mispWarninglist",
        br#"{"type": "regex", "list": ["a"]}"#,
        &["type `regex` are not supported"],
    );
    refuse("format: stix", b"[1", &["no STIX bundle"]);
    refuse("format: stix", &nested(200_000), &["the list finds nothing"]);
    refuse("format: stix", &in_bundle(&nested(100_000)), &["the list finds nothing"]);
    refuse("format: mmdb", b"no database", &["no MaxMind database"]);
    let database = database();
    refuse(
        "format: mmdb",
        &database[..database.len() - 20],
        &["no MaxMind database, or a damaged one"],
    );
    refuse(
        "format: mmdb",
        &database,
        &["`bad` is a MaxMind database, which has no entries; use the metric mmdb_field"],
    );
}

fn nested(depth: usize) -> Vec<u8> {
    [b"[".repeat(depth), b"]".repeat(depth)].concat()
}

fn in_bundle(object: &[u8]) -> Vec<u8> {
    [br#"{"objects": [{"type": "indicator", "x": "#, object, b"}]}"].concat()
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let list = b"evil.example\n";
    refuse("format: plain", list, &["job.yaml:3:", "`type` is missing", "one of domain, ip, url"]);
    refuse("type: domain, column: x", list, &["`column` goes with format csv"]);
    refuse("type: ip, match: subdomains", list, &["`match` goes with lists of type domain"]);
    refuse("type: domain, confidence: 3", list, &["`confidence` goes with format stix"]);
    refuse("format: mmdb, type: ip", list, &["`type` goes with other formats"]);
    refuse("type: domain, except: [bed]", list, &["there is no list `bed`; did you mean `bad`?"]);
    refuse("type: domain, except: [bad]", list, &["can't take precedence over itself"]);
    refuse("type: domain, format: hots", list, &["`hots` is unknown; did you mean `hosts`?"]);
    refuse("type: domain, auth: {secretRef: {name: x}}", list, &["`auth` goes with a URL"]);
    let digest = format!("type: domain, digest: 'sha256:{}'", "0".repeat(64));
    refuse(&digest, list, &["bad.txt has the digest sha256:", "change `digest`"]);
    refuse(
        "type: domain, maxAge: 1d",
        list,
        &["the date of the list is unknown; set it by `updated`"],
    );
    refuse(
        "type: domain, maxAge: 1d, updated: 2020-01-01",
        list,
        &["older than 1d; fetch a newer one"],
    );
    refuse(
        "type: domain, maxAge: 1d",
        b"# Last updated: 2020-01-01\nevil.example\n",
        &["older than 1d"],
    );
}

#[test]
fn references_and_names_are_checked() {
    let job = |lists: &str| {
        workspace(&format!("{INPUT}{lists}{FLAG}{OUTPUT}"), &[("bad.txt", b"evil.example")])
    };
    let refuse = |lists: &str, parts: &[&str]| {
        job(lists).anomal(&["run", "job.yaml"]).expect(2, parts);
    };
    refuse(
        "lists: [{name: bad, ref: none.txt, type: domain}]\n",
        &["lists[0].ref", "there is no file", "none.txt"],
    );
    refuse("lists: [{name: bad, ref: ., type: domain}]\n", &["lists[0].ref", "cannot read"]);
    refuse("lists: [{name: bad, ref: 'https://x.example/l', type: domain}]\n", &["needs `digest`"]);
    refuse(
        "lists: [{name: bed, ref: bad.txt, type: domain}]\n",
        &["there is no list `bad`; did you mean `bed`?"],
    );
    refuse("", &["there is no list `bad`; the settings have no `lists`"]);
    let twice = "{name: bad, ref: bad.txt, type: domain}";
    refuse(&format!("lists: [{twice}, {twice}]\n"), &["`bad` is there twice"]);
    let mmdb = "flags: []\nfeatures: [{type: metric, name: mmdb_field, dataNeeded: [answers], params: {list: bad, field: a}}]\n";
    let workspace = workspace(
        &format!("{INPUT}lists: [{twice}]\n{}{OUTPUT}", mmdb.replace("flags: []\n", "")),
        &[("bad.txt", b"evil.example")],
    );
    workspace.anomal(&["run", "job.yaml"]).expect(2, &["`bad` is no MaxMind database"]);
}

#[test]
fn a_list_of_a_pack_is_in_its_folder() {
    let pack = "apiVersion: anomal.dev/pack/v1\nname: house\nversion: 1.0.0\ndescription: Lists.\n\
        lists: [{name: bad, ref: ../bad.txt, type: domain}]\n";
    let job = format!("{INPUT}packs: [{{name: house, ref: house}}]\n{OUTPUT}");
    let workspace =
        workspace(&job, &[("house/pack.yaml", pack.as_bytes()), ("bad.txt", b"evil.example")]);
    let parts = ["pack.yaml:5:", "../bad.txt is not in the folder of the pack"];
    workspace.anomal(&["run", "job.yaml"]).expect(2, &parts);
}
