//! Packs that are wrong: each error has its place, and a remedy.

use anomal_tests::Workspace;

use super::{HOUSE, INPUT, LOG, PACK, workspace};

/// Asserts that a job is refused.
#[track_caller]
fn refused(job: &str, parts: &[&str]) {
    workspace(job).anomal(&["run", "job.yaml"]).expect(2, parts);
}

/// Asserts that a job with a changed pack is refused.
#[track_caller]
fn refused_pack(from: &str, to: &str, parts: &[&str]) {
    assert!(PACK.contains(from), "{from}");
    let pack = PACK.replacen(from, to, 1);
    let job =
        format!("{INPUT}{HOUSE}flags: [{{type: direct, name: house/coded, dataNeeded: [code]}}]\n");
    let files = [("in.csv", LOG), ("house/pack.yaml", &pack), ("job.yaml", &job)];
    let workspace = Workspace::with_files(&files.map(|(name, text)| (name, text.as_bytes())));
    workspace.anomal(&["run", "job.yaml"]).expect(2, parts);
    workspace.anomal(&["pack", "test", "house"]).expect(2, &parts[..1]);
}

#[test]
fn of_settings() {
    for (packs, part) in [
        ("packs: [{name: house, ref: nowhere}]", "there is no folder nowhere"),
        ("packs: [{name: house, ref: .}]", "has no pack.yaml; `anomal pack new` makes one"),
        ("packs: [{name: house, ref: 'https://example.com/x'}]", "needs `digest`"),
        ("packs: [{name: house, ref: 'git://example.com/x'}]", "a pack is in a folder or file"),
        ("packs: [{name: house, ref: house, digest: abc}]", "has not the form"),
        ("packs: [{name: house, inline: {}, plainHttp: true}]", "`plainHttp` goes with `ref`"),
        ("packs: [{name: house, ref: in.csv}]", "in.csv: it is neither a folder with pack.yaml"),
        ("packs: [{name: house}]", "where is the pack?"),
        ("packs: [{name: house, ref: house, inline: {}}]", "and not both"),
        ("packs: [{name: House, ref: house}]", "has not the form"),
        (
            "packs: [{name: dns, ref: house}]",
            "`dns` is registered twice; give this pack another `name`",
        ),
        ("packs: [{name: a, ref: house}, {name: a, ref: house}]", "`a` is there twice"),
        ("packs: [{name: house, path: house}]", "unknown key"),
        ("packs: [house]", "there is no pack `house`"),
        ("packs: [7]", "where text or a map is expected"),
    ] {
        let flag = "flags: [{type: direct, name: house/coded, dataNeeded: [code]}]\n";
        refused(&format!("{INPUT}{packs}\n{flag}"), &[part]);
    }
}

#[test]
fn of_uses() {
    let job = |part: &str| format!("{INPUT}{HOUSE}{part}\n");
    for (part, expected) in [
        ("use: [house/logs]", "did you mean `house/log`?"),
        ("use: [{profile: house/log, with: {cod: code}}]", "did you mean `code`?"),
        ("use: [{profile: house/log, with: {code: cods}}]", "there is no column `cods`"),
        ("use: [{profile: house/log, columns: {}}]", "unknown key"),
        (
            "flags: [{type: direct, name: house/codet, dataNeeded: [code]}]",
            "there is no direct flag `house/codet`",
        ),
        ("flags: [{type: aggregation, name: house/coded, dataNeeded: [code]}]", "is a direct flag"),
        (
            "flags: [{type: direct, name: house/coded, dataNeeded: [client, code]}]",
            "needs the columns: code",
        ),
        (
            "flags: [{type: direct, name: house/coded, dataNeeded: [code], params: {good: NOERROR}}]",
            "a list of texts",
        ),
        (
            "flags: [{type: aggregation, name: house/failing, dataNeeded: [client, code], params: {most: 1.5}}]",
            "is not a whole number",
        ),
        (
            "flags: [{type: aggregation, name: house/failing, dataNeeded: [client, code], params: {within: soon}}]",
            "is not a duration",
        ),
        (
            "features: [{type: metric, name: house/per_character, dataNeeded: [client, name]}]\nclassification: {engine: HBOS}",
            "needs whole numbers or numbers",
        ),
    ] {
        refused(&job(part), &[expected]);
    }
    let without_time =
        job("flags: [{type: aggregation, name: house/failing, dataNeeded: [client, code]}]");
    refused(&without_time.replace("timeColumn: time\n", ""), &["needs `timeColumn`"]);
}

