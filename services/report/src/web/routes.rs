//! The routes of the pages.

use std::sync::Arc;

use anomal_core::{
    Error, Result,
    proto::{ListReportsRequest, Report},
};
use axum::{
    Extension, Router,
    extract::{FromRequestParts, Path},
    http::{HeaderMap, StatusCode, Uri, request::Parts},
    response::Response,
    routing::get,
};
use tower_http::compression::{
    CompressionLayer,
    predicate::{DefaultPredicate, NotForContentType, Predicate},
};

use super::{
    assets as files, download,
    params::Params,
    reports::{Library, ReportReader, Reports},
    response,
};
use crate::{
    access::Caller,
    pages::{
        self, Content, Links, ReportContext, SessionUser, list::ListParams,
        suspects::SuspectsParams,
    },
    view::{Page, Query, Record},
};

/// A request for a page.
struct PageRequest {
    reports: Arc<dyn Reports>,
    user: Option<SessionUser>,
    params: Params,
    headers: HeaderMap,
}

impl FromRequestParts<Arc<dyn Library>> for PageRequest {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        library: &Arc<dyn Library>,
    ) -> Result<Self, Response> {
        let user = parts.extensions.get::<SessionUser>().cloned();
        let reports = library.for_caller(parts.extensions.get::<Caller>());
        let reports = reports.map_err(|error| response::error(&error, user.as_ref()))?;
        let params = Params::from_uri(&parts.uri);
        Ok(Self { reports, user, params, headers: parts.headers.clone() })
    }
}

impl PageRequest {
    fn answer(&self, content: Result<Content>) -> Response {
        respond(content, self.user.as_ref(), &self.headers)
    }
}

/// Set by the access middleware.
type User = Option<Extension<SessionUser>>;

/// The routes that need no caller.
pub fn assets() -> Router {
    Router::new()
        .route("/assets/{name}", get(asset))
        .route("/favicon.svg", get(async || files::icon()))
        .layer(CompressionLayer::new().gzip(true))
}

/// The routes of the pages, to be wrapped into the access middleware.
pub fn pages(library: Arc<dyn Library>) -> Router {
    let compressible = DefaultPredicate::new()
        .and(NotForContentType::const_new("application/vnd.apache.parquet"))
        .and(NotForContentType::const_new("application/pdf"));
    Router::new()
        .route("/", get(list))
        .route("/reports/{id}", get(summary))
        .route("/reports/{id}/clustering", get(clustering))
        .route("/reports/{id}/behaviour", get(behaviour))
        .route("/reports/{id}/flags", get(flags))
        .route("/reports/{id}/rows/{row}", get(row))
        .route("/reports/{id}/download/{name}", get(file))
        .route("/help", get(help))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .with_state(library)
        .layer(CompressionLayer::new().gzip(true).compress_when(compressible))
}

fn respond(content: Result<Content>, user: Option<&SessionUser>, headers: &HeaderMap) -> Response {
    content
        .and_then(|content| response::page(&content, user, headers))
        .unwrap_or_else(|error| response::error(&error, user))
}

async fn list(request: PageRequest) -> Response {
    let content = async {
        let params = &request.params;
        let (search, token) = (params.text("q").to_owned(), params.exact("page").to_owned());
        let query = ListReportsRequest {
            search: search.clone(),
            page_size: pages::list::LIMIT,
            page_token: token.clone(),
            ..ListReportsRequest::default()
        };
        let reports = request.reports.list(query).await?;
        pages::list::page(&ListParams { search, token }, &reports)
    };
    request.answer(content.await)
}

fn context<'a>(report: &'a dyn ReportReader, links: &'a Links) -> ReportContext<'a> {
    ReportContext::for_page(report.report(), report.analysis(), report.view(), links)
}

async fn summary(request: PageRequest, Path(id): Path<String>) -> Response {
    let content = async {
        let report = request.reports.open(&id).await?;
        let params = &request.params;
        let suspects = SuspectsParams {
            features: params.text("view") == "features",
            sort: valid_sort(report.report(), params.exact("sort")).to_owned(),
            descending: params.text("order") == "down",
            search: params.text("q").to_owned(),
            page: params.page(),
        };
        let page = report.suspects(&suspects.query()).await?;
        pages::summary::page(&context(report.as_ref(), &Links::pages(&id)), &suspects, &page)
    };
    request.answer(content.await)
}

