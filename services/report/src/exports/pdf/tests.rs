//! Tests of the laid out pages, since the streams of the PDF are compressed.

mod sample;

use anomal_core::proto::{Column, Report, Severity, report::FlagCount};
use krilla::configure::{Accessibility, ConfigurationBuilder};

use super::{
    content::text,
    design::style,
    layout::{
        frame::{Item, PlacedItem},
        tags::Mark,
    },
    *,
};
use crate::view::{Hit, Reason, Record, Value};

fn document(whole: &ReportDocument) -> Document {
    Document::new(&Content::new(whole, false).unwrap())
}

/// The text of all pages in drawing order, without spaces.
fn words(document: &Document) -> String {
    let mut out = String::new();
    for page in &document.pages {
        for placed in &page.items {
            if let Item::Glyphs { run, .. } = &placed.item {
                out.extend(run.text.chars().filter(|c| !c.is_whitespace()));
            }
        }
        out.push('\n');
    }
    out
}

fn has(words: &str, text: &str) -> bool {
    words.contains(&text.chars().filter(|c| !c.is_whitespace()).collect::<String>())
}

fn headings(document: &Document) -> Vec<&str> {
    document.headings.iter().map(|placed| placed.heading.title.as_str()).collect()
}

/// Writes PDF/UA-1; panics on a violation.
fn accessible(whole: &ReportDocument, document: &Document) -> Vec<u8> {
    let configuration = ConfigurationBuilder::new()
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .unwrap();
    writer::write_as(document, &properties(whole, document), configuration).unwrap()
}

#[test]
fn a_report_has_all_its_sections() {
    let document = document(&sample::whole(12, 200, 8));
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
        "the highest score",
        "2026-11-23T10:00:00Z",
        "Stress 0.12:",
        "8 requests for many different names below one domain",
        "Page 2 of",
    ] {
        assert!(has(&words, text), "{text}");
    }
    assert!(!words.contains("{count}"));
    let headings = headings(&document);
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
        assert!(headings.contains(&heading), "{heading}: {headings:?}");
    }
    assert!(headings.contains(&"beaconing_detector"));
}

#[test]
fn two_exports_are_the_same_bytes() {
    let whole = sample::whole(20, 300, 10);
    let first = pdf(&whole, false).unwrap();
    assert!(first.starts_with(b"%PDF-1.7"));
    assert_eq!(first, pdf(&whole, false).unwrap());
    // Dates and identifiers are the report's.
    let mut later = whole.clone();
    later.report.create_time = "2026-11-24T09:41:08Z".to_owned();
    assert_ne!(first, pdf(&later, false).unwrap());
    let mut other = whole;
    other.report.id = "01JD3Y8Q6N4T5Z7W9XKB2M0CFJ".to_owned();
    assert_ne!(first, pdf(&other, false).unwrap());
}

#[test]
fn an_empty_report_is_a_document() {
    for report in [Report::default(), Report { engine: "HBOS".to_owned(), ..Report::default() }] {
        let whole = ReportDocument { report, ..ReportDocument::default() };
        let document = document(&whole);
        assert!(has(&words(&document), "No row is suspicious, and none is flagged."));
        assert_eq!(headings(&document), ["Suspects"]);
        assert!(accessible(&whole, &document).starts_with(b"%PDF"));
    }
}

#[test]
fn an_analysis_of_nothing_has_no_sections() {
    let whole = ReportDocument {
        analysis: Some(anomal_core::proto::Analysis::default()),
        ..ReportDocument::default()
    };
    assert_eq!(headings(&document(&whole)), ["Suspects"]);
}

#[test]
fn flags_alone_need_no_classification() {
    let document = document(&sample::flags_only(5, 4));
    let words = words(&document);
    assert!(has(&words, "none: flags only") && has(&words, "unique_subdomains"));
    let headings = headings(&document);
    assert!(headings.contains(&"Flags"));
    assert!(!headings.contains(&"Clustering") && !headings.contains(&"Behaviour"));
}

#[test]
fn limits_are_stated() {
    let mut whole = sample::whole(230, 10, 60);
    whole.report.suspects = 1_234;
    whole.report.flags[0].rows = 5_000;
    // The record after the last one shown.
    whole.suspects[200].explanation = Some("never shown".to_owned());
    whole.hits[0][49].value = "last hit".to_owned();
    whole.hits[0][50].value = "never shown".to_owned();
    let words = words(&document(&whole));
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

/// Text that would be something else in a template, in HTML, in a PDF or on the screen.
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
        let document = document(&whole);
        let words = words(&document);
        // Word by word, since words of right-to-left scripts are in visual order.
        for word in text::cut(text, text::VALUE).split_whitespace() {
            assert!(words.matches(word).count() >= 20, "{word:?} of {text:?}: {words}");
        }
        assert!(accessible(&whole, &document).starts_with(b"%PDF"));
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
        let document = document(&full_of(&text));
        let words = words(&document);
        assert!(words.contains('…'));
        assert!(document.pages.len() < 40, "{}", document.pages.len());
    }
}

