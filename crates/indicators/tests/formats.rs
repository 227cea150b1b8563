//! Lists in all formats: small ones, hostile ones, and those of the corpora, where they are there.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "clippy takes the helpers of tests for production code"
)]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anomal_indicators::{FieldPath, List, Statistics};
use anomal_spec::{ListFormat, ListMatch, ListSettings, ListType};
use bytes::Bytes;
use proptest::prelude::*;

fn settings(format: ListFormat, entry_type: Option<ListType>) -> ListSettings {
    ListSettings { format, entry_type, ..ListSettings::default() }
}

fn parse(content: &[u8], settings: &ListSettings) -> Result<(List, Statistics), String> {
    List::parse(&Bytes::copy_from_slice(content), settings).map_err(|error| error.to_string())
}

fn find(list: &List, value: &str) -> Option<String> {
    list.find(value, 0).map(|found| found.entry.into_owned())
}

#[test]
fn types_find_what_is_written_in_other_ways() {
    let md5 = "d41d8cd98f00b204e9800998ecf8427e";
    let cases: [(ListType, &str, &[&str], &[&str]); 6] = [
        (
            ListType::Domain,
            "evil.example\n*.zone.example\nhxxp",
            &["EVIL.example.", "http://evil.example:80/x", "zone.example", "a.b.zone.example"],
            &["www.evil.example", "azone.example", "example", ""],
        ),
        (
            ListType::Ip,
            "192.0.2.0/25\n2001:db8::/32\n::ffff:198.51.100.1",
            &[
                "192.0.2.127",
                "::ffff:192.0.2.1",
                "2001:DB8::5",
                "198.51.100.1:80",
                "http://192.0.2.1/",
            ],
            &["192.0.2.128", "2001:db9::1", "198.51.100.2", "x"],
        ),
        (
            ListType::Url,
            "hxxp://host.example\nhttp://path.example/a\nhttps://query.example/a?b=1",
            &["https://host.example/any?x", "path.example/a?any", "http://query.example/a?b=1#f"],
            &[
                "http://path.example/",
                "http://path.example/a/b",
                "http://query.example/a",
                "http://www.host.example/",
            ],
        ),
        (
            ListType::Hash,
            md5,
            &[md5, "D41D8CD98F00B204E9800998ECF8427E", "md5:d41d8cd98f00b204e9800998ecf8427e"],
            &["d41d"],
        ),
        (
            ListType::Email,
            "Jo@Evil.example",
            &["jo@evil.example", "X <JO@evil.example>"],
            &["o@evil.example", "evil.example"],
        ),
        (
            ListType::Text,
            "Some text # with a sign",
            &["Some text # with a sign "],
            &["some text # with a sign", "Some text"],
        ),
    ];
    for (entry_type, content, found, missing) in cases {
        let (list, _) =
            parse(content.as_bytes(), &settings(ListFormat::Plain, Some(entry_type))).unwrap();
        for value in found {
            assert!(find(&list, value).is_some(), "{entry_type:?}: {value}");
        }
        for value in missing {
            assert_eq!(find(&list, value), None, "{entry_type:?}: {value}");
        }
    }
}

#[test]
fn csv_entries_expire() {
    let content = "host,until\nevil.example,1970-01-02\nother.example,\nlate.example,soon\n";
    let csv = ListSettings {
        column: Some("host".into()),
        expires: Some("until".into()),
        ..settings(ListFormat::Csv, Some(ListType::Domain))
    };
    let (list, statistics) = parse(content.as_bytes(), &csv).unwrap();
    assert_eq!((statistics.entries, statistics.refused(), list.has_periods()), (2, 1, true));
    let day = 86_400_000_000;
    assert!(
        list.find("evil.example", day - 1).is_some() && list.find("evil.example", day).is_none()
    );
    assert!(list.find("other.example", day * 99_999).is_some());
    // A header in a comment, as some feeds have it.
    let content =
        "# Last updated: 2026-03-01\n# id,host,until\n\"1\",\"evil.example\",\"1970-01-02\"\n";
    let (list, _) = parse(content.as_bytes(), &csv).unwrap();
    assert!(list.find("evil.example", 0).is_some() && list.date().is_some());
}

