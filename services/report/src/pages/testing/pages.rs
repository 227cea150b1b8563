//! Every page, for reports of every kind.

use anomal_core::proto::{Analysis, Report};

use super::{fixture, html::check_page};
use crate::{
    pages::{
        Content, Links, ReportContext, SessionUser, behaviour, clustering, failure, flags, help,
        list::{self, ListParams},
        render, row, summary,
        suspects::SuspectsParams,
    },
    view::{Page, Query, Record, View},
};

struct Case {
    name: &'static str,
    report: Report,
    analysis: Option<Analysis>,
    view: View,
    suspects: Page<Record>,
}

fn complete() -> Case {
    Case {
        name: "complete",
        report: fixture::report(),
        analysis: Some(fixture::analysis()),
        view: fixture::view(),
        suspects: fixture::suspects(&Query { limit: 25, ..Query::default() }),
    }
}

fn flags_only() -> Case {
    let mut case = Case { name: "flags only", analysis: None, view: View::default(), ..complete() };
    case.report.engine.clear();
    case.report.suspicious = 0;
    for record in &mut case.suspects.items {
        *record = Record {
            row: record.row,
            flags: record.flags.clone(),
            source: record.source.clone(),
            ..Record::default()
        };
    }
    case
}

fn without_map() -> Case {
    let mut case = Case { name: "without map", ..complete() };
    case.report.engine = "IsolationForest".to_owned();
    case.view.points.clear();
    case.view.leaf_labels.clear();
    if let Some(analysis) = &mut case.analysis {
        (analysis.map, analysis.dendrogram, analysis.heatmap) = (None, None, None);
        analysis.clusterings.clear();
    }
    case
}

fn empty() -> Case {
    Case {
        name: "empty",
        report: Report::default(),
        analysis: None,
        view: View::default(),
        suspects: Page::default(),
    }
}

fn no_suspects() -> Case {
    Case { name: "no suspects", suspects: Page::default(), ..complete() }
}

/// Hostile names and settings.
fn hostile() -> Case {
    let mut case = Case { name: "hostile", ..complete() };
    let report = &mut case.report;
    let bad = format!("{}{}{}", fixture::SCRIPT, fixture::BIDI_OVERRIDE, "x".repeat(100_000));
    for name in [&mut report.job, &mut report.input, &mut report.namespace, &mut report.engine] {
        name.clone_from(&bad);
    }
    report.threshold.clone_from(&bad);
    report.create_time.clone_from(&bad);
    report.id = "../<script>".to_owned();
    report.columns.iter_mut().for_each(|column| column.name.clone_from(&bad));
    report.features.iter_mut().for_each(|feature| feature.name.clone_from(&bad));
    for flag in &mut report.flags {
        (flag.name, flag.message, flag.description) = (bad.clone(), bad.clone(), bad.clone());
    }
    let analysis = case.analysis.as_mut().unwrap();
    for (summary, feature) in analysis.features.iter_mut().zip(&report.features) {
        summary.feature = Some(feature.clone());
    }
    for pair in &mut analysis.correlations {
        (pair.first, pair.second) = (bad.clone(), bad.clone());
    }
    for record in &mut case.suspects.items {
        record.explanation = Some(bad.clone());
        record.flags = vec![bad.clone()];
        record.reasons.iter_mut().for_each(|reason| reason.feature.clone_from(&bad));
        record.source.iter_mut().for_each(|value| *value = Some(bad.clone()));
        record.features.iter_mut().for_each(|value| value.text = Some(bad.clone()));
    }
    for point in &mut case.view.points {
        point.features.iter_mut().for_each(|value| *value = Some(bad.clone()));
    }
    case
}

