//! The original's form: two files, or its command line and the features file.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and a table of cases is as long as it is"
)]

use std::io;

use anomal_spec::{
    BadLines, Form, LoadedSettings, OriginalCommand, OriginalOutputs, OriginalTcp, Source, load,
    load_original, to_manifest_yaml,
};

const SOURCE: Source<'_> = Source { file: "system_configs.yaml", name: "system_configs" };

const MAIN: &str = "
data: {in_path: dns_logs_example.csv, out_path: results.csv}
features: {path: dns_features.yaml}
setup:
  classification_engine: gower
  input_driver: CSV
  output_driver: CSV
";

const FEATURES: &str = "
#Using a plugin that has useful metrics to detect dns anomalies
plugins:
  https://github.com/lpinilla/anomal-dns-detection-plugin

filters:
  - type: filter
    name: remove_match
    data_needed: dns.question.name
    params: {keyword: intranet}
features:
  - type: field
    data_needed: client.bytes
    name: client.bytes
    multiplier: 1
  - type: metric
    data_needed: dns.question.name
    name: hostname_entropy
    multiplier: 2
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

fn two_files(main: &str, features: &str) -> Result<LoadedSettings, String> {
    let read = |path: &str| -> io::Result<Vec<u8>> {
        assert_eq!(path, "dns_features.yaml");
        Ok(features.as_bytes().to_vec())
    };
    load(main.as_bytes(), SOURCE, &read).map_err(|error| error.to_string())
}

fn refused(main: &str, features: &str) -> String {
    two_files(main, features).expect_err("is refused")
}

