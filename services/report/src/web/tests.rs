//! The routes, requested as by a browser.

mod judging;

use std::sync::Arc;

use anomal_core::{
    Code, Download, Error, Result,
    proto::{
        Analysis, ExportReportRequest, JudgeRequest, JudgeResponse, ListReportsRequest,
        ListReportsResponse, Report, Verdict,
    },
};
use async_trait::async_trait;
use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    http::{Method, Request, Response, StatusCode, header},
};
use bytes::Bytes;
use futures::stream;
use tower::ServiceExt;

use super::{
    reports::{Library, ReportReader, Reports},
    routes::{assets, pages},
};
use crate::{
    access::Caller,
    compare::RunDigest,
    pages::{
        SessionUser,
        layout::assets::{SCRIPT, STYLE, SUSPECTS, TIMELINE, paths},
        testing::{fixture, html::check_page},
        verdicts::{ShownVerdicts, form::FormState},
    },
    view::{
        Hit, Page, Query, Record, View,
        entity::{Around, EntityDetails, OtherRows},
        filter::Filter,
        incidents::{FlagGroup, IncidentTable, Lane, Matches},
    },
};

struct FixtureReport {
    report: Report,
    analysis: Option<Analysis>,
    view: View,
    incidents: Option<IncidentTable>,
}

#[async_trait]
impl ReportReader for FixtureReport {
    fn report(&self) -> &Report {
        &self.report
    }

    fn analysis(&self) -> Option<&Analysis> {
        self.analysis.as_ref()
    }

    fn view(&self) -> &View {
        &self.view
    }

    fn incidents(&self) -> Option<&IncidentTable> {
        self.incidents.as_ref()
    }

    async fn record(&self, row: u64) -> Result<Option<Record>> {
        Ok(fixture::record(row))
    }

    async fn suspects(&self, query: &Query) -> Result<Page<Record>> {
        Ok(fixture::suspects(query))
    }

    async fn hits(&self, flag: usize, offset: usize, limit: usize) -> Result<Page<Hit>> {
        Ok(fixture::hits(flag, offset, limit))
    }

    async fn matches(&self, filter: &Filter) -> Result<Matches> {
        Ok(fixture::incidents::matches(filter))
    }

    async fn groups(
        &self,
        flag: usize,
        _: &Filter,
        offset: usize,
        limit: usize,
    ) -> Result<Page<FlagGroup>> {
        let all = fixture::incidents::groups(flag);
        let total = all.len();
        Ok(Page { items: all.into_iter().skip(offset).take(limit).collect(), offset, total })
    }

    async fn incident_groups(&self, number: u64, limit: usize) -> Result<Page<FlagGroup>> {
        let all = (0..5).flat_map(fixture::incidents::groups);
        let all: Vec<FlagGroup> = all.filter(|group| group.incident == number).collect();
        let total = all.len();
        Ok(Page { items: all.into_iter().take(limit).collect(), offset: 0, total })
    }

    async fn entity(&self, _: usize) -> Result<EntityDetails> {
        Ok(fixture::incidents::entity_details())
    }

    async fn other_rows(&self, _: usize, _: Around) -> Result<OtherRows> {
        Ok(fixture::incidents::other_rows())
    }

    async fn lanes(&self, _: &Filter, actors: &[String]) -> Result<Vec<Lane>> {
        Ok(fixture::incidents::lanes(actors.len()))
    }
}

struct FixtureLibrary;

#[async_trait]
impl Reports for FixtureLibrary {
    async fn list(&self, _request: ListReportsRequest) -> Result<ListReportsResponse> {
        let reports = vec![fixture::report()];
        Ok(ListReportsResponse { reports, total: 1, next_page_token: String::new() })
    }

    async fn open(&self, id: &str) -> Result<Arc<dyn ReportReader>> {
        let analysis = match id {
            "complete" => Some(fixture::analysis()),
            "flags" => None,
            "broken" => return Err(Error::internal("a secret")),
            _ => return Err(Error::not_found("There is no such report.")),
        };
        let mut report = fixture::report();
        report.id = id.to_owned();
        let (view, incidents) = (fixture::view(), Some(fixture::incidents::table()));
        Ok(Arc::new(FixtureReport { report, analysis, view, incidents }))
    }

    async fn earlier(&self, report: &Report) -> Option<Arc<Report>> {
        Some(Arc::new(report.clone()))
    }

    async fn verdicts(&self, _: &Report) -> ShownVerdicts {
        fixture::verdicts()
    }

    async fn form(&self, report: &Report) -> Result<FormState> {
        let refusal = (report.id == "flags").then(|| "Not here.".to_owned());
        Ok(FormState { refusal, ..FormState::default() })
    }

