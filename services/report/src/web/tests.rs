//! The routes, asked as a browser would.

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

use super::{Library, Open, Reports, assets, pages};
use crate::{
    access::{Caller, SignedIn},
    pages::{fixture, sound},
    view::{Hit, Page, Query, Record, View},
};

struct One {
    report: Report,
    analysis: Option<Analysis>,
    view: View,
}

#[async_trait]
impl Open for One {
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

struct Fixture;

#[async_trait]
impl Reports for Fixture {
    async fn list(&self, _request: ListReportsRequest) -> Result<ListReportsResponse> {
        let reports = vec![fixture::report()];
        Ok(ListReportsResponse { reports, total: 1, next_page_token: String::new() })
    }

    async fn open(&self, id: &str) -> Result<Arc<dyn Open>> {
        let analysis = match id {
            "whole" => Some(fixture::analysis()),
            "flags" => None,
            "broken" => return Err(Error::internal("a secret")),
            _ => return Err(Error::not_found("There is no such report.")),
        };
        let mut report = fixture::report();
        report.id = id.to_owned();
        Ok(Arc::new(One { report, analysis, view: fixture::view() }))
    }

    async fn export(&self, request: ExportReportRequest) -> Result<Download> {
        let text = format!("{:?} {}", request.format(), request.suspects_only);
        Ok(Box::pin(stream::once(async move { Ok(Bytes::from(text)) })))
    }
}

impl Library for Fixture {
    fn read_by(&self, _: Option<&Caller>) -> Result<Arc<dyn Reports>> {
        Ok(Arc::new(Self))
    }
}

fn service() -> Router {
    pages(Arc::new(Fixture)).merge(assets())
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
        "/reports/whole",
        "/reports/whole?view=features&sort=feature.ttl&order=down&q=a&page=2",
        "/reports/whole?page=99999999999999999999&sort=%00",
        "/reports/whole/clustering?clusters=6",
        "/reports/whole/behaviour?feature=ttl",
        "/reports/whole/flags?flag=1&page=2",
        "/reports/whole/flags?flag=99&page=18446744073709551615",
        "/reports/whole/rows/7",
        "/reports/flags",
    ] {
        let (status, answer) = get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let headers = answer.headers();
        assert_eq!(headers[header::CACHE_CONTROL], "private, no-cache");
        sound::check(path, &text(answer).await);
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_in_the_same_design() {
    for (path, expected) in [
        ("/nothing", StatusCode::NOT_FOUND),
        ("/reports/none", StatusCode::NOT_FOUND),
        ("/reports/whole/rows/499", StatusCode::NOT_FOUND),
        ("/reports/whole/rows/seven", StatusCode::NOT_FOUND),
        ("/reports/flags/clustering", StatusCode::NOT_FOUND),
        ("/reports/whole/download/other.exe", StatusCode::NOT_FOUND),
        ("/reports/whole/download/flag-5.csv", StatusCode::NOT_FOUND),
        ("/assets/report-0000.css", StatusCode::NOT_FOUND),
        ("/reports/broken", StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let (status, answer) = get(path).await;
        assert_eq!(status, expected, "{path}");
        let html = text(answer).await;
        sound::check(path, &html);
        assert!(!html.contains("secret"));
    }
    let post = Request::builder().method(Method::POST).uri("/").body(Body::empty()).unwrap();
    assert_eq!(send(post).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_page_that_is_known_is_not_sent_again() {
    let (_, answer) = get("/reports/whole").await;
    let tag = answer.headers()[header::ETAG].clone();
    let again = Request::get("/reports/whole").header(header::IF_NONE_MATCH, tag);
    let again = send(again.body(Body::empty()).unwrap()).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert!(text(again).await.is_empty());
}

#[tokio::test]
async fn pages_are_packed_and_assets_stay() {
    let packed = Request::get("/reports/whole").header(header::ACCEPT_ENCODING, "gzip");
    let packed = send(packed.body(Body::empty()).unwrap()).await;
    assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
    let addresses = assets::addresses();
    for (path, kind) in [(addresses.style, "text/css"), (addresses.script, "text/javascript")] {
        let (status, answer) = get(path).await;
        assert_eq!(status, StatusCode::OK);
        assert!(answer.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert!(answer.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with(kind));
    }
    assert!(assets::SCRIPT.lines().count() <= 250);
    assert!(!assets::SCRIPT.contains("innerHTML") && !assets::SCRIPT.contains("://"));
    assert_eq!(get("/favicon.svg").await.0, StatusCode::OK);
}

#[tokio::test]
async fn downloads_have_names_and_kinds() {
    for (name, expected) in [
        ("all.csv", "Csv false"),
        ("suspects.csv", "Csv true"),
        ("all.parquet", "Parquet false"),
        ("suspects.parquet", "Parquet true"),
        ("report.pdf", "Pdf false"),
        ("report.html", "Html false"),
    ] {
        let (status, answer) = get(&format!("/reports/whole/download/{name}")).await;
        assert_eq!(status, StatusCode::OK);
        let disposition =
            answer.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().to_owned();
        assert!(disposition.starts_with(&format!("attachment; filename=\"dns-tunnels-{name}\"")));
        assert_eq!(text(answer).await, expected);
    }
    let csv = text(get("/reports/whole/download/flag-1.csv").await.1).await;
    assert!(csv.starts_with("row,value\r\n3,\"every "), "{csv}");
    assert_eq!(csv.lines().count(), 47);
    let none = text(get("/reports/whole/download/flag-4.csv").await.1).await;
    assert_eq!(none, "row,value\r\n");
}

#[tokio::test]
async fn who_is_signed_in_can_sign_out() {
    let (_, answer) = get("/").await;
    assert!(!text(answer).await.contains("Sign out"));
    let who = SignedIn { name: "reader".to_owned(), sign_out: "/logout" };
    let service = service().layer(Extension(who));
    let answer = service.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    let html = text(answer).await;
    assert!(html.contains("action=\"/logout\"") && html.contains("reader"));
}
