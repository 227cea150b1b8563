//! The settings of text logs: what goes together, and patterns.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anomal_spec::{LogFormat, Source, load, to_manifest_yaml};

const SOURCE: Source<'_> = Source { file: "job.yaml", name: "job" };

fn no_file(_: &str) -> std::io::Result<Vec<u8>> {
    Err(std::io::ErrorKind::NotFound.into())
}

#[test]
fn settings_load_and_are_written_again() {
    for (input, format) in [
        ("path: a", LogFormat::Auto),
        ("path: '-', format: combined, extra: [ms, upstream]", LogFormat::Combined),
        ("path: a, format: vhost_combined, raw: true", LogFormat::VhostCombined),
        ("path: 's3://b/*.gz', format: zeek, columns: union, badLines: skip", LogFormat::Zeek),
        ("path: a, format: syslog, times: {year: 2026, zone: Europe/Vienna}", LogFormat::Syslog),
        ("path: a, format: regex, pattern: '(?<a__b>.*)', types: {a.b: integer}", LogFormat::Regex),
        ("path: a, nullWords: [], strays: text, encoding: utf-16le", LogFormat::Auto),
    ] {
        let text = format!("input: {{log: {{{input}}}}}\n");
        let loaded = load(text.as_bytes(), SOURCE, &no_file).unwrap();
        assert_eq!(loaded.job.spec.input.log.as_ref().unwrap().format, format);
        let written = to_manifest_yaml(&loaded.job).unwrap();
        let again = load(written.as_bytes(), SOURCE, &no_file).unwrap();
        assert_eq!(again.job.spec, loaded.job.spec, "{written}");
    }
}

#[test]
fn problems_have_places() {
    for (input, problem) in [
        ("format: regex", "input.log: `pattern` belongs to `format: regex`"),
        ("pattern: '(?<a>.*)'", "input.log: `pattern` belongs to `format: regex`"),
        ("extra: [a]", "input.log: `extra` names the fields behind"),
        ("format: zeek, extra: [a]", "input.log: `extra` names the fields behind"),
        ("format: common, extra: [a, a]", "input.log.extra[1]: \"a\" is there twice"),
        ("format: syslog, columns: union", "input.log: `columns` is for formats with header lines"),
        ("format: combind", "input.log.format: `combind` is unknown; did you mean `combined`?"),
        ("format: grok", "input.log.format: `grok` is unknown; it is one of auto, common"),
        ("multiline: {start: a}", "input.log.multiline: unknown key"),
        ("separator: ';'", "input.log.separator: unknown key"),
        (
            "format: regex, pattern: '(?<a>x'",
            "input.log.pattern: the pattern can't be used: unclosed",
        ),
        ("format: regex, pattern: '(?<a>(?=x))'", "input.log.pattern: the pattern has look-around"),
        ("format: syslog, times: {zone: Mars/Base}", "input.log.times.zone: there is no time zone"),
        (
            "types: {t: {type: datetime, format: isoo}}",
            "input.log.types.t.format: there is no format",
        ),
    ] {
        let text = format!("input:\n  log: {{path: a, {input}}}\n");
        let error = load(text.as_bytes(), SOURCE, &no_file).unwrap_err().to_string();
        assert!(error.contains(problem) && error.contains("job.yaml:2:"), "{input}: {error}");
    }
    let url = load(b"input: {log: {path: 'ftp://h/k'}}", SOURCE, &no_file).unwrap_err().to_string();
    assert!(url.contains("input.log.path: a URL to read from"), "{url}");
    let auth = "input: {log: {path: a, auth: {secretRef: {name: s}}}}";
    let auth = load(auth.as_bytes(), SOURCE, &no_file).unwrap_err().to_string();
    assert!(auth.contains("`auth` goes with a URL"), "{auth}");
}
