//! A manifest and a bare spec, good and bad, through the one door.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and a table of cases is as long as it is"
)]

use std::{io, time::Instant};

use anomal_spec::{Form, LoadedSettings, Source, load, to_manifest_yaml, visit_paths};

const SOURCE: Source<'_> = Source { file: "job.yaml", name: "My job_1" };

fn no_file(_: &str) -> io::Result<Vec<u8>> {
    Err(io::Error::from(io::ErrorKind::NotFound))
}

fn loaded(text: &str) -> LoadedSettings {
    load(text.as_bytes(), SOURCE, &no_file).unwrap_or_else(|error| panic!("{error}"))
}

fn problems(bytes: impl AsRef<[u8]>) -> String {
    load(bytes.as_ref(), SOURCE, &no_file).expect_err("is refused").to_string()
}

const SPEC: &str = "
input: {csv: {path: in.csv, types: {a_b: integer}, bad_lines: skip}}
features:
  - {type: field, name: a, multiplier: 2}
  - {type: metric, name: hostname_entropy, data_needed: 'q, r', as: e, params: {top_n: 3}}
  - type: expression
    name: ratio
    expression: a / b
classification: {engine: Gower, parameters: {n_neighbors: 5}, threshold: {method: smallest_cluster}}
";

#[test]
fn a_bare_spec_is_named_after_its_file() {
    let LoadedSettings { job, form, .. } = loaded(SPEC);
    assert_eq!((form, job.metadata.name.as_str()), (Form::Spec, "my-job-1"));
    insta::assert_snapshot!(to_manifest_yaml(&job).unwrap(), @r#"
    apiVersion: anomal.dev/v1alpha1
    kind: AnomalyJob
    metadata:
      name: my-job-1
    spec:
      input:
        csv:
          path: in.csv
          nullValues:
          - ""
          types:
            a_b: integer
          badLines: skip
      features:
      - type: field
        name: a
        multiplier: 2.0
      - type: metric
        name: hostname_entropy
        dataNeeded:
        - q
        - r
        params:
          topN: 3
        as: e
        multiplier: 1.0
      - type: expression
        name: ratio
        expression: a / b
        multiplier: 1.0
      classification:
        engine: Gower
        parameters:
          nNeighbors: 5
        threshold:
          method: smallestCluster
        seed: 0
      suspend: false
      backoffLimit: 2
    "#);
}

fn manifest() -> String {
    let indented = SPEC.replace('\n', "\n  ");
    format!(
        "apiVersion: anomal.dev/v1alpha1\nkind: AnomalyJob\nmetadata: {{name: x-1, labels: {{a_b: c}}}}\n\
         status: {{phase: Done}}\nspec:{indented}"
    )
}

#[test]
fn a_manifest_keeps_its_name_and_what_kubernetes_adds() {
    let LoadedSettings { job, form, .. } = loaded(&manifest());
    assert_eq!((form, job.metadata.name.as_str()), (Form::Manifest, "x-1"));
    assert_eq!(job.metadata.rest["labels"]["a_b"], "c");
    assert_eq!(loaded(&to_manifest_yaml(&job).unwrap()).job, job);
    assert_eq!(job.spec, loaded(SPEC).job.spec);
}

#[test]
fn problems_of_a_manifest_have_places() {
    let wrong =
        manifest().replace("anomal.dev/v1alpha1", "v1").replace("kind: AnomalyJob", "kind: 7");
    insta::assert_snapshot!(problems(wrong.replace("status", "state").replace("name: a,", "nmae: a,")), @r"
    job.yaml:1:13: apiVersion: this is `v1`; it must be `anomal.dev/v1alpha1`
    job.yaml:2:7: kind: this is a number where text is expected; put it in quotes
    job.yaml:4:1: state: unknown key; known here: apiVersion, kind, metadata, spec
    job.yaml:8:21: spec.features[0].nmae: unknown key; did you mean `name`?
    ");
    insta::assert_snapshot!(problems(manifest().replace("x-1", "X_1")), @"job.yaml:3:12: metadata.name: a name has at most 52 lower-case letters, digits and `-`, and begins and ends with one of the first two");
    insta::assert_snapshot!(problems(manifest().replace("x-1", &"x".repeat(53))), @"job.yaml:3:18: metadata.name: 53 characters; at most 52 are allowed");
    insta::assert_snapshot!(problems("kind: AnomalyJob\n"), @r"
    job.yaml:1:1: `apiVersion` is missing
    job.yaml:1:1: `metadata` is missing
    job.yaml:1:1: `spec` is missing
    ");
}

#[test]
fn every_problem_has_its_place() {
    let text = "
input: {csv: {path: 7, separater: ';', nullValues: none, badLines: fail}}
features:
  - {type: feld, name: a}
  - {type: field, name: a, multiplier: -1}
  - {type: field, nmae: a}
  - {type: metric, name: m, data_needed: 'a,,b', params: {deep: {x: 1}}}
  - {type: field, name: , multiplier: two}
  - field
flags: {type: direct}
clasification: {engine: Gower}
outputs: [{csv: {path: , rows: 1}}, {terminal: {limit: 0, rows: some}}]
";
    insta::assert_snapshot!(problems(text), @r"
    job.yaml:2:21: input.csv.path: this is a number where text is expected; put it in quotes
    job.yaml:2:24: input.csv.separater: unknown key; did you mean `separator`?
    job.yaml:2:52: input.csv.nullValues: this is text where a list is expected
    job.yaml:2:68: input.csv.badLines: `fail` is unknown; it is one of error, skip
    job.yaml:4:12: features[0].type: `feld` is unknown; did you mean `field`?
    job.yaml:5:40: features[1].multiplier: -1 is below 0, the least allowed
    job.yaml:6:19: features[2].nmae: unknown key; did you mean `name`?
    job.yaml:7:42: features[3].dataNeeded[1]: this must not be empty
    job.yaml:7:65: features[3].params.deep: a parameter is a single value or a list of such
    job.yaml:8:39: features[4].multiplier: this is text where a number is expected
    job.yaml:9:5: features[5]: this is text where a map is expected
    job.yaml:10:8: flags: this is a map where a list is expected
    job.yaml:11:1: clasification: unknown key; did you mean `classification`?
    job.yaml:12:22: outputs[0].csv.path: this is nothing where text is expected
    job.yaml:12:32: outputs[0].csv.rows: this is a number where one of all, suspicious is expected
    job.yaml:12:56: outputs[1].terminal.limit: 0 is below 1, the least allowed
    job.yaml:12:65: outputs[1].terminal.rows: `some` is unknown; it is one of all, suspicious
    ");
}

#[test]
fn a_key_in_two_spellings_is_there_once() {
    let text = "input: {csv: {path: a, bad_lines: skip, badLines: error}}\n";
    insta::assert_snapshot!(problems(text), @"job.yaml:1:41: input.csv.badLines: `badLines` is there already under another spelling");
}

#[test]
fn at_most_twenty_problems_are_listed_and_the_others_counted() {
    let text: String = (0..1_000).map(|key| format!("key{key}: 1\n")).collect();
    let messages = problems(text);
    assert_eq!(messages.lines().count(), 21);
    assert!(messages.ends_with("job.yaml: and 981 more"), "{messages}");
}

/// Settings with one part in place of an innocent one, and what is said of it.
#[track_caller]
fn message(part: &str) -> String {
    let key = part.split(':').next().unwrap();
    let rest = match key {
        "input" => String::new(),
        _ => "input: {csv: {path: a}}\n".to_owned(),
    };
    problems(format!("{part}\n{rest}"))
}

#[test]
fn rules_between_fields() {
    for good in [
        "input: {csv: {path: a, separator: \"\\t\"}}",
        "input: {csv: {path: a, separator: \"\\x01\"}}",
        "input: {csv: {path: a}}\nengines: {feature: {endpoints: ['http://[::1]:7401', 'https://a-b.c']}}",
        "input: {csv: {path: a}}\nclassification: {engine: E, threshold: {method: zscore, value: 3}}",
        "input: {csv: {path: '-'}}\noutputs: [{csv: {path: '-'}}, {ndjson: {path: b}}]",
        "input: {csv: {path: a}}\nfeatures: [{type: field, name: n, dataNeeded: a}]",
    ] {
        loaded(good);
    }
    let wrong = [
        "input: {}",
        "input: {csv: {path: a}, parquet: {path: b}}",
        "input: {csv: {path: a, separator: ü}}",
        "input: {csv: {path: a, separator: '\"'}}",
        "input: {csv: {path: a, separator: ''}}",
        "input: {csv: {path: a, separator: ';;'}}",
        "input: {parquet: {path: '-'}}",
        "outputs: [{}]",
        "outputs: [{csv: {path: a, separator: \"\\n\"}}]",
        "outputs: [{parquet: {path: '-'}}]",
        "outputs: [{terminal: {}}, {csv: {path: '-'}}]",
        "outputs: [{csv: {path: a/b}}, {ndjson: {path: ./a/./b}}]",
        "deadLetter: {path: '-'}",
        "filters: [{name: f, remove: a > 1, dataNeeded: a}]",
        "features: [{type: field}]",
        "features: [{type: field, name: a, match: 'b*'}]",
        "features: [{type: field, name: a, dataNeeded: 'b, c'}]",
        "features: [{type: field, name: a, except: [b]}]",
        "features: [{type: field, match: a, as: b}]",
        "features: [{type: field, name: a, params: {b: 1}}]",
        "features: [{type: field, name: a, expression: b}]",
        "features: [{type: metric, name: m}]",
        "features: [{type: metric, dataNeeded: a, match: 'b*'}]",
        "features: [{type: expression, name: a}]",
        "features: [{type: expression, expression: a + 1}]",
        "features: [{type: expression, name: a, expression: a + 1, dataNeeded: a}]",
        "flags: [{type: aggregation, name: f, expression: a > 1}]",
        "flags: [{type: direct, name: f, expression: a > 1, params: {b: 1}}]",
        "classification: {engine: E, threshold: {method: smallestCluster, value: 1}}",
        "classification: {engine: External}",
        "classification: {endpoint: 'http://a:1'}",
        "classification: {tls: {}}",
        "classification: {engine: External, endpoint: 'a:1'}",
        "classification: {model: {}}",
        "classification: {engine: E, threshold: {method: score}}",
        "classification: {engine: E, threshold: {method: contamination, value: 0.7}}",
        "classification: {engine: E, threshold: {method: quantile, value: 1}}",
        "classification: {engine: E, threshold: {method: pot, value: 0}}",
        "classification: {engine: E, threshold: {method: mad, value: 0}}",
        "engines: {feature: {endpoints: []}}",
        "engines: {feature: {endpoints: ['localhost:7401']}}",
        "engines: {classification: {endpoints: ['http://user@host:7402/path']}}",
    ];
    let messages: Vec<String> =
        wrong.into_iter().map(|part| format!("{part}\n{}\n", message(part))).collect();
    insta::assert_snapshot!(messages.join("\n"), @r#"
    input: {}
    job.yaml:1:1: input: an input has exactly one driver: csv, log, parquet, ndjson, json, elasticsearch, kafka, http, tcp or syslog

    input: {csv: {path: a}, parquet: {path: b}}
    job.yaml:1:1: input: an input has exactly one driver: csv, log, parquet, ndjson, json, elasticsearch, kafka, http, tcp or syslog

    input: {csv: {path: a, separator: ü}}
    job.yaml:1:24: input.csv.separator: a separator is one ASCII character, and no quote or line end; or auto, tab, pipe or whitespace

    input: {csv: {path: a, separator: '"'}}
    job.yaml:1:24: input.csv.separator: a separator is one ASCII character, and no quote or line end; or auto, tab, pipe or whitespace

    input: {csv: {path: a, separator: ''}}
    job.yaml:1:35: input.csv.separator: this must not be empty

    input: {csv: {path: a, separator: ';;'}}
    job.yaml:1:24: input.csv.separator: a separator is one ASCII character, and no quote or line end; or auto, tab, pipe or whitespace

    input: {parquet: {path: '-'}}
    job.yaml:1:9: input.parquet: a Parquet file is read from its end, which standard input has not; name a file

    outputs: [{}]
    job.yaml:1:11: outputs[0]: an output has exactly one driver: csv, parquet, ndjson, elasticsearch or terminal

    outputs: [{csv: {path: a, separator: "\n"}}]
    job.yaml:1:27: outputs[0].csv.separator: a separator is one ASCII character, and no quote or line end

    outputs: [{parquet: {path: '-'}}]
    job.yaml:1:12: outputs[0].parquet: a Parquet file is not for standard output; name a file, or write csv or ndjson

    outputs: [{terminal: {}}, {csv: {path: '-'}}]
    job.yaml:1:1: only one output can have standard output (a path `-`, or terminal)

    outputs: [{csv: {path: a/b}}, {ndjson: {path: ./a/./b}}]
    job.yaml:1:41: outputs[1].ndjson.path: `./a/./b` is written by another output already; name another file

    deadLetter: {path: '-'}
    job.yaml:1:1: deadLetter: rejected records go to a file; standard output is for results

    filters: [{name: f, remove: a > 1, dataNeeded: a}]
    job.yaml:1:11: filters[0]: a filter has `remove` (an SQL predicate), or names a component with `dataNeeded` and `params`

    features: [{type: field}]
    job.yaml:1:12: features[0]: a field has `name` (a column) or `match` (a pattern of columns), and not both

    features: [{type: field, name: a, match: 'b*'}]
    job.yaml:1:12: features[0]: a field has `name` (a column) or `match` (a pattern of columns), and not both

    features: [{type: field, name: a, dataNeeded: 'b, c'}]
    job.yaml:1:12: features[0]: a field is one column: `dataNeeded` holds one name, or none where `name` is the column

    features: [{type: field, name: a, except: [b]}]
    job.yaml:1:12: features[0]: `except` goes with `match`

    features: [{type: field, match: a, as: b}]
    job.yaml:1:12: features[0]: `match` stands for several columns, which `as` and `dataNeeded` can't name

    features: [{type: field, name: a, params: {b: 1}}]
    job.yaml:1:12: features[0]: only a metric has `params`

    features: [{type: field, name: a, expression: b}]
    job.yaml:1:12: features[0]: `expression` belongs to a feature of type expression, which must have it

    features: [{type: metric, name: m}]
    job.yaml:1:12: features[0]: a metric has `name` (the component) and `dataNeeded` (its columns)

    features: [{type: metric, dataNeeded: a, match: 'b*'}]
    job.yaml:1:12: features[0]: only a field has `match`
    job.yaml:1:12: features[0]: `match` stands for several columns, which `as` and `dataNeeded` can't name
    job.yaml:1:12: features[0]: a metric has `name` (the component) and `dataNeeded` (its columns)

    features: [{type: expression, name: a}]
    job.yaml:1:12: features[0]: `expression` belongs to a feature of type expression, which must have it

    features: [{type: expression, expression: a + 1}]
    job.yaml:1:12: features[0]: an expression has a `name`

    features: [{type: expression, name: a, expression: a + 1, dataNeeded: a}]
    job.yaml:1:12: features[0]: an expression names its columns itself, without `dataNeeded`

    flags: [{type: aggregation, name: f, expression: a > 1}]
    job.yaml:1:9: flags[0]: `expression` makes a direct flag by itself, without `dataNeeded` and `params`

    flags: [{type: direct, name: f, expression: a > 1, params: {b: 1}}]
    job.yaml:1:9: flags[0]: `expression` makes a direct flag by itself, without `dataNeeded` and `params`

    classification: {engine: E, threshold: {method: smallestCluster, value: 1}}
    job.yaml:1:29: classification.threshold: smallestCluster and auto have no `value`

    classification: {engine: External}
    job.yaml:1:1: classification: `endpoint` is where the server of `engine: External` listens, which must have it; replicas of Anomal's own engine go to engines.classification

    classification: {endpoint: 'http://a:1'}
    job.yaml:1:1: classification: `endpoint` is where the server of `engine: External` listens, which must have it; replicas of Anomal's own engine go to engines.classification

    classification: {tls: {}}
    job.yaml:1:1: classification: `tls` goes with `endpoint`

    classification: {engine: External, endpoint: 'a:1'}
    job.yaml:1:36: classification.endpoint: an endpoint looks like http://host:7412 or https://host:7412

    classification: {model: {}}
    job.yaml:1:18: classification.model: a model has `save` (a file to write after fitting) or `load` (one to score by)

    classification: {engine: E, threshold: {method: score}}
    job.yaml:1:29: classification.threshold: score needs a `value`: the score from which rows are suspicious

    classification: {engine: E, threshold: {method: contamination, value: 0.7}}
    job.yaml:1:29: classification.threshold: contamination is a share of the rows: above 0, at most 0.5

    classification: {engine: E, threshold: {method: quantile, value: 1}}
    job.yaml:1:29: classification.threshold: quantile, pot, risk, fdr, spot and dspot take a value between 0 and 1

    classification: {engine: E, threshold: {method: pot, value: 0}}
    job.yaml:1:29: classification.threshold: quantile, pot, risk, fdr, spot and dspot take a value between 0 and 1

    classification: {engine: E, threshold: {method: mad, value: 0}}
    job.yaml:1:29: classification.threshold: mad, iqr, zscore and budget take a value above 0

    engines: {feature: {endpoints: []}}
    job.yaml:1:32: engines.feature.endpoints: this must not be empty

    engines: {feature: {endpoints: ['localhost:7401']}}
    job.yaml:1:33: engines.feature.endpoints[0]: an endpoint looks like http://host:7401 or https://host:7401

    engines: {classification: {endpoints: ['http://user@host:7402/path']}}
    job.yaml:1:40: engines.classification.endpoints[0]: an endpoint looks like http://host:7402 or https://host:7402
    "#);
}

#[test]
fn urls_are_those_of_known_stores_and_alone_have_credentials() {
    let auth = "auth: {secretRef: {name: s}}";
    let readable =
        ["s3://b", "s3://b/l/", "gs://b/l/*.csv", "az://c/k", "http://h:1/k?a=b", "https://h"];
    for url in readable {
        loaded(&format!("input: {{csv: {{path: '{url}', {auth}}}}}"));
    }
    for url in ["s3://b/k", "gs://b/a//k.csv.gz", "az://c/ö"] {
        loaded(&format!(
            "input: {{csv: {{path: a}}}}\noutputs: [{{csv: {{path: '{url}', {auth}}}}}]"
        ));
        loaded(&format!("input: {{csv: {{path: a}}}}\ndeadLetter: {{path: '{url}', {auth}}}"));
    }
    let unreadable =
        ["ftp://h/k", "S3://b/k", "s3:///k", "s3://u:p@b/k", "http://u:p@h/k", "file:///k"];
    for url in unreadable {
        for driver in ["csv", "log", "parquet", "ndjson", "json"] {
            let messages = problems(format!("input: {{{driver}: {{path: '{url}'}}}}"));
            let place = format!("input.{driver}.path: a URL to read from is s3://bucket/key");
            assert!(
                messages.contains(&place) && messages.contains("https://"),
                "{url}: {messages}"
            );
        }
    }
    for url in ["https://h/k", "s3://b/folder/", "s3://b", "ftp://h/k", "gs://u:p@b/k"] {
        for driver in ["csv", "parquet", "ndjson"] {
            let output = format!("outputs: [{{{driver}: {{path: '{url}'}}}}]");
            let messages = problems(format!("input: {{csv: {{path: a}}}}\n{output}"));
            let place = format!("outputs[0].{driver}.path: a URL to write to is s3://bucket/key");
            assert!(messages.contains(&place), "{url}: {messages}");
        }
        let messages =
            problems(format!("input: {{csv: {{path: a}}}}\ndeadLetter: {{path: '{url}'}}"));
        // The folder of a stream.
        let part = if url.ends_with('/') { "a run writes one object" } else { "a URL to write to" };
        assert!(messages.contains(&format!("deadLetter.path: {part}")), "{url}: {messages}");
    }
    for part in [
        format!("input: {{csv: {{path: a, {auth}}}}}"),
        format!("input: {{parquet: {{path: a/*.parquet, {auth}}}}}"),
        format!("input: {{ndjson: {{path: '-', {auth}}}}}"),
        format!("input: {{json: {{path: '-', {auth}}}}}"),
        format!("input: {{csv: {{path: a}}}}\noutputs: [{{ndjson: {{path: b, {auth}}}}}]"),
        format!("input: {{csv: {{path: a}}}}\ndeadLetter: {{path: b, {auth}}}"),
    ] {
        let messages = problems(&part);
        assert!(messages.contains("`auth` goes with a URL"), "{part}: {messages}");
    }
    for model in ["save", "load"] {
        let model = format!("classification: {{engine: HBOS, model: {{{model}: 's3://b/m'}}}}");
        let messages = problems(format!("input: {{csv: {{path: a}}}}\n{model}"));
        assert!(messages.contains("a model is kept in a file"), "{messages}");
    }
}

#[test]
fn sizes_are_bounded() {
    let features = "  - {type: field, name: a}\n".repeat(257);
    let text = format!("input: {{csv: {{path: a}}}}\nfeatures:\n{features}");
    insta::assert_snapshot!(problems(text), @"job.yaml:3:3: features: 257 entries; at most 256 are allowed");
    let types: String = (0..2049).map(|column| format!("    c{column}: float\n")).collect();
    let text = format!("input:\n  csv:\n   path: {}\n   types:\n{types}", "a".repeat(5_000));
    insta::assert_snapshot!(problems(text), @r"
    job.yaml:3:10: input.csv.path: 5000 characters; at most 4096 are allowed
    job.yaml:5:5: input.csv.types: 2049 entries; at most 2048 are allowed
    ");
}

#[test]
fn ugly_files() {
    let cases: &[&[u8]] = &[
        b"",
        b"# nothing\n\n",
        b"---\n",
        b"- a\n",
        b"a,b,c\n1,2,3\n",
        b"input: {csv: {path: a}}\nfeatures: caf\xe9\n",
        b"PAR1\x00\x00\x15\x04",
        b"input: {csv: {path: a}}\ninput: {csv: {path: b}}\n",
        b"input:\n\tcsv: {path: a}\n",
        b"input: {csv: {path: a}}\n---\ninput: {}\n",
        b"input: [",
        b"input: *nothing\n",
        b"? [a, b]\n: c\n",
        b"input: {csv: {path: a}}\nfeatures: [{type: field, name: a, multiplier: .inf}]\n",
        b"input: {csv: {path: a}}\nfeatures: [{type: field, name: a, multiplier: 1e999}]\n",
        b"input: {csv: {path: a}}\nclassification: {engine: E, seed: 1.5}\n",
        b"\"\\e[31mred\": 1\ninput: {csv: {path: a}}\n",
        b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replicas: 1}\n",
        b"plugins: https://github.com/lpinilla/anomal-dns-detection-plugin\nfeatures: []\n",
    ];
    let messages: Vec<String> = cases.iter().map(problems).collect();
    insta::assert_snapshot!(messages.join("\n"), @r"
    job.yaml: the file is empty; `anomal init INPUT` prints settings to start from
    job.yaml: the file is empty; `anomal init INPUT` prints settings to start from
    job.yaml:1:4: settings are a map of keys, this is nothing; `anomal init INPUT` prints settings to start from
    job.yaml:1:1: settings are a map of keys, this is a list; `anomal init INPUT` prints settings to start from
    job.yaml:1:1: settings are a map of keys, this is text; `anomal init INPUT` prints settings to start from
    job.yaml:2:1: not UTF-8; save the file as UTF-8 text
    job.yaml:1:1: not a text file (it contains a NUL byte); is it the data itself?
    job.yaml:2:1: duplicate key `input`; remove one of them
    job.yaml:2:2: a tab; YAML is indented by spaces
    job.yaml:3:1: a second document begins here; a settings file has one document
    job.yaml:1:8: unclosed bracket '['
    job.yaml:1:8: reference to unknown value
    job.yaml:1:3: a key is plain text
    job.yaml:2:47: value `.inf` is not a finite number
    job.yaml:2:47: value `1e999` is not a finite number
    job.yaml:2:35: classification.seed: this is a number where a whole number is expected
    job.yaml:1:1: \u{1b}[31mred: unknown key; known here: input, timeColumn, labelColumn, idColumn, entity, roles, packs, lock, use, lists, filters, features, flags, classification, outputs, stream, suppressions, report, deadLetter, engines, suspend, schedule, activeDeadlineSeconds, ttlSecondsAfterFinished, backoffLimit, runner
    job.yaml:1:13: apiVersion: this is `apps/v1`; it must be `anomal.dev/v1alpha1`
    job.yaml:2:7: kind: this is `Deployment`; it must be `AnomalyJob`
    job.yaml:4:7: spec: `input` is missing
    job.yaml:4:8: spec.replicas: unknown key; known here: input, timeColumn, labelColumn, idColumn, entity, roles, packs, lock, use, lists, filters, features, flags, classification, outputs, stream, suppressions, report, deadLetter, engines, suspend, schedule, activeDeadlineSeconds, ttlSecondsAfterFinished, backoffLimit, runner
    job.yaml:1:1: this is a features file; run the main file that names it, or give it by -ff
    ");
}

#[test]
fn byte_order_marks_line_ends_and_anchors_are_fine() {
    let text = "\u{feff}input:\r\n  csv: {path: a}\r\nfeatures:\r\n  - &a {type: field, name: x, kind: numeric}\r\n  \
                - {<<: *a, name: y}\r\n";
    let features = loaded(text).job.spec.features;
    assert_eq!(features[1].name.as_deref(), Some("y"));
    assert_eq!(features[1].kind, features[0].kind);
}

#[test]
fn hostile_files_are_refused_at_once() {
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (name, before) in
        ["b", "c", "d", "e", "f", "g", "h"].iter().zip(["a", "b", "c", "d", "e", "f", "g"])
    {
        let nine = vec![format!("*{before}"); 9].join(",");
        bomb.extend([name, ": &", name, " [", &nine, "]\n"]);
    }
    let files = [
        bomb,
        "[".repeat(1 << 20),
        "{a: ".repeat(1 << 18),
        format!("a: {}{}", "[".repeat(40), "]".repeat(40)),
        "- ".repeat(1 << 19),
        "a: 1\n".repeat(200_000),
        "? ".repeat(1 << 19),
        "&a ".repeat(1 << 18),
        format!("a: \"{}\"\n", "\\n".repeat(500_000)),
        "# x\n".repeat(50 << 18),
    ];
    let begin = Instant::now();
    let messages: Vec<String> =
        files.iter().map(|file| problems(file).lines().next().unwrap().to_owned()).collect();
    // Milliseconds each; the bound is wide for a machine that does other things.
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
    insta::assert_snapshot!(messages.join("\n"), @r"
    job.yaml:6:8: settings this long, this deep or with this many aliases are refused; write them out
    job.yaml:1:256: recursion limit exceeded
    job.yaml:1:1021: recursion limit exceeded
    job.yaml:1:35: settings this long, this deep or with this many aliases are refused; write them out
    job.yaml:1:65: settings this long, this deep or with this many aliases are refused; write them out
    job.yaml:2:1: duplicate key `a`; remove one of them
    job.yaml:1:65: settings this long, this deep or with this many aliases are refused; write them out
    job.yaml:1:4: did not find expected <document start>
    job.yaml:1:1: a: unknown key; known here: input, timeColumn, labelColumn, idColumn, entity, roles, packs, lock, use, lists, filters, features, flags, classification, outputs, stream, suppressions, report, deadLetter, engines, suspend, schedule, activeDeadlineSeconds, ttlSecondsAfterFinished, backoffLimit, runner
    job.yaml: the file has 50.0 MiB; a settings file has at most 1 MiB; is it the data itself?
    ");
}

#[test]
fn a_place_is_found_for_what_an_engine_complains_of() {
    let spec = loaded(SPEC);
    assert_eq!(spec.locate("features[1].name").as_deref(), Some("job.yaml:5:20"));
    assert_eq!(spec.locate("features[1].kind.x").as_deref(), Some("job.yaml:5:5"));
    assert_eq!(spec.locate("engines").as_deref(), None);
    let manifest = loaded(&manifest());
    assert_eq!(manifest.locate("features[1].name").as_deref(), Some("job.yaml:9:22"));
}

#[test]
fn files_of_listeners_are_visited() {
    let tls = "tls: {cert: c, key: k, clientCa: a}";
    for (input, places) in [
        (format!("http: {{listen: 'h:1', {tls}}}"), "http"),
        (format!("tcp: {{badLines: skip, {tls}}}"), "tcp"),
        (
            format!("syslog: {{listen: [{{udp: 'h:1'}}, {{tcp: 'h:1', {tls}}}]}}"),
            "syslog.listen[1]",
        ),
    ] {
        let mut job = loaded(&format!(
            "input: {{{input}}}\noutputs: [{{ndjson: {{path: o, rotate: 1h}}}}]\nstream: {{journal: {{path: j}}}}\n"
        ))
        .job;
        let mut seen = Vec::new();
        visit_paths(&mut job.spec, &mut |place, path| seen.push(format!("{place} {path}")));
        let tls = ["cert c", "key k", "clientCa a"];
        let mut expected: Vec<String> =
            tls.iter().map(|file| format!("input.{places}.tls.{file}")).collect();
        expected
            .extend(["outputs[0].ndjson.path o".to_owned(), "stream.journal.path j".to_owned()]);
        assert_eq!(seen, expected);
    }
}

#[test]
fn every_path_is_visited_but_standard_streams() {
    let mut job = loaded(
        "
input: {csv: {path: '-'}}
outputs: [{csv: {path: a}}, {parquet: {path: b}}, {ndjson: {path: c}}, {csv: {path: '-'}},
  {elasticsearch: {url: 'http://h:9200', deadLetter: {path: g}}}]
deadLetter: {path: d}
engines:
  feature: {endpoints: ['https://h'], tls: {ca: e}}
  classification: {endpoints: ['https://h'], tls: {ca: f}}
",
    )
    .job;
    let mut seen = Vec::new();
    visit_paths(&mut job.spec, &mut |place, path| {
        seen.push(format!("{place} {path}"));
        path.insert_str(0, "base/");
    });
    insta::assert_snapshot!(seen.join("\n"), @r"
    outputs[0].csv.path a
    outputs[1].parquet.path b
    outputs[2].ndjson.path c
    outputs[4].elasticsearch.deadLetter.path g
    deadLetter.path d
    engines.feature.tls.ca e
    engines.classification.tls.ca f
    ");
    assert_eq!(job.spec.dead_letter.unwrap().path, "base/d");
    assert_eq!(job.spec.input.csv.unwrap().path, "-");
}

#[test]
fn a_server_is_named_once_without_credentials() {
    let messages =
        |driver: &str| problems(format!("input: {{elasticsearch: {{index: a, {driver}}}}}"));
    let good =
        |driver: &str| loaded(&format!("input: {{elasticsearch: {{index: 'a-*,.b', {driver}}}}}"));
    for url in [
        "http://h",
        "https://es.example:9200/behind/a-proxy",
        "http://[::1]:9200",
        "http://10.0.0.1:9200/",
    ] {
        let input = good(&format!("url: '{url}'")).job.spec.input.elasticsearch.unwrap();
        assert_eq!(input.connection().urls, [url]);
    }
    let both = good("urls: ['http://a:1', 'http://b:1']").job.spec.input.elasticsearch.unwrap();
    assert_eq!(both.connection().urls.len(), 2);
    for url in ["http://me:pw@h", "h:9200", "ftp://h", "http://h?a=b", "http://h/#a", "http://"] {
        assert!(messages(&format!("url: '{url}'")).contains("without credentials"), "{url}");
    }
    assert!(messages("timeField: t").contains("`url`"));
    assert!(messages("url: 'http://h', urls: ['http://h']").contains("not both"));
    let two = "url: 'http://h', query: {match_all: {}}, queryString: x";
    assert!(messages(two).contains("name one of them"), "{}", messages(two));
    let free = good("url: 'http://h', query: {bool: {filter: [{term: {a.b: 1}}]}}");
    let query = free.job.spec.input.elasticsearch.unwrap().query.unwrap();
    assert_eq!(query["bool"]["filter"][0]["term"]["a.b"], 1);
}

#[test]
fn an_index_to_write_to_is_one_in_lower_case() {
    let output = |more: &str| {
        format!(
            "input: {{csv: {{path: a}}}}\noutputs: [{{elasticsearch: {{url: 'http://h', {more}}}}}]"
        )
    };
    for index in ["A", "a,b", "a-*", ".a", "-a", "a b", "a/b"] {
        assert!(problems(output(&format!("index: '{index}'"))).contains("lower-case"), "{index}");
    }
    let range = problems(output("bulk: {inFlight: 0}"));
    assert!(range.contains("outputs[0].elasticsearch.bulk.inFlight"), "{range}");
    let auth = problems(output("deadLetter: {path: a.ndjson, auth: {secretRef: {name: s}}}"));
    assert!(auth.contains("goes with a URL"), "{auth}");
}

fn with_types(driver: &str, rest: &str) -> String {
    format!("input:\n  {driver}:\n    path: in\n{rest}features: [{{type: field, name: a}}]\n")
}

#[test]
fn a_type_has_a_short_and_a_long_form() {
    let rest = "    times: {zone: Europe/Vienna, year: 2024}
    types:
      zip: string
      seen: {type: datetime, format: [iso, '%d.%m.%Y %H:%M'], zone: America/New_York}
      log: {type: datetime, format: syslog}
      n: {type: integer}
      l: list
      m: {type: list, separator: '|'}
";
    for driver in ["csv", "ndjson", "json"] {
        let loaded = loaded(&with_types(driver, rest));
        let text = to_manifest_yaml(&loaded.job).unwrap();
        for part in ["zip: string", "l: list", "- iso", "zone: America/New_York", "format: syslog"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        let again = load(text.as_bytes(), SOURCE, &no_file).unwrap();
        assert_eq!(again.job.spec, loaded.job.spec);
    }
}

#[test]
fn problems_of_times_have_places() {
    let rest = "    times: {zone: Europe/Viena, year: 24}
    types:
      a: date
      b: {type: datetime, format: isoo}
      c: {type: datetime, format: [iso, '%H:%M', yyyy]}
      d: {type: integer, format: iso}
      e: {type: datetime, formt: iso}
      f: {type: datetime, format: 7}
      g: [datetime]
      h: {format: iso}
      i: 5
";
    insta::assert_snapshot!(problems(with_types("csv", rest)), @r"
    job.yaml:4:39: input.csv.times.year: 24 is below 1970, the least allowed
    job.yaml:6:10: input.csv.types.a: `date` is unknown; it is one of string, integer, float, boolean, datetime, list
    job.yaml:10:27: input.csv.types.e.formt: unknown key; did you mean `format`?
    job.yaml:11:35: input.csv.types.f.format: this is a number where text or a list is expected
    job.yaml:12:10: input.csv.types.g: this is a list where text or a map is expected
    job.yaml:13:10: input.csv.types.h: `type` is missing
    job.yaml:14:10: input.csv.types.i: this is a number where text or a map is expected
    ");
    let rest = "    times: {zone: Europe/Viena}
    types:
      b: {type: datetime, format: isoo}
      c: {type: datetime, format: [iso, '%H:%M', yyyy-MM-dd]}
      d: {type: integer, format: iso}
      e: {type: datetime, format: [us, eu]}
      f: {type: datetime, format: syslog}
      g: {type: datetime, format: iso, year: 2024}
      h: {type: datetime, format: '%d.%m.%Y', zone: Mars/Base}
      i: {type: string, separator: '|'}
";
    insta::assert_snapshot!(problems(with_types("csv", rest)), @r"
    job.yaml:4:13: input.csv.times.zone: there is no time zone `Europe/Viena`; did you mean `Europe/Vienna`?
    job.yaml:6:27: input.csv.types.b.format: there is no format `isoo`; did you mean `iso`?
    job.yaml:7:41: input.csv.types.c.format[1]: the format `%H:%M` can't be used: it has no day; add %d and %m, %j or %s
    job.yaml:7:50: input.csv.types.c.format[2]: there is no format `yyyy-MM-dd`; a format is a text with conversions, such as %d.%m.%Y %H:%M, or one of iso, isoBasic, epoch, epochMillis, epochMicros, epochNanos, apache, rfc2822, http, ctime, syslog, kibana, slash, us, eu, dayMonth, filetime
    job.yaml:8:26: input.csv.types.d.format: `format` goes with `type: datetime`
    job.yaml:9:27: input.csv.types.e.format: `us` and `eu` read the same text as different days; choose one of them
    job.yaml:10:27: input.csv.types.f.format: times in the format `syslog` have no year; add `year`, the year of the first record
    job.yaml:11:40: input.csv.types.g.year: `year` is for formats without a year, such as syslog
    job.yaml:12:47: input.csv.types.h.zone: there is no time zone `Mars/Base`; names look like Europe/Vienna
    job.yaml:13:25: input.csv.types.i.separator: `separator` goes with `type: list`
    ");
}

#[test]
fn nothing_reads_the_labels() {
    let text = problems(
        "input: {csv: {path: in.csv}}
timeColumn: t
labelColumn: truth
entity: 'client, truth'
filters: [{name: remove_match, dataNeeded: [truth], params: {keyword: x}}]
features:
  - {type: field, name: truth}
  - {type: field, name: truth, dataNeeded: [other]}
  - {type: field, name: x, dataNeeded: [truth]}
  - {type: aggregate, name: n, function: distinct, of: truth, by: [a, truth]}
flags: [{type: direct, name: has_dns_data_b64_encoded, dataNeeded: truth}]
",
    );
    for place in [
        "job.yaml:4:1: entity:",
        "job.yaml:5:32: filters[0].dataNeeded:",
        "job.yaml:7:19: features[0].name:",
        "job.yaml:9:28: features[2].dataNeeded:",
        "features[3].of:",
        "features[3].by:",
        "flags[0].dataNeeded:",
    ] {
        assert!(text.contains(place), "no {place} in {text}");
    }
    assert!(!text.contains("features[1]"), "{text}");
    assert_eq!(text.matches("this is `truth`").count(), 7, "{text}");
}

#[test]
fn an_entity_is_one_name_or_two() {
    let entity = |text: &str| {
        let job = format!("input: {{csv: {{path: in.csv}}}}\nentity: {text}\n");
        loaded(&job).job.spec.entity
    };
    assert_eq!(entity("a"), ["a"]);
    assert_eq!(entity("[a, b]"), ["a", "b"]);
    let three = problems("input: {csv: {path: in.csv}}\nentity: [a, b, c]\n");
    assert!(three.contains("3 entries; at most 2"), "{three}");
}

#[test]
fn records_of_json_have_paths() {
    let json = |rest: &str| format!("input: {{json: {{path: a, {rest}}}}}");
    for rest in
        ["records: auto", "records: ''", "records: Records", "records: hits.hits, unwrap: _source"]
    {
        loaded(&json(rest));
    }
    for (rest, place) in [
        ("records: a..b", "input.json.records: a path has up to 16 names"),
        ("records: .a", "input.json.records: a path has up to 16 names"),
        ("attach: [a.b, b.]", "input.json.attach[1]: a path has up to 16 names"),
        ("unwrap: ''", "input.json.unwrap"),
        ("record: a", "did you mean `records`?"),
        (
            "duplicateNames: number",
            "input.json.duplicateNames: `number` is unknown; it is one of last, error",
        ),
    ] {
        let messages = problems(json(rest));
        assert!(messages.contains(place), "{rest}: {messages}");
    }
}
