//! What holds for any settings and any bytes.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and a table of cases is as long as it is"
)]

use std::{collections::BTreeMap, io};

use anomal_spec::{
    API_VERSION, AggregateFunction, AnomalyJob, AnomalyJobSpec, Auth, BadLines, ClaimSource,
    Classification, ColumnType, Columns, ConcurrencyPolicy, CsvInput, CsvOutput, DeadLetter,
    DecimalMark, Engines, EntityKind, EntityName, EntityRole, EnvVar, Feature, FeatureKind,
    FeatureType, Filter, Flag, FlagType, FormatNames, Grouping, Include, Input, JsonInput, KIND,
    LogFormat, LogInput, Marks, MessageCompression, Metadata, ModelFile, NdjsonInput, NdjsonOutput,
    Numbers, OriginalCommand, OriginalTcp, Output, PackSetting, Parameters, ParquetInput,
    ParquetOutput, Quantity, RemoteEngine, Report, Resources, Roles, Rows, Runner, Schedule,
    SecretRef, Severity, Side, Source, Strays, TerminalOutput, ThousandsMark, Threshold,
    ThresholdMethod, Times, Tls, TypeDetails, TypeSetting, Volume, VolumeMount, load,
    load_original, to_manifest_yaml,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::Value;

const SOURCE: Source<'_> = Source { file: "job.yaml", name: "job" };

fn no_file(_: &str) -> io::Result<Vec<u8>> {
    Err(io::Error::from(io::ErrorKind::NotFound))
}

/// Text of every kind that YAML could take for something else.
fn text() -> impl Strategy<Value = String> {
    const TRICKY: &[&str] = &[
        "null",
        "~",
        "true",
        "no",
        "Off",
        "1",
        "1.5e3",
        "0x1f",
        "012",
        "1_000",
        ".inf",
        "- a",
        "a: b",
        "a #b",
        "#a",
        "&a",
        "*a",
        "!a",
        "{a}",
        "[a]",
        "@timestamp",
        "%a",
        "|",
        ">-",
        "'a'",
        "\"a\"",
        "<<",
        "=",
        "2026-01-01",
        " a ",
        "a\nb",
        "a\n  b\n",
        "\n",
        "a\n\n",
        "\ta",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "---",
        "...",
        "a\r\nb",
        "\u{1b}",
    ];
    prop_oneof![
        select(TRICKY).prop_map(str::to_owned),
        "[ -~]{1,20}",
        "\\PC{1,20}",
        "[ -~\n\t\u{e9}\u{1f600}]{1,60}",
    ]
}

fn path() -> impl Strategy<Value = String> {
    text().prop_filter("a path of its own", |path| path != "-")
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300f64).prop_map(Value::from),
        text().prop_map(Value::from),
    ]
}

fn parameters() -> impl Strategy<Value = Parameters> {
    let value = prop_oneof![scalar(), vec(scalar(), 0..3).prop_map(Value::from)];
    prop::collection::btree_map("[a-z][a-zA-Z0-9]{0,8}", value, 0..3)
        .prop_map(|map| map.into_iter().collect())
}

fn some_parameters() -> impl Strategy<Value = Parameters> {
    parameters().prop_map(|mut parameters| {
        parameters.insert("always".into(), Value::from(1));
        parameters
    })
}

fn column_types() -> impl Strategy<Value = ColumnType> {
    use ColumnType::{Boolean, Datetime, Float, Integer, List, String};
    select(vec![Boolean, Datetime, Float, Integer, List, String])
}

fn zones() -> impl Strategy<Value = Option<String>> {
    option::of(select(vec!["UTC", "Europe/Vienna", "America/New_York"]).prop_map(str::to_owned))
}

fn times() -> impl Strategy<Value = Times> {
    (zones(), option::of(1970_i16..=2100)).prop_map(|(zone, year)| Times { zone, year })
}