    async fn judge(&self, request: JudgeRequest) -> Result<JudgeResponse> {
        match request.verdict.as_str() {
            "benign" if request.after > 0 => Ok(JudgeResponse::default()),
            "benign" => {
                let newer = fixture::verdicts().book.all().to_vec();
                Ok(JudgeResponse { newer, ..JudgeResponse::default() })
            }
            "denied" => Err(Error::new(Code::PermissionDenied, "ACCESS_DENIED", "you may not")),
            _ => Err(Error::new(Code::Output, "STORE_UNWRITABLE", "the store is read-only")),
        }
    }

    async fn job_verdicts(&self, _: &str, job: &str) -> Result<Vec<Verdict>> {
        match job {
            "denied" => Err(Error::new(Code::PermissionDenied, "ACCESS_DENIED", "you may not")),
            _ => Ok(fixture::verdicts().book.all().to_vec()),
        }
    }

    async fn digest(&self, id: &str) -> Result<RunDigest> {
        match id {
            "broken" => Err(Error::not_found("There is no such report.")),
            _ => Ok(RunDigest { name: id.to_owned(), ..RunDigest::default() }),
        }
    }

    async fn export(&self, request: ExportReportRequest) -> Result<Download> {
        let text = format!("{:?} {}", request.format(), request.suspects_only);
        Ok(Box::pin(stream::once(async move { Ok(Bytes::from(text)) })))
    }
}

impl Library for FixtureLibrary {
    fn for_caller(&self, _: Option<&Caller>) -> Result<Arc<dyn Reports>> {
        Ok(Arc::new(Self))
    }
}

fn service() -> Router {
    pages(Arc::new(FixtureLibrary)).merge(assets())
}

async fn send(request: Request<Body>) -> Response<Body> {
    service().oneshot(request).await.unwrap()
}

async fn get(path: &str) -> (StatusCode, Response<Body>) {
    let answer = send(Request::get(path).body(Body::empty()).unwrap()).await;
    (answer.status(), answer)
}

