//! The routes, requested as by a browser.

use std::sync::Arc;

use anomal_core::{
    Download, Error, Result,
    proto::{Analysis, ExportReportRequest, ListReportsRequest, ListReportsResponse, Report},
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
    pages::{
        SessionUser,
        layout::assets::{SCRIPT, paths},
        testing::{fixture, html::check_page},
    },
    view::{Hit, Page, Query, Record, View},
};

struct FixtureReport {
    report: Report,
    analysis: Option<Analysis>,
    view: View,
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

    async fn record(&self, row: u64) -> Result<Option<Record>> {
        Ok(fixture::record(row))
    }

    async fn suspects(&self, query: &Query) -> Result<Page<Record>> {
        Ok(fixture::suspects(query))
    }

    async fn hits(&self, flag: usize, offset: usize, limit: usize) -> Result<Page<Hit>> {
        Ok(fixture::hits(flag, offset, limit))
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
        Ok(Arc::new(FixtureReport { report, analysis, view: fixture::view() }))
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
        "/reports/complete?view=features&sort=feature.ttl&order=down&q=a&page=2",
        "/reports/complete?page=99999999999999999999&sort=%00",
        "/reports/complete/clustering?clusters=6",
        "/reports/complete/behaviour?feature=ttl",
        "/reports/complete/flags?flag=1&page=2",
        "/reports/complete/flags?flag=99&page=18446744073709551615",
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
        ("/reports/flags/clustering", StatusCode::NOT_FOUND),
        ("/reports/complete/download/other.exe", StatusCode::NOT_FOUND),
        ("/reports/complete/download/flag-5.csv", StatusCode::NOT_FOUND),
        ("/assets/report-0000.css", StatusCode::NOT_FOUND),
        ("/reports/broken", StatusCode::INTERNAL_SERVER_ERROR),
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
    for (path, kind) in [(paths.style, "text/css"), (paths.script, "text/javascript")] {
        let (status, answer) = get(path).await;
        assert_eq!(status, StatusCode::OK);
        assert!(answer.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert!(answer.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with(kind));
    }
    assert!(SCRIPT.lines().count() <= 250);
    assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("://"));
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