fn formats() -> impl Strategy<Value = FormatNames> {
    let names = select(vec!["iso", "apache", "eu", "%d.%m.%y %H:%M"]).prop_map(str::to_owned);
    prop_oneof![
        names.clone().prop_map(FormatNames::One),
        vec(names, 1..4).prop_map(FormatNames::Several),
    ]
}

fn type_settings() -> impl Strategy<Value = BTreeMap<String, TypeSetting>> {
    let details = (option::of(formats()), zones()).prop_map(|(format, zone)| TypeDetails {
        column_type: ColumnType::Datetime,
        format,
        zone,
        year: None,
        separator: None,
    });
    let list = option::of("[,;| ]{1,2}").prop_map(|separator| TypeDetails {
        column_type: ColumnType::List,
        format: None,
        zone: None,
        year: None,
        separator,
    });
    let setting = prop_oneof![
        column_types().prop_map(TypeSetting::Name),
        details.prop_map(TypeSetting::Detailed),
        list.prop_map(TypeSetting::Detailed),
    ];
    prop::collection::btree_map(text(), setting.boxed(), 0..3).boxed()
}

fn bad_lines() -> impl Strategy<Value = BadLines> {
    select(vec![BadLines::Error, BadLines::Skip])
}

fn strays() -> impl Strategy<Value = Strays> {
    select(vec![Strays::Missing, Strays::Text, Strays::Bad])
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let decimal = select(vec![DecimalMark::Auto, DecimalMark::Comma]);
    let thousands =
        select(vec![ThousandsMark::None, ThousandsMark::Apostrophe, ThousandsMark::NoBreakSpace]);
    let marks = select(vec![Marks::Auto, Marks::None]);
    (decimal, thousands, marks).prop_map(|(decimal, thousands, marks)| Numbers {
        decimal,
        thousands,
        marks,
    })
}

fn separator() -> impl Strategy<Value = String> {
    "[\t -~&&[^\"]]"
}

fn auth() -> impl Strategy<Value = Option<Auth>> {
    option::of("[a-z]{1,9}".prop_map(|name| Auth { secret_ref: SecretRef { name } }))
}