fn pages(case: &Case) -> Vec<(String, String)> {
    let links = Links::pages(&case.report.id);
    let context = ReportContext::for_page(&case.report, case.analysis.as_ref(), &case.view, &links);
    let mut pages = Vec::new();
    let mut add = |name: &str, content: Content| {
        let user = SessionUser { name: fixture::SCRIPT.to_owned(), sign_out: "/logout" };
        pages.push((format!("{} of {}", name, case.name), render(&content, Some(&user)).unwrap()));
    };
    for features in [false, true] {
        let search = fixture::SCRIPT.to_owned();
        let sort = "source.dns.question.name".to_owned();
        let params = SuspectsParams { features, search, sort, descending: features, page: 1 };
        add("summary", summary::page(&context, &params, &case.suspects).unwrap());
    }
    if case.analysis.is_some() {
        add("clustering", clustering::page(&context, Some(5)).unwrap());
        add("behaviour", behaviour::page(&context, fixture::SCRIPT, &case.suspects.items).unwrap());
    }
    let hits: Vec<_> = (0..5).map(|flag| fixture::hits(flag, 0, 10)).collect();
    add("flags", flags::page(&context, &hits).unwrap());
    for record in case.suspects.items.iter().take(4) {
        add("row", row::page(&context, record, &case.suspects.items).unwrap());
    }
    pages
}

#[test]
fn every_page_keeps_the_invariants() {
    for case in [complete(), flags_only(), without_map(), empty(), no_suspects(), hostile()] {
        for (name, html) in pages(&case) {
            check_page(&name, &html);
        }
    }
}

#[test]
fn the_size_of_pages_is_bounded() {
    for (name, html) in pages(&hostile()) {
        let limit = if name.starts_with("row") { 2_500_000 } else { 1_500_000 };
        assert!(html.len() < limit, "{name}: {} bytes", html.len());
    }
}

#[test]
fn reports_of_flags_have_no_other_sections() {
    for (_, html) in pages(&flags_only()) {
        assert!(!html.contains("/clustering") && !html.contains("/behaviour"));
        assert!(html.contains("/flags"));
    }
}

#[test]
fn a_detector_without_clusters_is_explained() {
    let (_, html) =
        pages(&without_map()).into_iter().find(|(name, _)| name.starts_with("clustering")).unwrap();
    assert!(html.contains("IsolationForest</bdi> scores rows without grouping them"));
    assert!(html.contains("<code>Gower</code>"));
    assert!(html.contains("scores-title"));
    assert!(!html.contains("map-data") && !html.contains("id=\"clusters\""));
}

#[test]
fn negligible_and_redundant_features_are_listed() {
    let pages = pages(&complete());
    let (_, html) = pages.iter().find(|(name, _)| name.starts_with("behaviour")).unwrap();
    let drop = &html[html.find("Candidates to drop").unwrap()..];
    assert!(drop[..drop.find("</aside>").unwrap()].contains("<bdi>is_weekend</bdi>"));
    assert!(html.contains("<bdi>client.bytes</bdi> and <bdi>network.bytes</bdi> measure the same"));
}

#[test]
fn sorted_columns_are_marked() {
    let (_, html) = pages(&complete()).swap_remove(0);
    assert_eq!(html.matches("aria-sort=\"ascending\"").count(), 1);
    assert!(html.contains("sort=source.dns.question.name&#38;order=down"));
}

#[test]
fn without_suspects_there_is_no_table() {
    let (_, html) = pages(&no_suspects()).swap_remove(0);
    assert!(html.contains("No suspect matches the search."));
}

#[test]
fn the_list_counts_rows_by_severity() {
    let mut reports = anomal_core::proto::ListReportsResponse {
        reports: vec![fixture::report(), hostile().report],
        total: 2,
        next_page_token: "a b&c".to_owned(),
    };
    let params = ListParams { search: fixture::SCRIPT.to_owned(), token: String::new() };
    let html = render(&list::page(&params, &reports).unwrap(), None).unwrap();
    check_page("list", &html);
    assert!(html.contains("page=a%20b%26c"));
    assert!(html.contains("6 high") && html.contains("46 low"));
    reports.reports.clear();
    let html = render(&list::page(&ListParams::default(), &reports).unwrap(), None).unwrap();
    check_page("empty list", &html);
    assert!(html.contains("There are no reports yet."));
}

#[test]
fn error_pages_and_help_keep_the_invariants() {
    for status in [400, 401, 403, 404, 405, 429, 500, 503] {
        let content = failure::page(status, fixture::SCRIPT).unwrap();
        check_page("failure", &render(&content, None).unwrap());
    }
    check_page("help", &render(&help::page().unwrap(), None).unwrap());
}

#[test]
fn no_template_disables_escaping() {
    let templates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    for entry in std::fs::read_dir(templates).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("|safe") && !text.contains("| safe"), "{}", path.display());
    }
}
