//! Settings of every form, good and bad, through the one door.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io;

use anomal_spec::{
    AnomalyJobSpec, BadLines, CsvInput, CsvOutput, Feature, FeatureType, Form, Input, Loaded, Output,
    Rows, Source, load, to_manifest_yaml,
};
use proptest::prelude::*;

const SOURCE: Source<'_> = Source { file: "job.yaml", name: "My job_1" };

fn no_file(_: &str) -> io::Result<Vec<u8>> {
    Err(io::Error::from(io::ErrorKind::NotFound))
}

fn loaded(text: &str) -> Loaded {
    load(text.as_bytes(), SOURCE, &no_file).unwrap_or_else(|error| panic!("{error}"))
}

fn problems(text: &str) -> String {
    load(text.as_bytes(), SOURCE, &no_file).expect_err("is refused").to_string()
}

const SPEC: &str = "
input: {csv: {path: in.csv}}
features:
  - {type: field, name: a, multiplier: 2}
  - {type: metric, name: hostname_entropy, data_needed: 'q, r', as: e}
  - type: expression
    name: ratio
    expression: a / b
classification: {engine: Gower, parameters: {n_neighbors: 5}}
";

#[test]
fn a_bare_spec_is_named_after_its_file() {
    let Loaded { job, form, .. } = loaded(SPEC);
    assert_eq!((form, job.metadata.name.as_str()), (Form::Spec, "my-job-1"));
    assert_eq!(job.spec.features[1].data_needed, ["q", "r"]);
    assert!(job.spec.classification.unwrap().parameters.contains_key("nNeighbors"));
}