/// The sort key, if the report has such a column; else empty.
fn valid_sort<'a>(report: &Report, sort: &'a str) -> &'a str {
    let column = |name: &str| report.columns.iter().any(|column| column.name == name);
    let feature = |name: &str| report.features.iter().any(|feature| feature.name == name);
    let valid = matches!(sort, "row" | "score" | "severity")
        || sort.strip_prefix("source.").is_some_and(column)
        || sort.strip_prefix("feature.").is_some_and(feature);
    if valid { sort } else { "" }
}

fn check_analysed(report: &dyn ReportReader) -> Result<()> {
    match report.analysis() {
        Some(_) => Ok(()),
        None => Err(Error::not_found("This report has flags only: nothing was classified.")),
    }
}

async fn clustering(request: PageRequest, Path(id): Path<String>) -> Response {
    let content = async {
        let report = request.reports.open(&id).await?;
        check_analysed(report.as_ref())?;
        let clusters = request.params.number("clusters");
        pages::clustering::page(&context(report.as_ref(), &Links::pages(&id)), clusters)
    };
    request.answer(content.await)
}

async fn behaviour(request: PageRequest, Path(id): Path<String>) -> Response {
    let content = async {
        let report = request.reports.open(&id).await?;
        check_analysed(report.as_ref())?;
        let suspicious = suspicious(report.as_ref()).await?;
        let params = &request.params;
        let links = Links::pages(&id);
        let context = context(report.as_ref(), &links);
        pages::behaviour::page(&context, params.exact("feature"), &suspicious)
    };
    request.answer(content.await)
}

/// The most suspicious rows, without those that only a flag hit.
async fn suspicious(report: &dyn ReportReader) -> Result<Vec<Record>> {
    let limit = pages::behaviour::SUSPICIOUS;
    let sort = "score".to_owned();
    let query = Query { sort, descending: true, limit, ..Query::default() };
    let page = report.suspects(&query).await?;
    Ok(page.items.into_iter().filter(|record| record.suspicious).collect())
}

async fn flags(request: PageRequest, Path(id): Path<String>) -> Response {
    let content = async {
        let report = request.reports.open(&id).await?;
        let params = &request.params;
        let paged = params.number::<usize>("flag");
        let mut hits = Vec::new();
        for (index, flag) in report.report().flags.iter().enumerate() {
            let page = if paged == Some(index) { params.page() } else { 1 };
            let limit = pages::flags::LIMIT;
            hits.push(match flag.rows {
                0 => Page::default(),
                _ => report.hits(index, (page - 1).saturating_mul(limit), limit).await?,
            });
        }
        pages::flags::page(&context(report.as_ref(), &Links::pages(&id)), &hits)
    };
    request.answer(content.await)
}

async fn row(request: PageRequest, Path((id, row)): Path<(String, String)>) -> Response {
    let content = async {
        let report = request.reports.open(&id).await?;
        let not_found = || Error::not_found(format!("The report has no row {row}."));
        let row: u64 = row.parse().map_err(|_| not_found())?;
        let record = report.record(row).await?.ok_or_else(not_found)?;
        let links = Links::pages(&id);
        let context = context(report.as_ref(), &links);
        let (normal, suspicious) = pages::row::neighbors(&context, row);
        let neighbors = normal.iter().chain(suspicious);
        let records = neighbors.map(|neighbor| report.record(neighbor.row));
        let records = futures::future::try_join_all(records).await?;
        let records: Vec<Record> = records.into_iter().flatten().collect();
        pages::row::page(&context, &record, &records)
    };
    request.answer(content.await)
}

async fn file(request: PageRequest, Path((id, name)): Path<(String, String)>) -> Response {
    download::answer(request.reports.as_ref(), &id, &name)
        .await
        .unwrap_or_else(|error| response::error(&error, request.user.as_ref()))
}

async fn help(request: PageRequest) -> Response {
    request.answer(pages::help::page())
}

async fn asset(uri: Uri, user: User) -> Response {
    let missing = || Err(Error::not_found("There is no such file."));
    match files::answer(uri.path()) {
        Some(answer) => answer,
        None => respond(missing(), user.as_deref(), &HeaderMap::new()),
    }
}

async fn not_found(user: User) -> Response {
    response::failure(StatusCode::NOT_FOUND, "", user.as_deref())
}

async fn not_allowed(user: User) -> Response {
    response::failure(StatusCode::METHOD_NOT_ALLOWED, "", user.as_deref())
}