#[test]
fn two_files_become_a_job() {
    let LoadedSettings { job, form, original, .. } = two_files(MAIN, FEATURES).unwrap();
    assert_eq!(form, Form::Original);
    assert_eq!(original, Some(OriginalOutputs { prefix: "results_".into() }));
    insta::assert_snapshot!(to_manifest_yaml(&job).unwrap(), @r#"
    apiVersion: anomal.dev/v1alpha1
    kind: AnomalyJob
    metadata:
      name: system-configs
    spec:
      input:
        csv:
          path: dns_logs_example.csv
          dialect: rfc4180
          nullValues:
          - ""
          nullWords: []
          strays: text
          numbers:
            decimal: '.'
            thousands: none
            marks: none
          badLines: skip
      packs:
      - dns
      filters:
      - name: remove_match
        dataNeeded:
        - dns.question.name
        params:
          keyword: intranet
      features:
      - type: field
        name: client.bytes
        dataNeeded:
        - client.bytes
        multiplier: 1.0
      - type: metric
        name: hostname_entropy
        dataNeeded:
        - dns.question.name
        multiplier: 2.0
      flags:
      - type: aggregation
        name: beaconing_detector
        dataNeeded:
        - source.ip
        - "@timestamp"
        params:
          clientIp: source.ip
          timestamp: "@timestamp"
          threshold: 0.7
        severity: low
        description: This detector is used to discover beaconing behavior
      classification:
        engine: Gower
        seed: 0
      outputs:
      - csv:
          path: results.csv
          separator: ","
          rows: all
      suspend: false
      backoffLimit: 2
    "#);
}

#[test]
fn complaints_have_their_place_in_the_features_file() {
    let loaded = two_files(MAIN, FEATURES).unwrap();
    assert_eq!(loaded.locate("features[1].name").as_deref(), Some("dns_features.yaml:18:5"));
    // What the main file says is in none of its lines.
    assert_eq!(loaded.locate("classification.engine"), None);
}

#[test]
fn plugins_in_any_of_their_forms() {
    let packs = |plugins: &str| {
        let features = format!("plugins: {plugins}\nfeatures: [{{type: field, name: a}}]\n");
        two_files(MAIN, &features).map(|loaded| {
            loaded.job.spec.packs.iter().map(|pack| pack.name().to_owned()).collect::<Vec<_>>()
        })
    };
    let dns = "https://github.com/lpinilla/anomal-dns-detection-plugin";
    let finance = "https://github.com/lpinilla/pf-test-plugin-1";
    assert_eq!(packs(dns).unwrap(), ["dns"]);
    assert_eq!(packs(&format!("[{dns}.git, {finance}/]")).unwrap(), ["dns", "finance"]);
    assert_eq!(packs(&format!("{{{finance}: }}")).unwrap(), ["finance"]);
    assert!(packs("").unwrap().is_empty());
    insta::assert_snapshot!(packs("[https://github.com/x/y, 7]").unwrap_err(), @r"
    dns_features.yaml:1:11: plugins: the plug-in https://github.com/x/y is unknown, and its Python code is not run; use the built-in packs dns and finance, or features of type expression, or a pack of others in settings of the new form: packs: [{name: y, ref: 'oci://HOST/y:VERSION'}]
    dns_features.yaml:1:35: plugins: this is a number where a plug-in's address is expected
    ");
}

#[test]
fn no_features_means_no_classification() {
    let (before, rest) = FEATURES.split_once("features:\n").unwrap();
    let flags = rest.split_once("flags:").unwrap().1;
    for features in ["", "features:\n", "features: []\n"] {
        let loaded = two_files(MAIN, &format!("{before}{features}flags:{flags}")).unwrap();
        assert_eq!(loaded.job.spec.classification, None, "{features}");
        assert_eq!(loaded.job.spec.flags.len(), 1);
    }
}

#[test]
fn drivers_and_outputs() {
    let LoadedSettings { job, original, .. } =
        two_files(&MAIN.replace("results.csv", "out_"), FEATURES).unwrap();
    assert_eq!(original.unwrap().prefix, "out_");
    assert_eq!(job.spec.outputs[0].csv.as_ref().unwrap().path, "out_results.csv");
    let terminal =
        two_files(&MAIN.replace("output_driver: CSV", "output_driver: Terminal"), FEATURES);
    let LoadedSettings { job, original, .. } = terminal.unwrap();
    assert!(original.is_none() && job.spec.outputs[0].terminal.is_some());
}

#[test]
fn problems_of_the_main_file() {
    let main = MAIN.replace("input_driver: CSV", "input_driver: UDP");
    let main = main.replace("output_driver: CSV", "output_driver: ELASTIC");
    insta::assert_snapshot!(refused(&main, FEATURES), @r"
    system_configs.yaml:6:3: setup.input_driver: the input driver `UDP` is unknown; there are CSV and TCP
    system_configs.yaml:7:3: setup.output_driver: the output driver `ELASTIC` has no address in this form; write the settings as a job with `outputs: [{elasticsearch: {url}}]`, which `anomal manifest` helps with
    ");
    let main = MAIN
        .replace("in_path: dns_logs_example.csv, ", "")
        .replace("output_driver: CSV", "output_driver: PDF");
    insta::assert_snapshot!(refused(&main, FEATURES), @r"
    system_configs.yaml:2:1: data.in_path: there is no input; name the file to read
    system_configs.yaml:7:3: setup.output_driver: the output driver `PDF` is unknown; there are CSV and TERMINAL
    ");
    let main = MAIN
        .replace("in_path", "in_paht")
        .replace("classification_engine", "engine")
        .replace("CSV", "1");
    insta::assert_snapshot!(refused(&main, FEATURES), @r"
    system_configs.yaml:2:8: data.in_paht: unknown key; did you mean `in_path`?
    system_configs.yaml:5:3: setup.engine: unknown key; known here: classification_engine, input_driver, output_driver
    system_configs.yaml:6:17: setup.input_driver: this is a number where text is expected; put it in quotes
    system_configs.yaml:7:18: setup.output_driver: this is a number where text is expected; put it in quotes
    ");
    insta::assert_snapshot!(refused("setup: {}\n", FEATURES), @r"
    system_configs.yaml:1:1: `data` is missing
    system_configs.yaml:1:1: `features` is missing
    system_configs.yaml:1:8: setup: `input_driver` is missing
    system_configs.yaml:1:8: setup: `output_driver` is missing
    ");
    let gone = |_: &str| Err(io::Error::from(io::ErrorKind::NotFound));
    insta::assert_snapshot!(load(MAIN.as_bytes(), SOURCE, &gone).unwrap_err().to_string(), @"system_configs.yaml:3:12: features.path: dns_features.yaml can't be read: entity not found");
}

#[test]
fn problems_of_the_features_file() {
    // `def f(x):\n    return x + 1\n`
    let code = "function_code: ZGVmIGYoeCk6CiAgICByZXR1cm4geCArIDEK";
    let features = FEATURES
        .replace("multiplier: 2", code)
        .replace("flags:", "flagz:")
        .replace("type: field", "type: feild");
    insta::assert_snapshot!(refused(MAIN, &features), @r"
    dns_features.yaml:12:11: features[0].type: `feild` is unknown; did you mean `field`?
    dns_features.yaml:19:5: features[1].function_code: Python code is not run; write it in SQL, as the `expression` of a feature of type expression or of a direct flag, or as a filter's `remove`. The code:
        def f(x):
            return x + 1
    dns_features.yaml:20:1: flagz: unknown key; did you mean `flags`?
    ");
    insta::assert_snapshot!(refused(MAIN, "- a\n"), @"dns_features.yaml:1:1: a features file is a map of keys, this is a list");
    insta::assert_snapshot!(refused(MAIN, ""), @"dns_features.yaml: the file is empty; `anomal init INPUT` prints settings to start from");
}

fn command() -> OriginalCommand {
    OriginalCommand {
        driver_in: "csv".into(),
        driver_out: "csv".into(),
        input: "dns.csv".into(),
        output: "out_".into(),
        engine: "Gower".into(),
        tcp: OriginalTcp::default(),
    }
}

#[test]
fn tcp_is_a_collection_that_ends() {
    let data = "data: {host: localhost, port: 4242, collection_time: 1.5, out_path: results.csv}";
    let main = MAIN
        .replace("data: {in_path: dns_logs_example.csv, out_path: results.csv}", data)
        .replace("input_driver: CSV", "input_driver: TCP");
    let LoadedSettings { job, original, .. } = two_files(&main, FEATURES).unwrap();
    let tcp = job.spec.input.tcp.unwrap();
    assert_eq!((tcp.address().as_str(), tcp.bad_lines), ("localhost:4242", BadLines::Skip));
    assert_eq!(tcp.collection_time.as_deref(), Some("2s"));
    assert_eq!(original.unwrap().prefix, "results_");
    let main = main.replace("4242", "70000").replace("1.5", "0");
    insta::assert_snapshot!(refused(&main, FEATURES), @r"
    system_configs.yaml:2:25: data.port: 70000 is no port; use one between 1 and 65535
    system_configs.yaml:2:38: data.collection_time: 0 is no time to collect records; give seconds, such as 60
    ");
    let source = Source { file: "dns_features.yaml", name: "dns_features" };
    let defaults = OriginalCommand { driver_in: "TCP".into(), input: String::new(), ..command() };
    let loaded = load_original(&defaults, FEATURES.as_bytes(), source).unwrap();
    let tcp = loaded.job.spec.input.tcp.unwrap();
    assert_eq!(
        (tcp.address().as_str(), tcp.collection_time.as_deref()),
        ("0.0.0.0:4141", Some("60s"))
    );
    let tcp = OriginalTcp { port: Some(-1), ..OriginalTcp::default() };
    insta::assert_snapshot!(load_original(&OriginalCommand { tcp, ..defaults }, FEATURES.as_bytes(), source).unwrap_err(), @"command line: --tcp-in-port: -1 is no port; use one between 1 and 65535");
}

#[test]
fn the_command_line_says_what_the_main_file_would() {
    let source = Source { file: "dns_features.yaml", name: "dns_features" };
    let loaded = load_original(&command(), FEATURES.as_bytes(), source).unwrap();
    let mut same = two_files(
        &MAIN.replace("results.csv", "out_").replace("dns_logs_example", "dns"),
        FEATURES,
    )
    .unwrap();
    same.job.metadata.name = "dns-features".into();
    assert_eq!((loaded.job, loaded.original), (same.job, same.original));
    let wrong =
        OriginalCommand { driver_in: "udp".into(), driver_out: "elastic".into(), ..command() };
    insta::assert_snapshot!(load_original(&wrong, FEATURES.as_bytes(), source).unwrap_err(), @r"
    command line: -di: the input driver `udp` is unknown; there are CSV and TCP
    command line: -do: the output driver `elastic` has no address in this form; write the settings as a job with `outputs: [{elasticsearch: {url}}]`, which `anomal manifest` helps with
    ");
    let nothing = OriginalCommand { input: String::new(), ..command() };
    insta::assert_snapshot!(load_original(&nothing, FEATURES.as_bytes(), source).unwrap_err(), @"command line: -in: there is no input; name the file to read");
    assert_eq!(command().driver_in, "csv");
    let LoadedSettings { job, .. } =
        load_original(&command(), FEATURES.as_bytes(), source).unwrap();
    assert_eq!(job.spec.input.csv.unwrap().bad_lines, BadLines::Skip);
}