async fn text(answer: Response<Body>) -> String {
    let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn every_page_is_served_with_its_headers() {
    for path in [
        "/",
        "/?q=%3Cscript%3E&page=x",
        "/help",
        "/reports/complete",
        "/reports/complete?q=a&from=2025-11-24T01:00:00Z&flag=beaconing&column=client.bytes&value=%3E4",
        "/reports/complete/suspects",
        "/reports/complete/suspects?view=features&sort=feature.ttl&order=down&q=a&page=2",
        "/reports/complete/suspects?page=99999999999999999999&sort=%00&cols=ttl&cols=source.ip",
        "/reports/complete/incidents",
        "/reports/complete/incidents?sort=time&fold=no&page=99999999999999999999",
        "/reports/complete/incidents/1",
        "/reports/complete/incidents/18?page=2&actor=a",
        "/reports/complete/entities",
        "/reports/complete/entities?kind=domain&side=target",
        "/reports/complete/entities?kind=none&page=18446744073709551615",
        "/reports/complete/entity?kind=host&value=10.1.3.5",
        "/reports/complete/run",
        "/reports/complete/incidents?verdict=benign&verdict=open&verdict=none",
        "/reports/complete/verdicts",
        "/reports/complete/verdicts?chosen=1&chosen=3&chosen=1",
        "/verdicts?job=%3Cscript%3E&namespace=%22&page=99999999999999999999",
        "/verdicts",
        "/compare?a=complete&b=flags",
        "/compare?b=complete",
        "/compare",
        "/reports/complete/explain/clusters?clusters=6",
        "/reports/complete/explain/behaviour?feature=ttl",
        "/reports/complete/flags?flag-page=1&page=2",
        "/reports/complete/flags?flag-page=99&page=18446744073709551615",
        "/reports/complete/rows/7",
        "/reports/flags",
    ] {
        let (status, answer) = get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let headers = answer.headers();
        assert_eq!(headers[header::CACHE_CONTROL], "private, no-cache");
        check_page(path, &text(answer).await);
    }
}

#[tokio::test]
async fn errors_are_pages() {
    for (path, expected) in [
        ("/nothing", StatusCode::NOT_FOUND),
        ("/reports/none", StatusCode::NOT_FOUND),
        ("/reports/complete/rows/499", StatusCode::NOT_FOUND),
        ("/reports/complete/rows/seven", StatusCode::NOT_FOUND),
        ("/reports/flags/explain/clusters", StatusCode::NOT_FOUND),
        ("/reports/complete/incidents/0", StatusCode::NOT_FOUND),
        ("/reports/complete/incidents/19", StatusCode::NOT_FOUND),
        ("/reports/complete/incidents/one", StatusCode::NOT_FOUND),
        ("/reports/complete/entity?kind=host&value=other", StatusCode::NOT_FOUND),
        ("/reports/complete/download/other.exe", StatusCode::NOT_FOUND),
        ("/reports/complete/download/flag-5.csv", StatusCode::NOT_FOUND),
        ("/assets/report-0000.css", StatusCode::NOT_FOUND),
        ("/reports/broken", StatusCode::INTERNAL_SERVER_ERROR),
        ("/reports/complete/verdicts?chosen=99", StatusCode::NOT_FOUND),
        ("/reports/complete/download/case-x.md", StatusCode::NOT_FOUND),
        ("/verdicts?job=denied", StatusCode::FORBIDDEN),
        ("/compare?a=broken&b=complete", StatusCode::NOT_FOUND),
    ] {
        let (status, answer) = get(path).await;
        assert_eq!(status, expected, "{path}");
        let html = text(answer).await;
        check_page(path, &html);
        assert!(!html.contains("secret"));
    }
    let post = Request::builder().method(Method::POST).uri("/").body(Body::empty()).unwrap();
    assert_eq!(send(post).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn addresses_of_older_versions_lead_to_the_new_ones() {
    for (path, to) in [
        ("/clustering?clusters=3", "/explain/clusters?clusters=3"),
        ("/behaviour", "/explain/behaviour"),
        ("?view=features&q=a%20b", "/suspects?view=features&q=a%20b"),
        ("?sort=score&order=down", "/suspects?sort=score&order=down"),
        ("?page=2", "/suspects?page=2"),
    ] {
        let (status, answer) = get(&format!("/reports/complete{path}")).await;
        assert_eq!(status, StatusCode::PERMANENT_REDIRECT, "{path}");
        assert_eq!(answer.headers()[header::LOCATION], format!("/reports/complete{to}"));
    }
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again() {
    let (_, answer) = get("/reports/complete").await;
    let tag = answer.headers()[header::ETAG].clone();
    let again = Request::get("/reports/complete").header(header::IF_NONE_MATCH, tag);
    let again = send(again.body(Body::empty()).unwrap()).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert!(text(again).await.is_empty());
}

#[tokio::test]
async fn pages_are_compressed_and_assets_immutable() {
    let compressed = Request::get("/reports/complete").header(header::ACCEPT_ENCODING, "gzip");
    let compressed = send(compressed.body(Body::empty()).unwrap()).await;
    assert_eq!(compressed.headers()[header::CONTENT_ENCODING], "gzip");
    let paths = paths();
    for (path, kind) in [
        (paths.style, "text/css"),
        (paths.script, "text/javascript"),
        (paths.timeline, "text/javascript"),
        (paths.suspects, "text/javascript"),
    ] {
        let (status, answer) = get(path).await;
        assert_eq!(status, StatusCode::OK);
        assert!(answer.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert!(answer.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with(kind));
    }
    assert!(SCRIPT.lines().count() <= 250);
    let scripts = SCRIPT.len() + TIMELINE.len() + SUSPECTS.len();
    assert!(scripts <= 22_000, "{scripts} bytes of scripts");
    assert!(STYLE.len() <= 34_000, "{} bytes of style", STYLE.len());
    for script in [SCRIPT, TIMELINE, SUSPECTS] {
        assert!(!script.contains("innerHTML") && !script.contains("://"));
    }
    assert_eq!(get("/favicon.svg").await.0, StatusCode::OK);
}

#[tokio::test]
async fn downloads_have_names_and_formats() {
    for (name, expected) in [
        ("all.csv", "Csv false"),
        ("suspects.csv", "Csv true"),
        ("all.parquet", "Parquet false"),
        ("suspects.parquet", "Parquet true"),
        ("report.pdf", "Pdf false"),
        ("report.html", "Html false"),
    ] {
        let (status, answer) = get(&format!("/reports/complete/download/{name}")).await;
        assert_eq!(status, StatusCode::OK);
        let disposition =
            answer.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().to_owned();
        assert!(disposition.starts_with(&format!("attachment; filename=\"dns-tunnels-{name}\"")));
        assert_eq!(text(answer).await, expected);
    }
    let csv = text(get("/reports/complete/download/flag-1.csv").await.1).await;
    assert!(csv.starts_with("row,value\r\n3,\"every "), "{csv}");
    assert_eq!(csv.lines().count(), 47);
    let none = text(get("/reports/complete/download/flag-4.csv").await.1).await;
    assert_eq!(none, "row,value\r\n");
}

#[tokio::test]
async fn users_with_a_session_can_sign_out() {
    let (_, answer) = get("/").await;
    assert!(!text(answer).await.contains("Sign out"));
    let user = SessionUser { name: "reader".to_owned(), sign_out: "/logout" };
    let service = service().layer(Extension(user));
    let answer = service.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    let html = text(answer).await;
    assert!(html.contains("action=\"/logout\"") && html.contains("reader"));
}
