//! What stands on the pages, read from the laid out document: the PDF's own streams are compressed.

mod sample;

use anomal_core::proto::{Column, Report, Severity, report::FlagCount};
use typst::{
    foundations::NativeElement as _,
    introspection::Introspector,
    layout::{Frame, FrameItem, PagedDocument},
    model::HeadingElem,
};

use super::*;
use crate::view::{Hit, Reason, Record, Value};

/// All words of all pages, in the order they are set in, without spaces (a line's end has none).
fn words(document: &PagedDocument) -> String {
    fn add(frame: &Frame, out: &mut String) {
        for (_, item) in frame.items() {
            match item {
                FrameItem::Group(group) => add(&group.frame, out),
                FrameItem::Text(text) => {
                    out.extend(text.text.chars().filter(|c| !c.is_whitespace()));
                }
                _ => {}
            }
        }
    }
    let mut out = String::new();
    for page in &document.pages {
        add(&page.frame, &mut out);
        out.push('\n');
    }
    out
}

fn has(words: &str, text: &str) -> bool {
    words.contains(&text.chars().filter(|c| !c.is_whitespace()).collect::<String>())
}

fn headings(introspector: &Introspector) -> Vec<String> {
    introspector
        .query(&HeadingElem::ELEM.select())
        .iter()
        .filter_map(|found| found.to_packed::<HeadingElem>())
        .map(|heading| heading.body.plain_text().to_string())
        .collect()
}

#[test]
fn a_report_has_all_its_sections() {
    let document = compile(&sample::whole(12, 200, 8)).unwrap();
    let words = words(&document);
    for text in [
        "dns",
        "24 November 2026, 09:41:07 UTC",
        "csv examples/dns/dns.csv",
        "20,480",
        "contamination 0.02",
        "remove_local_names",
        "metric hostname_entropy",
        "features[7]: values are missing (42 times)",
        "All 12 rows that are suspicious or flagged",
        "Of each record the first 6 of 8 columns are shown.",
        "higher than in 99.4 % of the rows",
        "41 %",
        "0.62",
        "top 0.01 %",
        "2026-11-23T10:00:00Z",
        "Stress 0.12:",
        "8 requests for many different names below one domain",
        "Page 2 of",
    ] {
        assert!(has(&words, text), "{text}");
    }
    assert!(!words.contains("{count}"));
    let headings = headings(&document.introspector);
    for heading in [
        "Suspects",
        "Clustering",
        "Map",
        "Dendrogram",
        "Similarity",
        "Behaviour",
        "Correlations",
        "Flags",
        "High severity",
        "Low severity",
    ] {
        assert!(headings.iter().any(|found| found == heading), "{heading}: {headings:?}");
    }
    assert!(headings.iter().any(|found| found == "beaconing_detector"));
}

#[test]
fn two_exports_are_the_same_bytes() {
    let whole = sample::whole(20, 300, 10);
    let first = pdf(&whole).unwrap();
    assert!(first.starts_with(b"%PDF-1.7"));
    assert_eq!(first, pdf(&whole).unwrap());
    // Dates and identifiers are the report's.
    let mut later = whole.clone();
    later.report.create_time = "2026-11-24T09:41:08Z".to_owned();
    assert_ne!(first, pdf(&later).unwrap());
    let mut other = whole;
    other.report.id = "01JD3Y8Q6N4T5Z7W9XKB2M0CFJ".to_owned();
    assert_ne!(first, pdf(&other).unwrap());
}

#[test]
fn an_empty_report_is_a_document() {
    for report in [Report::default(), Report { engine: "HBOS".to_owned(), ..Report::default() }] {
        let whole = ReportDocument { report, ..ReportDocument::default() };
        let document = compile(&whole).unwrap();
        assert!(has(&words(&document), "No row is suspicious, and none is flagged."));
        assert_eq!(headings(&document.introspector), ["Suspects"]);
        assert!(pdf(&whole).unwrap().starts_with(b"%PDF"));
    }
}

#[test]
fn an_analysis_of_nothing_has_no_sections() {
    let whole = ReportDocument {
        analysis: Some(anomal_core::proto::Analysis::default()),
        ..ReportDocument::default()
    };
    assert_eq!(headings(&compile(&whole).unwrap().introspector), ["Suspects"]);
}

#[test]
fn flags_alone_need_no_classification() {
    let document = compile(&sample::flags_only(5, 4)).unwrap();
    let words = words(&document);
    assert!(has(&words, "none: flags only") && has(&words, "unique_subdomains"));
    let headings = headings(&document.introspector);
    assert!(headings.iter().any(|found| found == "Flags"));
    assert!(!headings.iter().any(|found| found == "Clustering" || found == "Behaviour"));
}