#[test]
fn bundles_have_entries_of_several_types() {
    let objects = [
        "[domain-name:value = 'evil.example']",
        "[ipv4-addr:value = '192.0.2.0/24']",
        "[url:value = 'http://u.example/a']",
    ];
    let objects =
        objects.map(|pattern| serde_json::json!({"type": "indicator", "pattern": pattern}));
    let bundle = serde_json::json!({"type": "bundle", "objects": objects}).to_string();
    let (list, _) = parse(bundle.as_bytes(), &settings(ListFormat::Stix, None)).unwrap();
    for value in ["evil.example", "192.0.2.9", "https://u.example/a?x"] {
        assert!(find(&list, value).is_some(), "{value}");
    }
    let (list, statistics) =
        parse(bundle.as_bytes(), &settings(ListFormat::Stix, Some(ListType::Ip))).unwrap();
    assert_eq!((statistics.entries, statistics.left_out), (1, 2));
    assert_eq!(find(&list, "evil.example"), None);
}

/// Whether a name is an entry, or is below one, found by going through all.
fn oracle(entries: &[String], name: &str) -> bool {
    entries.iter().any(|entry| name == entry || name.ends_with(&format!(".{entry}")))
}

proptest! {
    #[test]
    fn subdomains_are_those_of_a_search_through_all(
        entries in proptest::collection::vec("[ab]{1,2}(\\.[ab]{1,2}){0,2}\\.example\\.com", 1..20),
        name in "[ab]{1,2}(\\.[ab]{1,2}){0,4}\\.example\\.com|[ab.]{0,8}example\\.com",
    ) {
        let content = entries.join("\n");
        let settings = ListSettings {
            matching: Some(ListMatch::Subdomains),
            ..settings(ListFormat::Plain, Some(ListType::Domain))
        };
        let (list, _) = parse(content.as_bytes(), &settings).unwrap();
        let valid = !name.starts_with('.') && !name.contains("..");
        prop_assert_eq!(find(&list, &name).is_some(), valid && oracle(&entries, &name), "{}", name);
    }

    #[test]
    fn no_bytes_panic(content in proptest::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,200}|[\\[{\"':,a-z.]{0,60}", value in "\\PC{0,40}") {
        for content in [content.as_slice(), text.as_bytes()] {
            for format in [ListFormat::Plain, ListFormat::Csv, ListFormat::Hosts, ListFormat::MispWarninglist, ListFormat::Stix, ListFormat::Mmdb] {
                for entry_type in [ListType::Domain, ListType::Ip, ListType::Url, ListType::Hash, ListType::Email, ListType::Text] {
                    if let Ok((list, _)) = parse(content, &settings(format, Some(entry_type))) {
                        let _ = list.find(&value, 0);
                        // Each entry finds itself.
                        for entry in list.entries() {
                            prop_assert!(list.find(&entry, 0).is_some(), "{:?} {}", entry_type, entry);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn hostile_lists_end_in_time() {
    let domain = settings(ListFormat::Plain, Some(ListType::Domain));
    assert!(parse(&b"a.".repeat(5 << 20), &domain).is_err());
    // A quote that is never closed, on each line.
    let quotes = b"\"a,b\n".repeat(20_000);
    let csv = settings(ListFormat::Csv, Some(ListType::Text));
    let _ = parse(&quotes, &csv);
    let deep = format!("{{\"objects\": [{}{}]}}", "{\"x\":".repeat(100_000), "}".repeat(100_000));
    assert!(parse(deep.as_bytes(), &settings(ListFormat::Stix, None)).is_err());
    let commas = ",".repeat(1 << 20);
    assert!(parse(commas.as_bytes(), &csv).is_err());
}

/// A corpus of the workplace, unpacked. `None`, with a line that counts the test as skipped, where it is absent.
fn corpus(name: &str) -> Option<tempfile::TempDir> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("ANOMAL_DATASETS")
        .map_or_else(|| repository.join("../shared/datasets"), PathBuf::from);
    let archive = folder.join(format!("{name}.tar.zst"));
    if !archive.exists() {
        println!("skipped: there is no {name}.tar.zst; ANOMAL_DATASETS sets its folder");
        return None;
    }
    let target = tempfile::tempdir().unwrap();
    let status = Command::new("tar").arg("xf").arg(&archive).arg("-C").arg(target.path()).status();
    assert!(status.unwrap().success());
    Some(target)
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn warning_lists_of_misp() {
    let Some(corpus) = corpus("misp-warninglists") else { return };
    let lists = files(corpus.path(), "list.json");
    assert!(lists.len() > 9, "{lists:?}");
    for file in lists {
        let content = std::fs::read(&file).unwrap();
        let (list, statistics) = parse(&content, &settings(ListFormat::MispWarninglist, None))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let json: serde_json::Value = serde_json::from_slice(&content).unwrap();
        let written = json["list"].as_array().unwrap();
        let counted = statistics.entries
            + statistics.duplicates
            + statistics.refused()
            + statistics.unsupported;
        assert_eq!(counted, written.len() as u64, "{}", file.display());
        let refused: Vec<&str> =
            statistics.examples.iter().map(|example| example.text.as_str()).collect();
        let missing = written.iter().filter_map(|entry| entry.as_str());
        let missing: Vec<&str> = missing
            .filter(|entry| {
                // MISP writes `.example.com` for the names below one.
                let value = entry.split('/').next().unwrap_or_default().trim_start_matches('.');
                find(&list, entry).is_none() && find(&list, value).is_none()
            })
            .collect();
        let missing = &missing[..missing.len().min(20)];
        assert!(
            missing.len() as u64 <= statistics.refused(),
            "{}: {missing:?} {refused:?}",
            file.display()
        );
        println!("{}: {statistics}", file.display());
    }
}

#[test]
fn databases_of_maxmind() {
    let Some(corpus) = corpus("maxmind-test") else { return };
    let mmdb = settings(ListFormat::Mmdb, None);
    let path = |path: &str| FieldPath::parse(path).unwrap();
    let addresses =
        ["1.1.1.1", "81.2.69.160", "89.160.20.128", "2001:218::1", "::", "255.255.255.255", "x"];
    let mut refused = Vec::new();
    for file in files(corpus.path(), ".mmdb") {
        let content = std::fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        match parse(&content, &mmdb) {
            Ok((list, _)) => {
                let database = list.database().unwrap();
                for address in addresses {
                    for field in ["country.iso_code", "map.mapX.arrayX.0", "array", "x", "0"] {
                        let _ = database.field(address, &path(field));
                    }
                }
            }
            Err(_) => refused.push(name),
        }
        // Truncated at any place: an error or a database, and no panic.
        for end in (0..content.len()).step_by(content.len() / 7 + 1) {
            let _ = parse(&content[..end], &mmdb);
        }
    }
    println!("refused: {refused:?}");
    for good in
        ["GeoLite2-City-Test.mmdb", "GeoLite2-ASN-Test.mmdb", "MaxMind-DB-test-mixed-28.mmdb"]
    {
        assert!(!refused.iter().any(|name| name == good), "{good}");
    }
    for bad in [
        "invalid-data-record-offset.mmdb",
        "cyclic-data-structure.mmdb",
        "libmaxminddb-metadata-marker-only.mmdb",
    ] {
        assert!(refused.iter().any(|name| name == bad), "{bad} {refused:?}");
    }
    let city = files(corpus.path(), "GeoLite2-City-Test.mmdb").pop().unwrap();
    let (list, _) = parse(&std::fs::read(city).unwrap(), &mmdb).unwrap();
    let field = |address: &str, field: &str| list.database().unwrap().field(address, &path(field));
    assert_eq!(field("81.2.69.160", "country.iso_code").as_deref(), Some("GB"));
    assert_eq!(field("::ffff:81.2.69.160", "city.names.en").as_deref(), Some("London"));
    assert_eq!(field("81.2.69.160:443", "subdivisions.0.iso_code").as_deref(), Some("ENG"));
    assert_eq!(field("81.2.69.160", "location.accuracy_radius").as_deref(), Some("100"));
    assert_eq!(field("81.2.69.160", "country"), None);
    assert_eq!(field("10.0.0.1", "country.iso_code"), None);
    assert!(list.date().is_some());
}
