//! Every page, for reports of every kind.

use anomal_core::proto::{Analysis, Report};

use super::{fixture, html::check_page};
use crate::{
    compare::{Comparison, EntityDigest, IncidentDigest, RunDigest},
    pages::{
        Content, Links, Markup, ReportContext, SessionUser, behaviour, clustering, compare,
        entities,
        entity::{self, EntityParts},
        failure,
        flags::{self, FlagHits},
        help,
        incident::{self, IncidentParts},
        incidents::{self, IncidentsParams, Sort},
        list::{self, ListParams},
        overview, render, row, run,
        suspects::{self, SuspectsParams},
        verdicts::{self, form::FormState},
    },
    view::{
        Page, Query, Record, View,
        entity::{EntityDetails, OtherRows},
        filter::{Filter, FilterQuery},
        incidents::IncidentTable,
    },
};

struct Case {
    name: &'static str,
    report: Report,
    analysis: Option<Analysis>,
    view: View,
    suspects: Page<Record>,
    incidents: Option<IncidentTable>,
    /// The query of the address.
    query: &'static str,
}

fn complete() -> Case {
    Case {
        name: "complete",
        report: fixture::report(),
        analysis: Some(fixture::analysis()),
        view: fixture::view(),
        suspects: fixture::suspects(&Query { limit: 25, ..Query::default() }),
        incidents: Some(fixture::incidents::table()),
        query: "",
    }
}

/// With filters, one of which can't be used.
fn filtered() -> Case {
    let query = "incident=1&incident=12&q=%3Cscript%3Ealert('x')%3C/script%3E%22%26.example&f.none=%3Cu%3E&from=x";
    Case { name: "filtered", query, ..complete() }
}

/// A report of version 0.1.0, without incidents.
fn old() -> Case {
    let mut case = Case { name: "old", incidents: None, ..complete() };
    (case.report.incidents, case.report.roles) = (None, None);
    for record in &mut case.suspects.items {
        (record.incident, record.time, record.actor, record.target) = (None, None, None, None);
    }
    case
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
        incidents: None,
        query: "",
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
    let roles = report.roles.as_mut().unwrap();
    (roles.time_column, roles.time_origin, roles.unused) =
        (bad.clone(), bad.clone(), vec![bad.clone()]);
    for entity in &mut roles.entities {
        (entity.one, entity.many, entity.origin) = (bad.clone(), bad.clone(), bad.clone());
    }
    let incidents = case.incidents.as_mut().unwrap();
    for incident in &mut incidents.incidents {
        (incident.title, incident.key) = (bad.clone(), bad.clone());
        (incident.flags, incident.together) = (vec![bad.clone(); 6], vec![bad.clone()]);
    }
    incidents.entities.iter_mut().for_each(|entity| entity.value.clone_from(&bad));
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
    let query = FilterQuery::from_query(case.query, &case.report);
    let links = Links::pages(&case.report.id).with_filters(&query.parts);
    let matches = (!query.filter.is_empty()).then(|| {
        let incidents = query.filter.incidents.clone();
        fixture::incidents::matches(&Filter { incidents, ..Filter::default() })
    });
    let shown = fixture::verdicts();
    let context = ReportContext {
        report: &case.report,
        analysis: case.analysis.as_ref(),
        view: &case.view,
        incidents: case.incidents.as_ref(),
        links: &links,
        query: &query,
        matches: matches.as_ref(),
        verdicts: Some(&shown),
        level: 2,
    };
    let mut pages = Vec::new();
    let mut add = |name: &str, content: Content| {
        let user = SessionUser { name: fixture::SCRIPT.to_owned(), sign_out: "/logout" };
        pages.push((format!("{} of {}", name, case.name), render(&content, Some(&user)).unwrap()));
    };
    for features in [false, true] {
        let sort = "source.dns.question.name".to_owned();
        let params =
            SuspectsParams { features, sort, descending: features, columns: None, page: 1 };
        add("suspects", suspects::page(&context, &params, &case.suspects).unwrap());
    }
    let top = entities::top(&context);
    let lanes = fixture::incidents::lanes(top.len());
    let (sort, unfolded) = (Sort::Rows, true);
    add("overview", overview::page(&context, &lanes, Markup::default(), None).unwrap());
    let earlier = fixture::report();
    add("overview", overview::page(&context, &lanes, Markup::default(), Some(&earlier)).unwrap());
    for params in [
        IncidentsParams { page: 1, ..IncidentsParams::default() },
        IncidentsParams { sort, unfolded, page: 1 },
        IncidentsParams { page: 99, ..IncidentsParams::default() },
    ] {
        add("incidents", incidents::page(&context, &params).unwrap());
    }
    let kinds = entities::kinds(&context);
    let page = kinds.first().map(|kind| entities::select(&context, kind, 1)).unwrap_or_default();
    let lanes = fixture::incidents::lanes(page.items.len());
    add("entities", entities::page(&context, kinds.first(), &page, &lanes).unwrap());
    for about in page.items.iter().take(2) {
        let whole = EntityParts {
            incidents: vec![1, 2],
            details: fixture::incidents::entity_details(),
            lane: lanes.first().cloned(),
            rows: case.suspects.clone(),
            others: fixture::incidents::other_rows(),
            near: 1,
        };
        // As of a report of an older version.
        let details =
            EntityDetails { has_all_values: false, timeline: None, ..whole.details.clone() };
        let others = OtherRows { is_partial: true, ..whole.others.clone() };
        let older = EntityParts { details, others, ..whole.clone() };
        for parts in [whole, older] {
            add("entity", entity::page(&context, about, &parts).unwrap());
        }
    }
    let groups = |flag: usize| {
        let items: Vec<_> = fixture::incidents::groups(flag).into_iter().take(10).collect();
        Page { offset: 0, total: items.len(), items }
    };
    for number in [1, 10, 18] {
        let Some(described) = context.incident(number) else { continue };
        let value = fixture::SCRIPT.to_owned();
        let parts = IncidentParts {
            rows: case.suspects.clone(),
            groups: groups(3),
            actor: Some((value.clone(), vec![1, 2, 3])),
            target: Some((value, vec![number])),
            form: Some(FormState { note: fixture::SCRIPT.to_owned(), ..FormState::default() }),
        };
        add("incident", incident::page(&context, described, &parts).unwrap());
    }
    if case.analysis.is_some() {
        add("clustering", clustering::page(&context, Some(5)).unwrap());
        add("behaviour", behaviour::page(&context, fixture::SCRIPT, &case.suspects.items).unwrap());
    }
    let hits = |flag| FlagHits { hits: fixture::hits(flag, 0, 10), groups: groups(flag) };
    let hits: Vec<FlagHits> = (0..5).map(hits).collect();
    add("flags", flags::page(&context, &hits).unwrap());
    add("run", run::page(&context).unwrap());
    let incidents: Vec<_> = [1, 5].into_iter().filter_map(|it| context.incident(it)).collect();
    let state = FormState { newer: shown.book.all().to_vec(), ..FormState::default() };
    add("judge", verdicts::form::page(&context, &incidents, &state).unwrap());
    for record in case.suspects.items.iter().take(4) {
        add("row", row::page(&context, record, &case.suspects.items).unwrap());
    }
    pages
}