#[test]
fn limits_are_told() {
    let mut whole = sample::whole(230, 10, 60);
    whole.report.suspects = 1_234;
    whole.report.flags[0].rows = 5_000;
    // The record after the last one shown.
    whole.suspects[200].explanation = Some("never shown".to_owned());
    whole.hits[0][49].value = "last hit".to_owned();
    whole.hits[0][50].value = "never shown".to_owned();
    let words = words(&compile(&whole).unwrap());
    for text in [
        "The 200 most suspicious of 1,234 rows that are suspicious or flagged.",
        "The first 50 of 5,000 rows.",
        "The first 50 of 60 rows.",
        "5,000 requests for many different names",
        "last hit",
    ] {
        assert!(has(&words, text), "{text}");
    }
    assert!(!has(&words, "never shown"));
}

/// Text that would be something else in typst, in HTML, in a PDF or on the screen.
const HOSTILE: [&str; 9] = [
    "#eval(\"1\") #panic() #read(\"/etc/passwd\")",
    "$x^2$ *bold* _it_ `raw` = Heading @label <label>",
    "<script>alert(\"x\")</script> & ' \" ]]>",
    "\\u{41} \\ // /* \\* ~ -- --- ... #[",
    "a\u{202e}txt.exe\u{2066}\u{200f}\u{200b}",
    "\0\u{1}\u{1b}[31m\u{7f}\u{9b}",
    "שלום עולם مرحبا بالعالم e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "漢字 한글 😀 \u{fffe}\u{10ffff}\u{e000}",
    "=1+1\r\n\t,;",
];

/// A report in which every text is `text`.
fn full_of(text: &str) -> ReportDocument {
    let name = || text.to_owned();
    let mut whole = sample::whole(2, 5, 1);
    let report = &mut whole.report;
    for field in [
        &mut report.id,
        &mut report.job,
        &mut report.namespace,
        &mut report.create_time,
        &mut report.version,
        &mut report.input,
        &mut report.engine,
        &mut report.threshold,
    ] {
        *field = name();
    }
    report.columns = vec![Column { name: name(), ..Column::default() }; 3];
    report.filters[0].name = name();
    report.diagnostics[0].message = name();
    report.diagnostics[0].path = name();
    report.features.iter_mut().for_each(|feature| feature.name = name());
    report.features.iter_mut().for_each(|feature| feature.origin = name());
    report.flags = vec![FlagCount {
        name: name(),
        severity: Severity::High.into(),
        description: name(),
        message: name(),
        rows: 1,
    }];
    whole.hits = vec![vec![Hit { row: 1, value: name() }]];
    for record in &mut whole.suspects {
        *record = Record {
            flags: vec![name(), name()],
            reasons: vec![Reason { feature: name(), share: 0.5 }],
            explanation: Some(name()),
            source: vec![Some(name()); 3],
            features: vec![Value { text: Some(name()), number: None }; 10],
            ..record.clone()
        };
    }
    let analysis = whole.analysis.as_mut().unwrap();
    analysis.map.as_mut().unwrap().method = name();
    for feature in &mut analysis.features {
        feature.feature.as_mut().unwrap().name = name();
        feature.categories.iter_mut().for_each(|category| *category = name());
    }
    for found in &mut analysis.correlations {
        (found.first, found.second) = (name(), name());
    }
    whole
}

#[test]
fn hostile_text_is_text() {
    for text in HOSTILE {
        let whole = full_of(text);
        let words = words(&compile(&whole).unwrap());
        // Word by word: those of scripts that are written from the right stand in another order.
        for word in text::cut(text, text::VALUE).split_whitespace() {
            assert!(words.matches(word).count() >= 20, "{word:?} of {text:?}: {words}");
        }
        assert!(pdf(&whole).unwrap().starts_with(b"%PDF"));
    }
}

#[test]
fn long_text_is_cut() {
    for text in [
        "x".repeat(100_000),
        "long words ".repeat(10_000),
        "é\u{301}".repeat(50_000),
        "ש".repeat(100_000),
    ] {
        let document = compile(&full_of(&text)).unwrap();
        let words = words(&document);
        assert!(words.contains('…'));
        assert!(document.pages.len() < 40, "{}", document.pages.len());
    }
}

/// Nothing that is set leaves the page's margins of 51 points, by more than a letter may lean out.
#[test]
fn long_words_stay_on_the_page() {
    fn beyond(frame: &Frame, x: f64, limit: f64, out: &mut Vec<String>) {
        for (at, item) in frame.items() {
            let x = x + at.x.to_pt();
            match item {
                FrameItem::Group(group) => {
                    beyond(&group.frame, x + group.transform.tx.to_pt(), limit, out);
                }
                FrameItem::Text(text) if x + text.width().to_pt() > limit => {
                    out.push(format!("{:.1} to {:.1}: {}", x, x + text.width().to_pt(), text.text));
                }
                _ => {}
            }
        }
    }
    for text in
        ["x".repeat(300), "www.example.org/".repeat(20), "ש".repeat(300), "\u{202e}".repeat(300)]
    {
        for (number, page) in compile(&full_of(&text)).unwrap().pages.iter().enumerate() {
            let mut out = Vec::new();
            beyond(&page.frame, 0.0, page.frame.width().to_pt() - 48.0, &mut out);
            assert_eq!(out, [""; 0], "page {} of {text}", number + 1);
        }
    }
}