/// Formats of logs with the settings that go with them.
fn logs() -> impl Strategy<Value = (LogFormat, Option<String>, Vec<String>, Columns)> {
    prop_oneof![
        select(vec![LogFormat::Auto, LogFormat::Syslog, LogFormat::Logfmt, LogFormat::Lines])
            .prop_map(|format| (format, None, vec![], Columns::Same)),
        select(vec![LogFormat::Common, LogFormat::Combined, LogFormat::VhostCombined]).prop_map(
            |format| (format, None, vec!["a b".to_owned(), "\"".to_owned()], Columns::Same)
        ),
        select(vec![LogFormat::Zeek, LogFormat::W3c]).prop_map(|format| (
            format,
            None,
            vec![],
            Columns::Union
        )),
        select(vec!["(?<a>.*)", r"^(?<a>\d+) \[(?<b__c>[^\]]*)\]$", "(?x) (?<a> \"x\" ) # end"])
            .prop_map(|text| (LogFormat::Regex, Some(text.to_owned()), vec![], Columns::Same)),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let words = || vec(text(), 0..3);
    let misfits = (vec(text(), 0..3), option::of(words()), strays(), option::of(numbers()));
    let typing = || (type_settings(), option::of(times()));
    let csv = (path(), auth(), separator(), misfits, typing(), bad_lines()).prop_map(
        |(path, auth, separator, misfits, (types, times), bad_lines)| {
            let (null_values, null_words, strays, numbers) = misfits;
            // Credentials go with a URL.
            let path = if auth.is_some() { "s3://bucket/logs.csv".into() } else { path };
            CsvInput {
                auth,
                separator,
                null_values,
                null_words,
                strays,
                numbers,
                times,
                types,
                bad_lines,
                ..CsvInput::new(path)
            }
        },
    );
    let ndjson = (path(), words(), strays(), typing(), bad_lines()).prop_map(
        |(path, null_words, strays, (types, times), bad_lines)| NdjsonInput {
            null_words,
            strays,
            times,
            types,
            bad_lines,
            ..NdjsonInput::new(path)
        },
    );
    let records = select(vec!["auto", "", "Records", "hits.hits"]).prop_map(str::to_owned);
    let frame = (records, option::of(select(vec!["_source", "event"])), vec("[a-z]{1,3}", 0..3));
    let json = (path(), frame, strays(), typing(), bad_lines()).prop_map(
        |(path, (records, unwrap, attach), strays, (types, times), bad_lines)| JsonInput {
            records,
            unwrap: unwrap.map(str::to_owned),
            attach,
            strays,
            times,
            types,
            bad_lines,
            ..JsonInput::new(path)
        },
    );
    let log = (path(), logs(), words(), strays(), typing(), bad_lines()).prop_map(
        |(path, (format, pattern, extra, columns), words, strays, (types, times), bad_lines)| {
            LogInput {
                format,
                pattern,
                extra,
                raw: strays == Strays::Text,
                columns,
                null_words: Some(words),
                strays,
                times,
                types,
                bad_lines,
                ..LogInput::new(path)
            }
        },
    );
    prop_oneof![
        log.boxed().prop_map(|log| Input { log: Some(log), ..Input::default() }),
        csv.boxed().prop_map(|csv| Input { csv: Some(csv), ..Input::default() }),
        json.boxed().prop_map(|json| Input { json: Some(json), ..Input::default() }),
        ndjson.boxed().prop_map(|ndjson| Input { ndjson: Some(ndjson), ..Input::default() }),
        path()
            .prop_map(|path| Input { parquet: Some(ParquetInput::new(path)), ..Input::default() }),
    ]
}

fn outputs() -> impl Strategy<Value = Vec<Output>> {
    let rows = || select(vec![Rows::All, Rows::Suspicious]);
    let include = || {
        select(vec![
            vec![],
            vec![Include::Features],
            vec![Include::Contributions, Include::Features],
        ])
    };
    let limit = 1..100_000usize;
    (separator(), rows(), include(), rows(), limit, any::<bool>()).prop_map(
        |(separator, rows, include, terminal, limit, several)| {
            let path = |end: &str| format!("out put{end}");
            let csv = CsvOutput {
                path: path(".csv"),
                auth: None,
                separator,
                rows,
                include: include.clone(),
                rotate: None,
            };
            let parquet = ParquetOutput {
                path: path(".parquet"),
                auth: None,
                rows,
                include: include.clone(),
                rotate: None,
            };
            let ndjson =
                NdjsonOutput { path: path(".ndjson.gz"), auth: None, rows, include, rotate: None };
            let terminal = TerminalOutput { rows: terminal, limit };
            let mut outputs = vec![Output { csv: Some(csv), ..Output::default() }];
            if several {
                outputs.push(Output { parquet: Some(parquet), ..Output::default() });
                outputs.push(Output { ndjson: Some(ndjson), ..Output::default() });
                outputs.push(Output { terminal: Some(terminal), ..Output::default() });
            }
            outputs
        },
    )
}

fn feature() -> impl Strategy<Value = Feature> {
    let kind = option::of(select(vec![
        FeatureKind::Numeric,
        FeatureKind::Categorical,
        FeatureKind::Boolean,
    ]));
    let parts = (
        0..5,
        text(),
        text(),
        option::of(text()),
        vec(text(), 1..3),
        some_parameters(),
        0.0..1e9,
        kind,
    );
    parts.prop_map(|(which, name, other, alias, columns, params, multiplier, kind)| {
        let plain = Feature {
            feature_type: FeatureType::Field,
            name: Some(name.clone()),
            pattern: None,
            except: vec![],
            data_needed: vec![],
            params: Parameters::default(),
            expression: None,
            function: None,
            of: None,
            condition: None,
            by: None,
            window: None,
            alias,
            multiplier,
            kind,
            values: BTreeMap::new(),
        };
        match which {
            0 => Feature { data_needed: vec![other], ..plain },
            1 => Feature { name: None, pattern: Some(name), except: columns, alias: None, ..plain },
            2 => {
                Feature { feature_type: FeatureType::Metric, data_needed: columns, params, ..plain }
            }
            3 => {
                Feature { feature_type: FeatureType::Expression, expression: Some(other), ..plain }
            }
            _ => Feature {
                feature_type: FeatureType::Aggregate,
                function: Some(AggregateFunction::Distinct),
                of: Some(other),
                by: Some(columns),
                condition: kind.map(|_| name),
                window: Some("5m".into()),
                ..plain
            },
        }
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    (text(), option::of(text()), vec(text(), 0..3), parameters()).prop_map(
        |(name, remove, data_needed, params)| match remove {
            Some(_) => Filter { name, remove, ..Filter::default() },
            None => Filter { name, data_needed, params, remove },
        },
    )
}

fn flag() -> impl Strategy<Value = Flag> {
    let severity = option::of(select(vec![Severity::Low, Severity::Medium, Severity::High]));
    let words = (option::of(text()), text(), text());
    (text(), words, severity, any::<bool>(), option::of(text()), vec(text(), 0..3), parameters())
        .prop_map(
            |(
                name,
                (alias, description, message),
                severity,
                direct,
                expression,
                data_needed,
                params,
            )| {
                let flag_type = if direct { FlagType::Direct } else { FlagType::Aggregation };
                let flag = Flag {
                    flag_type,
                    name,
                    alias,
                    data_needed,
                    params,
                    window: None,
                    expression: None,
                    severity,
                    description,
                    message,
                    title: None,
                };
                match expression {
                    Some(_) if direct => Flag {
                        expression,
                        data_needed: vec![],
                        params: Parameters::default(),
                        ..flag
                    },
                    _ => flag,
                }
            },
        )
}

fn classification() -> impl Strategy<Value = Classification> {
    use ThresholdMethod::{
        Auto, Contamination, Iqr, Mad, Pot, Quantile, Score, SmallestCluster, Zscore,
    };
    let share = (select(vec![Contamination, Quantile, Pot]), option::of(0.001..0.5f64));
    let times = (select(vec![Mad, Iqr, Zscore]), option::of(0.1..100f64));
    let threshold = prop_oneof![
        share,
        times,
        Just((SmallestCluster, None)),
        Just((Auto, None)),
        (-1e300..1e300f64).prop_map(|value| (Score, Some(value))),
    ];
    let threshold = option::of(threshold.prop_map(|(method, value)| Threshold { method, value }));
    let model = option::of((text(), any::<bool>()).prop_map(|(file, save)| {
        let (save, load) = if save { (Some(file), None) } else { (None, Some(file)) };
        ModelFile { save, load }
    }));
    let place = prop_oneof![
        text().prop_map(|engine| (format!("e{engine}"), None)),
        Just(("External".to_owned(), Some("https://engine:7412".to_owned()))),
    ];
    (place, parameters(), threshold, any::<u64>(), model).prop_map(
        |((engine, endpoint), parameters, threshold, seed, model)| Classification {
            engine,
            parameters,
            threshold,
            seed,
            model,
            tls: endpoint.as_ref().map(|_| Tls::default()),
            endpoint,
        },
    )
}

fn engines() -> impl Strategy<Value = Engines> {
    let tls = || {
        (option::of(text()), option::of((text(), text())), option::of(text())).prop_map(
            |(ca, own, server_name)| {
                let (cert, key) = own.unzip();
                Tls { ca, cert, key, server_name }
            },
        )
    };
    let engine = || {
        let compression = select(vec![
            MessageCompression::None,
            MessageCompression::Gzip,
            MessageCompression::Zstd,
        ]);
        let endpoints = vec("https?://[a-z0-9.-]{1,20}(:[1-9][0-9]{0,4})?", 1..3);
        (endpoints, option::of(tls()), option::of(path()), compression).prop_map(
            |(endpoints, tls, token_file, compression)| RemoteEngine {
                endpoints,
                tls,
                token_file,
                compression,
            },
        )
    };
    (option::of(engine()), option::of(engine()), option::of(engine()))
        .prop_map(|(feature, classification, report)| Engines { feature, classification, report })
}

fn report() -> impl Strategy<Value = Report> {
    (option::of("[a-z ]{1,20}"), option::of("[1-9][0-9]{0,3}[smhdw]"))
        .prop_map(|(title, keep)| Report { title, every: None, keep })
}

fn quantities() -> impl Strategy<Value = BTreeMap<String, Quantity>> {
    let amount = "[1-9][0-9]{0,3}(\\.[0-9])?(m|Gi|k)?".prop_map(Quantity);
    prop::collection::btree_map(select(vec!["cpu".to_owned(), "memory".to_owned()]), amount, 0..3)
}

fn runner() -> impl Strategy<Value = Runner> {
    let resources =
        (quantities(), quantities()).prop_map(|(requests, limits)| Resources { requests, limits });
    let names = prop::collection::btree_map("[a-z]{1,9}", text(), 0..3);
    (option::of("[a-z]{1,9}"), option::of(resources), names, any::<bool>()).prop_map(
        |(service_account_name, resources, labels, read_only)| Runner {
            service_account_name,
            resources,
            volumes: vec![Volume {
                name: "logs".into(),
                persistent_volume_claim: Some(ClaimSource { claim_name: "c".into(), read_only }),
                ..Volume::default()
            }],
            volume_mounts: vec![VolumeMount {
                name: "logs".into(),
                mount_path: "/data/in".into(),
                sub_path: None,
                read_only,
            }],
            env: vec![EnvVar { name: "A".into(), value: Some("1".into()), value_from: None }],
            node_selector: labels.clone(),
            annotations: labels,
            ..Runner::default()
        },
    )
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let cron = prop_oneof![Just("@daily".to_owned()), Just("*/5 0-3 * * 1,2".to_owned())];
    let policy = select(vec![
        ConcurrencyPolicy::Allow,
        ConcurrencyPolicy::Forbid,
        ConcurrencyPolicy::Replace,
    ]);
    (cron, policy, option::of(10_i64..1000)).prop_map(|(cron, policy, deadline)| Schedule {
        cron,
        time_zone: "Europe/Berlin".into(),
        concurrency_policy: policy,
        starting_deadline_seconds: deadline,
    })
}

prop_compose! {
    /// What only a cluster uses.
    fn cluster()(
        suspend in any::<bool>(),
        schedule in option::of(schedule()),
        active_deadline_seconds in option::of(1_i64..9),
        time_to_live in option::of(0_i64..9),
        backoff_limit in 0..9,
        runner in option::of(runner()),
    ) -> AnomalyJobSpec {
        AnomalyJobSpec {
            suspend,
            ttl_seconds_after_finished: time_to_live.filter(|_| schedule.is_none()),
            schedule,
            active_deadline_seconds,
            backoff_limit,
            runner,
            ..AnomalyJobSpec::default()
        }
    }
}

prop_compose! {
    fn roles()(
        time in option::of(Just("t".to_owned())),
        columns in prop::collection::btree_set(text(), 0..4),
        kind in option::of(select(vec![EntityKind::Host, EntityKind::Domain, EntityKind::Other])),
        side in option::of(select(vec![Side::Actor, Side::Target])),
        name in option::of(Just(EntityName { one: "client".into(), many: "clients".into() })),
        show in vec(text(), 0..3),
        gap in "[1-9][0-9]{0,3}[smhdw]",
        grouping in select(vec![Grouping::Auto, Grouping::Off]),
    ) -> Roles {
        let entity = |column| EntityRole { column, kind, side, name: name.clone() };
        let entities = columns.into_iter().map(entity).collect();
        Roles { time, time_unit: None, entities, show, gap, grouping }
    }
}

prop_compose! {
    fn job()(
        name in "[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?",
        labels in prop::collection::btree_map("[a-z_./-]{1,10}", text(), 0..3),
        // On the heap: all of these on the stack are more than a test's thread has without optimisation.
        input in input().boxed(),
        packs in vec(select(vec!["dns", "finance"]).prop_map(PackSetting::from), 0..2),
        filters in vec(filter(), 0..3),
        features in vec(feature().boxed(), 0..4),
        flags in vec(flag(), 0..3),
        classification in option::of(classification().boxed()),
        outputs in outputs().boxed(),
        dead_letter in option::of(Just(DeadLetter { path: "rejected".into(), auth: None })),
        engines in option::of(engines().boxed()),
        report in option::of(report()),
        roles in option::of(roles()),
        cluster in cluster(),
    ) -> AnomalyJob {
        let labels: serde_json::Map<_, _> = labels.into_iter().map(|(key, value)| (key, value.into())).collect();
        let rest = [("labels".to_owned(), Value::from(labels))].into_iter().collect();
        let aggregates = features.iter().any(|feature| feature.feature_type == FeatureType::Aggregate);
        AnomalyJob {
            api_version: API_VERSION.into(),
            kind: KIND.into(),
            metadata: Metadata { name, rest },
            spec: AnomalyJobSpec {
                input, packs, filters, features, flags, classification, outputs, dead_letter, engines,
                report, roles, time_column: aggregates.then(|| "t".into()), ..cluster
            },
        }
    }
}

/// Settings with something broken in them get deeper than noise does.
fn broken_settings() -> impl Strategy<Value = String> {
    let keys = [
        "apiVersion",
        "kind",
        "metadata",
        "spec",
        "input",
        "csv",
        "path",
        "features",
        "type",
        "name",
        "flags",
        "outputs",
        "setup",
        "data",
        "plugins",
        "data_needed",
        "function_code",
        "params",
        "classification",
        "threshold",
        "engines",
    ];
    let value = prop_oneof![
        select(vec![
            "1",
            "-0.5",
            "true",
            "~",
            "''",
            "a",
            "field",
            "[]",
            "{}",
            "[a, 1, {b: c}]",
            "*a",
            "&a x",
            "2.5e400"
        ])
        .prop_map(str::to_owned),
        text(),
    ];
    let line = (0..5usize, any::<bool>(), select(keys.to_vec()), option::of(value)).prop_map(
        |(depth, item, key, value)| {
            let dash = if item { "- " } else { "" };
            format!("{}{dash}{key}: {}\n", "  ".repeat(depth), value.unwrap_or_default())
        },
    );
    vec(line, 0..12).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_manifest_of_any_job_loads_as_that_job(job in job()) {
        let yaml = to_manifest_yaml(&job).unwrap();
        let again = load(yaml.as_bytes(), SOURCE, &no_file).map_err(|error| format!("{error}\n{yaml}"));
        prop_assert_eq!(&again.map(|loaded| loaded.job), &Ok(job), "{}", yaml);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = load(&bytes, SOURCE, &no_file);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z:{}\\[\\]&*!|>'\"#,?\n -]{0,200}") {
        let _ = load(text.as_bytes(), SOURCE, &no_file);
    }

    #[test]
    fn no_settings_make_it_panic(main in broken_settings(), features in broken_settings()) {
        let _ = load(main.as_bytes(), SOURCE, &|_| Ok(features.clone().into_bytes()));
        let command = OriginalCommand {
            driver_in: "csv".into(),
            driver_out: "terminal".into(),
            input: "a".into(),
            output: String::new(),
            engine: "gower".into(),
            tcp: OriginalTcp::default(),
        };
        let _ = load_original(&command, features.as_bytes(), SOURCE);
    }
}