#[test]
fn every_page_keeps_the_invariants() {
    for case in [
        complete(),
        filtered(),
        old(),
        flags_only(),
        without_map(),
        empty(),
        no_suspects(),
        hostile(),
    ] {
        for (name, html) in pages(&case) {
            check_page(&name, &html);
        }
    }
}

#[test]
fn pages_of_a_job_keep_the_invariants() {
    let (name, shown) = (fixture::SCRIPT, fixture::verdicts());
    let gone = verdicts::ShownVerdicts {
        problem: Some(name.to_owned()),
        ..verdicts::ShownVerdicts::default()
    };
    let incident = |number: u64| IncidentDigest {
        number,
        keys: vec![number.to_string()],
        title: format!("{name}{}", fixture::BIDI_OVERRIDE),
        severity: name.to_owned(),
        rows: number,
        ..IncidentDigest::default()
    };
    let entity = |number: u64| EntityDigest {
        kind: name.to_owned(),
        value: format!("{name}{number}{}", fixture::BIDI_OVERRIDE),
        risk: 7,
    };
    let run = |numbers: std::ops::Range<u64>| RunDigest {
        name: name.to_owned(),
        engine: format!("{name}{numbers:?}"),
        entities: Some(numbers.clone().map(entity).collect()),
        incidents: numbers.map(incident).collect(),
        ..RunDigest::default()
    };
    let compared = Comparison::new(&run(0..300), &run(150..500));
    for content in [
        verdicts::list::page(name, name, &shown, 1).unwrap(),
        verdicts::list::page(name, "", &gone, 99).unwrap(),
        compare::page(&compared).unwrap(),
        compare::choice(Some(&fixture::report()), &[fixture::report()]).unwrap(),
        compare::choice(None, &[]).unwrap(),
    ] {
        check_page(&content.title, &render(&content, None).unwrap());
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
        assert!(!html.contains("/explain/"));
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
fn the_overview_says_what_is_new() {
    let since = |case: &Case| {
        let all = pages(case).into_iter().filter(|(name, _)| name.starts_with("overview"));
        all.map(|(_, html)| html.matches(" as before").count()).collect::<Vec<_>>()
    };
    assert_eq!(
        (since(&complete()), since(&filtered()), since(&old())),
        (vec![0, 1], vec![0, 0], vec![0, 0])
    );
    let (_, html) =
        pages(&complete()).into_iter().filter(|it| it.0.starts_with("overview")).nth(1).unwrap();
    assert!(html.contains("2 new, 2 gone, 16 as before"), "{html}");
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
    assert!(html.contains("No row is suspicious or hit by a flag."));
}

fn page_of(case: &Case, name: &str) -> String {
    let found = pages(case).into_iter().find(|(page, _)| page.starts_with(name));
    found.unwrap().1
}

#[test]
fn the_overview_begins_with_what_was_found() {
    let html = page_of(&complete(), "overview");
    let main = &html[html.find("<main").unwrap()..];
    let conclusion = main.find("class=\"lede conclusion\"").unwrap();
    assert!(main[conclusion..].contains("2 more incidents are high."));
    assert!(main.contains("they make 18 incidents:") && main.contains("3 high"));
    // The incidents that are alike are one line.
    assert!(main.contains("class=\"folded low\"") && main.contains("9 incidents of"));
    let old = page_of(&old(), "overview");
    assert!(old.contains("The report was made before incidents"));
    assert!(!old.contains("/incidents") && !old.contains("/entities"));
}

#[test]
fn filters_are_chips_that_links_keep() {
    let case = filtered();
    let html = page_of(&case, "incidents");
    assert!(html.contains("this report has no such column"));
    assert!(html.contains("2 of 18 incidents"));
    let kept = "incident=1&#38;incident=12";
    assert!(html.contains(&format!("/suspects?{kept}")), "{html}");
    assert!(page_of(&case, "run").contains(kept));
    // A chip leads to the page without it.
    assert!(html.contains("href=\"/reports/0193f6c1-dns/incidents?incident=12&#38;"));
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