#[test]
fn a_manifest_keeps_its_name_and_what_kubernetes_adds() {
    let indented = SPEC.replace('\n', "\n  ");
    let text = format!(
        "apiVersion: anomal.dev/v1alpha1\nkind: AnomalyJob\nmetadata: {{name: x-1, labels: {{a: b}}}}\nspec:{indented}"
    );
    let Loaded { job, form, .. } = loaded(&text);
    assert_eq!((form, job.metadata.name.as_str()), (Form::Manifest, "x-1"));
    assert_eq!(job.metadata.rest["labels"]["a"], "b");
    let again = loaded(&to_manifest_yaml(&job).unwrap());
    assert_eq!(again.job, job);
    let wrong = text.replace("anomal.dev/v1alpha1", "v1").replace("x-1", "X_1");
    insta::assert_snapshot!(problems(&wrong), @r"
    job.yaml:1:13: apiVersion: this must be `anomal.dev/v1alpha1`
    job.yaml:3:11: metadata.name: a name has lower-case letters, digits and `-`, and begins and ends with one of the first two
    ");
}

#[test]
fn every_problem_is_told_with_its_place() {
    let text = "
input: {csv: {path: 7, separater: ';'}}
features:
  - {type: feld, name: a}
  - {type: field, name: a, multiplier: -1}
  - {type: field, nmae: a}
clasification: {engine: Gower}
";
    insta::assert_snapshot!(problems(text), @r"
    job.yaml:2:21: input.csv.path: this is a number where text is wanted; put it in quotes
    job.yaml:2:24: input.csv.separater: unknown key; did you mean `separator`?
    job.yaml:4:12: features[0].type: `feld` is unknown; did you mean `field`?
    job.yaml:5:40: features[1].multiplier: -1 is below 0, the least allowed
    job.yaml:6:19: features[2].nmae: unknown key; did you mean `name`?
    job.yaml:7:1: clasification: unknown key; did you mean `classification`?
    ");
}

#[test]
fn rules_between_fields_are_told_with_their_place() {
    let text = "
input: {csv: {path: a}, parquet: {path: b}}
features:
  - {type: field, name: a, match: 'b*'}
  - {type: metric, name: m}
  - {type: expression, expression: a + 1}
flags:
  - {type: aggregation, name: f, expression: a > 1}
classification: {engine: Gower, threshold: {method: contamination, value: 0.7}}
outputs: [{terminal: {}}, {csv: {path: '-'}}]
engines: {feature: {endpoints: ['localhost:7401']}}
";
    let told = problems(text);
    for part in [
        ":2:1: input: an input has exactly one driver",
        ":4:5: features[0]: a field has `name` (a column) or `match`",
        ":5:5: features[1]: a metric has `name`",
        ":6:5: features[2]: an expression has a `name`",
        ":8:5: flags[0]: `expression` makes a direct flag",
        "classification.threshold: contamination is a share",
        "only one output can have standard output",
        "an endpoint looks like",
    ] {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
}

#[test]
fn ugly_files() {
    let cases: &[(&[u8], &str)] = &[
        (b"", "job.yaml: the file is empty"),
        (b"# nothing\n\n", "job.yaml: the file is empty"),
        (b"- a\n", "settings are a map"),
        (b"a\xff: 1", "job.yaml:1:1: not UTF-8"),
        (b"input: {csv: {path: a}}\ninput: {csv: {path: b}}\n", "job.yaml:2:1"),
        (b"\tinput: x\n", "job.yaml:1"),
        (b"input: {csv: {path: a}}\n---\ninput: {}\n", "job.yaml"),
        (b"input: [", "job.yaml:1"),
    ];
    for (bytes, part) in cases {
        let error = load(bytes, SOURCE, &no_file).expect_err("is refused").to_string();
        assert!(error.contains(part), "no {part:?} in {error}");
    }
    let large = vec![b'#'; 50 << 20];
    let error = load(&large, SOURCE, &no_file).expect_err("is refused").to_string();
    assert_eq!(
        error,
        "job.yaml: the file has 50 MiB; a settings file has at most 1 MiB: is it the data itself?"
    );
}

#[test]
fn an_alias_bomb_is_refused_at_once() {
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (name, before) in ["b", "c", "d", "e", "f", "g", "h"].iter().zip(["a", "b", "c", "d", "e", "f", "g"]) {
        let nine = vec![format!("*{before}"); 9].join(",");
        bomb.extend([name, ": &", name, " [", &nine, "]\n"]);
    }
    assert!(problems(&bomb).starts_with("job.yaml:"));
}

#[test]
fn a_place_is_found_for_what_an_engine_complains_of() {
    let loaded = loaded(SPEC);
    assert_eq!(loaded.locate("features[1].name").as_deref(), Some("job.yaml:5:20"));
    assert_eq!(loaded.locate("features[1].params.x").as_deref(), Some("job.yaml:5:5"));
}

const MAIN: &str = "
data: {in_path: dns_logs_example.csv, out_path: results.csv}
features: {path: dns_features.yaml}
setup: {classification_engine: Gower, input_driver: CSV, output_driver: CSV}
";

const FEATURES: &str = "
plugins:
  https://github.com/lpinilla/anomal-dns-detection-plugin
features:
  - type: field
    data_needed: client.bytes
    name: client.bytes
    multiplier: 1
flags:
  - type: aggregation
    name: beaconing_detector
    data_needed: source.ip,@timestamp
    description: This detector is used to discover beaconing behavior
    severity: low
    params:
      client_ip: source.ip
      timestamp: \"@timestamp\"
      threshold: 0.7
";

fn original(main: &str, features: &str) -> Result<Loaded, String> {
    let read = |path: &str| -> io::Result<Vec<u8>> {
        assert_eq!(path, "dns_features.yaml");
        Ok(features.as_bytes().to_vec())
    };
    load(main.as_bytes(), SOURCE, &read).map_err(|error| error.to_string())
}

#[test]
fn the_originals_two_files() {
    let Loaded { job, form, original, .. } = original(MAIN, FEATURES).unwrap();
    assert_eq!(form, Form::Original);
    assert_eq!(original.unwrap().prefix, "results_");
    let spec = job.spec;
    assert_eq!(spec.input.csv.unwrap().bad_lines, BadLines::Skip);
    assert_eq!(spec.outputs[0].csv.as_ref().unwrap().path, "results.csv");
    assert_eq!(spec.packs, ["dns"]);
    assert_eq!(spec.flags[0].data_needed, ["source.ip", "@timestamp"]);
    assert_eq!(spec.flags[0].params["clientIp"], "source.ip");
    assert_eq!(spec.classification.unwrap().engine, "Gower");
}

#[test]
fn the_originals_odd_cases() {
    let flags_only = FEATURES.split_once("features:").unwrap();
    let flags = flags_only.1.split_once("flags:").unwrap().1;
    let loaded = original(MAIN, &format!("{}flags:{flags}", flags_only.0)).unwrap();
    assert_eq!(loaded.job.spec.classification, None);
    let prefix = original(&MAIN.replace("results.csv", "out_"), FEATURES).unwrap();
    assert_eq!(prefix.original.unwrap().prefix, "out_");
    assert_eq!(prefix.job.spec.outputs[0].csv.as_ref().unwrap().path, "out_results.csv");
    let terminal = original(&MAIN.replace("output_driver: CSV", "output_driver: terminal"), FEATURES);
    assert!(terminal.unwrap().job.spec.outputs[0].terminal.is_some());
    let told = original(&MAIN.replace("input_driver: CSV", "input_driver: TCP"), FEATURES).unwrap_err();
    assert!(told.contains("TCP is not there yet"), "{told}");
    let plugin = FEATURES.replace("anomal-dns-detection-plugin", "other");
    assert!(original(MAIN, &plugin).unwrap_err().contains("dns_features.yaml:3"));
    let code = FEATURES.replace("multiplier: 1", "function_code: eCA9IHkgKyAx");
    let told = original(MAIN, &code).unwrap_err();
    assert!(told.contains("x = y + 1") && told.contains("expression"), "{told}");
}

fn spec() -> impl Strategy<Value = AnomalyJobSpec> {
    let text = "[ -~äß\u{1F600}]{1,12}";
    let feature = (text, 0.0..1e6).prop_map(|(name, multiplier)| Feature {
        feature_type: FeatureType::Field,
        name: Some(name),
        pattern: None,
        except: vec![],
        data_needed: vec![],
        params: serde_json::Map::default(),
        expression: None,
        alias: None,
        multiplier,
        kind: None,
    });
    let features = prop::collection::vec(feature, 0..4);
    (text, text, features, any::<bool>()).prop_map(|(input, output, features, skip)| {
        let bad_lines = if skip { BadLines::Skip } else { BadLines::Error };
        AnomalyJobSpec {
            input: Input { csv: Some(CsvInput { bad_lines, ..CsvInput::new(input) }), ..Input::default() },
            features,
            outputs: vec![Output {
                csv: Some(CsvOutput { rows: Rows::Suspicious, ..CsvOutput::new(output) }),
                ..Output::default()
            }],
            ..AnomalyJobSpec::default()
        }
    })
}

proptest! {
    #[test]
    fn a_manifest_of_any_job_loads_as_that_job(spec in spec()) {
        let mut job = loaded(SPEC).job;
        job.spec = spec;
        let yaml = to_manifest_yaml(&job).unwrap();
        prop_assert_eq!(loaded(&yaml).job, job);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = load(&bytes, SOURCE, &no_file);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z:{}\\[\\]&*!|>'\"#,\n -]{0,200}") {
        let _ = load(text.as_bytes(), SOURCE, &no_file);
    }
}