/// Nothing is drawn outside of the margins, except for the overhang of a letter.
#[test]
fn long_words_stay_on_the_page() {
    const LEANING: f32 = 3.0;
    let text = |placed: &PlacedItem| match &placed.item {
        Item::Glyphs { run, .. } => run.text.clone(),
        other => format!("{other:?}"),
    };
    for word in [
        "x".repeat(300),
        "www.example.org/".repeat(20),
        "ש".repeat(300),
        "\u{202e}".repeat(300),
        "हिन्दी".repeat(40),
        "ไทย".repeat(80),
    ] {
        for (number, page) in document(&full_of(&word)).pages.iter().enumerate() {
            let (right, bottom) = (page.width - style::SIDE, page.height - style::BOTTOM);
            let space = |item: &Item| matches!(item, Item::Glyphs { run, .. } if run.text.trim().is_empty());
            for placed in page.items.iter().filter(|placed| !space(&placed.item)) {
                let footer = placed.mark == Mark::Footer;
                assert!(
                    placed.x >= style::SIDE - LEANING
                        && placed.right() <= right + LEANING
                        && (footer || placed.bottom() <= bottom + LEANING),
                    "page {}: {}",
                    number + 1,
                    text(placed)
                );
            }
        }
    }
}

#[test]
fn samples_are_accessible() {
    for whole in [sample::whole(20, 300, 10), sample::flags_only(5, 4)] {
        let document = document(&whole);
        let bytes = accessible(&whole, &document);
        assert_eq!(bytes, pdf(&whole, false).unwrap(), "written without the standard");
    }
}

#[test]
fn bookmarks_and_contents_lead_to_headings() {
    let document = document(&sample::whole(40, 200, 60));
    let links: Vec<usize> = document
        .pages
        .iter()
        .flat_map(|page| &page.items)
        .filter_map(|placed| match placed.item {
            Item::Link { heading, .. } => Some(heading),
            _ => None,
        })
        .collect();
    let listed: Vec<usize> = (0..document.headings.len())
        .filter(|heading| document.headings[*heading].heading.level <= 2)
        .collect();
    assert_eq!(links, listed);
    let page_text = words(&document);
    let pages: Vec<&str> = page_text.lines().collect();
    for placed in &document.headings {
        assert!(has(pages[placed.page], &placed.heading.title), "{placed:?}");
    }
    let contents: Vec<String> = document
        .headings
        .iter()
        .filter(|placed| placed.heading.level == 1)
        .map(|placed| format!("{}{}", placed.heading.title, placed.page + 1))
        .collect();
    for entry in contents {
        let without_dots = pages[0].replace('.', "");
        assert!(has(&without_dots, &entry), "{entry}: {without_dots}");
    }
}

#[test]
fn tables_repeat_their_heads() {
    let document = document(&sample::whole(40, 0, 0));
    let words = words(&document);
    let heads: Vec<bool> = words.lines().map(|page| page.contains("RowWhyRecord")).collect();
    assert!(heads.iter().filter(|head| **head).count() >= 3, "{heads:?}");
}

#[test]
fn the_first_page_concludes_where_there_are_incidents() {
    let whole = crate::pages::testing::fixture::document();
    let document = document(&whole);
    let words = words(&document);
    let first = words.lines().next().unwrap();
    for text in ["2 more incidents are high.", "they make 18 incidents:", "3 high", "Gower"] {
        assert!(has(first, text), "{text}: {first}");
    }
    assert!(has(first, "hosts with the highest risk"));
    assert!(has(first, "Incidents: 3 of 18 judged, 2 quiet (as of 3 Mar 2026)."), "{first}");
    assert!(has(&words, "judged: true positive"), "{words}");
    let shown = headings(&document);
    for heading in ["Incidents", "Further incidents", "Entities", "Flags", "Explain", "Run"] {
        assert!(shown.contains(&heading), "{heading}: {shown:?}");
    }
    assert!(!shown.contains(&"Suspects"));
    assert!(document.pages.len() <= 12, "{}", document.pages.len());
    assert!(accessible(&whole, &document).starts_with(b"%PDF"));

    let full = Document::new(&Content::new(&whole, true).unwrap());
    let shown = headings(&full);
    assert!(shown.contains(&"Suspects") && shown.contains(&"Rows that flags hit"), "{shown:?}");
    assert!(accessible(&whole, &full).starts_with(b"%PDF"));
}

#[test]
fn without_verdicts_nothing_says_what_was_judged() {
    let mut whole = crate::pages::testing::fixture::document();
    let verdicts = whole.verdicts.as_mut().unwrap();
    verdicts.problem = Some("the store does not answer".to_owned());
    for verdicts in [whole.verdicts.take(), None] {
        whole.verdicts = verdicts;
        let document = document(&whole);
        let words = words(&document);
        assert!(!has(words.lines().next().unwrap(), "judged"), "{words}");
    }
}

#[test]
fn hostile_incidents_are_text() {
    for text in HOSTILE {
        let mut whole = crate::pages::testing::fixture::document();
        let all = whole.incidents.as_mut().unwrap();
        for incident in &mut all.incidents {
            incident.title = text.to_owned();
            incident.flags = vec![text.to_owned()];
        }
        all.entities.iter_mut().for_each(|entity| text.clone_into(&mut entity.value));
        let document = document(&whole);
        assert!(accessible(&whole, &document).starts_with(b"%PDF"), "{text:?}");
    }
}
