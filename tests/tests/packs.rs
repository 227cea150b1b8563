//! Declarative packs: in folders and in settings, as components and by profiles, tested and shown by `anomal pack`.

mod packs {
    mod cases;
    mod errors;
    mod jobs;
    mod registry;

    use anomal_tests::Workspace;

    /// A log of requests with known failures: client `a` fails often within a minute, `b` now and then.
    pub const LOG: &str = "time,client,code,name,bytes\n\
        2026-03-02T00:00:00Z,a,NXDOMAIN,x.example.com,10\n\
        2026-03-02T00:00:10Z,b,NXDOMAIN,y.example.com,20\n\
        2026-03-02T00:00:20Z,a,NXDOMAIN,z.example.com,30\n\
        2026-03-02T00:00:30Z,a,NOERROR,mail.house.example,40\n\
        2026-03-02T00:00:40Z,a,SERVFAIL,x.example.org,50\n\
        2026-03-02T00:20:00Z,b,NXDOMAIN,y.example.com,60\n";

    pub const PACK: &str = r#"apiVersion: anomal.dev/pack/v1
name: house
version: 1.2.3
description: Rules of the house.
license: Apache-2.0
components:
- name: per_character
  type: metric
  description: Bytes for each character.
  inputs: [{name: bytes, type: number}, {name: name, type: text}]
  parameters: {factor: {type: number, default: 1.0}}
  expression: "{bytes} * {factor} / LENGTH({name})"
- name: own
  type: filter
  description: Names of the house.
  inputs: [{name: name, type: text}]
  parameters: {domain: {type: text, default: house.example}}
  expression: "ENDS_WITH({name}, {domain})"
- name: coded
  type: flag
  description: A code that is none of these.
  inputs: [{name: code, type: text}]
  parameters: {good: {type: texts, default: [NOERROR]}}
  expression: "{code} NOT IN {good}"
  severity: high
  message: "{count} codes"
- name: failing
  type: flag
  description: A client that fails more than `most` times within `within`.
  inputs: [{name: client, type: text}, {name: code, type: text}]
  parameters: {most: {type: integer, default: 1}, within: {type: duration, default: 1m}}
  aggregate: {function: count, by: [client], where: "{code} <> 'NOERROR'", window: "{within}"}
  expression: "{aggregate} > {most}"
  severity: medium
- name: failures
  type: metric
  description: Failures of the client so far.
  inputs: [{name: client, type: text}, {name: code, type: text}]
  aggregate: {function: count, by: [client], where: "{code} <> 'NOERROR'"}
  expression: "{aggregate}"
- name: rare
  type: flag
  description: A code that few rows have.
  inputs: [{name: code, type: text}]
  expression: "COUNT({code}) OVER (PARTITION BY {code}) = 1"
profiles:
  log:
    description: For a log of requests.
    needs: {who: client, code: rcode, name: name, size: bytes}
    filters: [{name: own, dataNeeded: ["{name}"]}]
    features:
    - {type: metric, name: per_character, dataNeeded: ["{size}", "{name}"], as: "{name}.density"}
    - {type: expression, name: kib, expression: "{size} / 1024.0"}
    flags:
    - {type: direct, name: coded, dataNeeded: ["{code}"]}
    - {type: aggregation, name: failing, dataNeeded: ["{who}", "{code}"], message: "{count} rows"}
"#;

    /// A folder with the log, the pack in `house`, and a job.
    pub fn workspace(job: &str) -> Workspace {
        let files = [
            ("in.csv", LOG.as_bytes()),
            ("house/pack.yaml", PACK.as_bytes()),
            ("job.yaml", job.as_bytes()),
        ];
        Workspace::with_files(&files)
    }

    pub const INPUT: &str = "input: {csv: {path: in.csv}}\ntimeColumn: time\n";
    pub const HOUSE: &str = "packs: [{name: house, ref: house}]\n";
    pub const OUTPUT: &str = "outputs: [{csv: {path: out.csv, include: [features]}}]\n";
}