#[test]
fn of_manifests() {
    let place = "house/pack.yaml:";
    for (from, to, part) in [
        ("apiVersion: anomal.dev/pack/v1", "apiVersion: anomal.dev/pack/v2", "it must be"),
        ("version: 1.2.3", "version: one", "has not the form"),
        ("license", "licence", "did you mean `license`?"),
        ("type: filter", "type: fliter", "did you mean `filter`?"),
        ("name: own\n", "name: per_character\n", "there are two components `per_character`"),
        ("by: [client]", "by: [cliend]", "there is no input `cliend`; did you mean `client`?"),
        ("window: \"{within}\"", "window: \"{most}\"", "is not a duration"),
        (
            "factor: {type: number, default: 1.0}",
            "factor: {type: number, default: one}",
            "is not a number",
        ),
        ("domain: {type: text", "my_domain: {type: text", "letters and digits alone"),
        (
            "filters: [{name: own, dataNeeded: [\"{name}\"]}]",
            "filters: [{name: own, dataNeeded: [\"{nam}\"]}]",
            "is none of `needs`",
        ),
        (
            "  expression: \"ENDS_WITH({name}, {domain})\"",
            "  expression: \"ENDS_WITH({name}, {domain})\"\n  severity: low",
            "goes with a flag",
        ),
    ] {
        refused_pack(from, to, &[part, place]);
    }
}

#[test]
fn of_expressions() {
    for (from, to, part) in [
        ("{code} NOT IN {good}", "{cod} NOT IN {good}", "`{cod}` is no input and no parameter"),
        ("{code} NOT IN {good}", "bytes > 3", "there is no column `bytes`"),
        ("{code} NOT IN {good}", "{code NOT IN {good}", "a brace encloses a name"),
        ("{code} NOT IN {good}", "{code} IN (SELECT 1)", "subquery"),
        ("{code} NOT IN {good}", "{code} NOT IN {good}; DROP TABLE x", "unexpected"),
    ] {
        refused_pack(from, to, &[part, "components[2].expression"]);
    }
    // Whether the values fit is known with the columns.
    let pack = PACK.replacen("{code} NOT IN {good}", "LENGTH({code})", 1);
    let job =
        format!("{INPUT}{HOUSE}flags: [{{type: direct, name: house/coded, dataNeeded: [code]}}]\n");
    let files = [("in.csv", LOG), ("house/pack.yaml", &pack), ("job.yaml", &job)];
    let workspace = Workspace::with_files(&files.map(|(name, text)| (name, text.as_bytes())));
    workspace.anomal(&["run", "job.yaml"]).expect(2, &["must be true or false"]);
}

#[test]
fn a_value_of_a_parameter_stays_a_value() {
    let evil = "x') OR 1 = 1 OR ENDS_WITH(name, ''";
    let job = format!(
        "{INPUT}{HOUSE}filters:\n- name: house/own\n  dataNeeded: [name]\n  params: {{domain: \"{evil}\"}}\n\
         flags: [{{type: direct, name: house/coded, dataNeeded: [code]}}]\noutputs: [{{csv: {{path: out.csv}}}}]\n"
    );
    let workspace = workspace(&job);
    workspace.anomal(&["run", "job.yaml"]).expect(0, &[]);
    // No name ends with it: no row is removed.
    assert_eq!(workspace.read("out.csv").lines().count(), 7);
}

#[test]
fn hostile_manifests_are_refused_at_once() {
    let job =
        format!("{INPUT}{HOUSE}flags: [{{type: direct, name: house/coded, dataNeeded: [code]}}]\n");
    let bomb = format!(
        "a: &a [x,x,x,x,x,x,x,x,x]\n{}",
        (1..12)
            .map(|i| format!(
                "b{i}: &b{i} [{}]\n",
                vec![if i == 1 { "*a".to_owned() } else { format!("*b{}", i - 1) }; 9].join(",")
            ))
            .collect::<String>()
    );
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let large = "#".repeat(10 << 20);
    for (text, part) in [
        ("", "the file is empty"),
        (&large, "at most 1 MiB"),
        (&bomb, "are refused"),
        (&deep, "pack.yaml"),
        ("\u{0}", "NUL"),
        ("- a\n- b\n", "where a map is expected"),
    ] {
        let files = [("in.csv", LOG), ("house/pack.yaml", text), ("job.yaml", &job)];
        let workspace = Workspace::with_files(&files.map(|(name, text)| (name, text.as_bytes())));
        workspace.anomal(&["run", "job.yaml"]).expect(2, &[part]);
    }
}
