//! Addresses and what is behind them.

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

use super::{Library, Open, Reports, assets as files, download, params::Params, respond};
use crate::{
    access::{Caller, SignedIn},
    pages::{self, Content, Links, Shown, suspects::Asked},
    view::{Page, Query, Record},
};

/// A request for a page: what its caller may read, who they are, and what is asked for.
struct Visit {
    reports: Arc<dyn Reports>,
    who: Option<SignedIn>,
    params: Params,
    asked: HeaderMap,
}

impl FromRequestParts<Arc<dyn Library>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        library: &Arc<dyn Library>,
    ) -> Result<Self, Response> {
        let who = parts.extensions.get::<SignedIn>().cloned();
        let reports = library.read_by(parts.extensions.get::<Caller>());
        let reports = reports.map_err(|error| respond::error(&error, who.as_ref()))?;
        let params = Params::of(&parts.uri);
        Ok(Self { reports, who, params, asked: parts.headers.clone() })
    }
}

impl Visit {
    fn answer(&self, content: Result<Content>) -> Response {
        finish(content, self.who.as_ref(), &self.asked)
    }
}

/// Put into the request by what guards the pages.
type Who = Option<Extension<SignedIn>>;

/// What everyone may have.
pub fn assets() -> Router {
    Router::new()
        .route("/assets/{name}", get(asset))
        .route("/favicon.svg", get(async || files::favicon()))
        .layer(CompressionLayer::new().gzip(true))
}

/// The pages of these reports. What guards them is layered around.
pub fn pages(library: Arc<dyn Library>) -> Router {
    let packed = DefaultPredicate::new()
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
        .fallback(nothing)
        .method_not_allowed_fallback(not_allowed)
        .with_state(library)
        .layer(CompressionLayer::new().gzip(true).compress_when(packed))
}

fn finish(content: Result<Content>, who: Option<&SignedIn>, asked: &HeaderMap) -> Response {
    content
        .and_then(|content| respond::page(&content, who, asked))
        .unwrap_or_else(|error| respond::error(&error, who))
}

async fn list(visit: Visit) -> Response {
    let content = async {
        let params = &visit.params;
        let (search, token) = (params.text("q").to_owned(), params.exact("page").to_owned());
        let request = ListReportsRequest {
            search: search.clone(),
            page_size: pages::list::LIMIT,
            page_token: token.clone(),
            ..ListReportsRequest::default()
        };
        let found = visit.reports.list(request).await?;
        pages::list::page(&pages::list::Asked { search, token }, &found)
    };
    visit.answer(content.await)
}

fn shown<'a>(open: &'a dyn Open, links: &'a Links) -> Shown<'a> {
    Shown::page(open.report(), open.analysis(), open.view(), links)
}

async fn summary(visit: Visit, Path(id): Path<String>) -> Response {
    let content = async {
        let open = visit.reports.open(&id).await?;
        let params = &visit.params;
        let suspects = Asked {
            features: params.text("view") == "features",
            sort: known(open.report(), params.exact("sort")).to_owned(),
            descending: params.text("order") == "down",
            search: params.text("q").to_owned(),
            page: params.page(),
        };
        let found = open.suspects(&suspects.query()).await?;
        pages::summary::page(&shown(open.as_ref(), &Links::pages(&id)), &suspects, &found)
    };
    visit.answer(content.await)
}

/// What the suspects can be sorted by; anything else is not asked.
fn known<'a>(report: &Report, sort: &'a str) -> &'a str {
    let column = |name: &str| report.columns.iter().any(|column| column.name == name);
    let feature = |name: &str| report.features.iter().any(|feature| feature.name == name);
    let there = matches!(sort, "row" | "score" | "severity")
        || sort.strip_prefix("source.").is_some_and(column)
        || sort.strip_prefix("feature.").is_some_and(feature);
    if there { sort } else { "" }
}

fn analysed(open: &dyn Open) -> Result<()> {
    match open.analysis() {
        Some(_) => Ok(()),
        None => Err(Error::not_found("Nothing was classified in this report: it has flags only.")),
    }
}

async fn clustering(visit: Visit, Path(id): Path<String>) -> Response {
    let content = async {
        let open = visit.reports.open(&id).await?;
        analysed(open.as_ref())?;
        let clusters = visit.params.number("clusters");
        pages::clustering::page(&shown(open.as_ref(), &Links::pages(&id)), clusters)
    };
    visit.answer(content.await)
}

async fn behaviour(visit: Visit, Path(id): Path<String>) -> Response {
    let content = async {
        let open = visit.reports.open(&id).await?;
        analysed(open.as_ref())?;
        let suspicious = suspicious(open.as_ref()).await?;
        let params = &visit.params;
        let links = Links::pages(&id);
        let shown = shown(open.as_ref(), &links);
        pages::behaviour::page(&shown, params.exact("feature"), &suspicious)
    };
    visit.answer(content.await)
}

/// The most suspicious rows, without those that only a flag has hit.
async fn suspicious(open: &dyn Open) -> Result<Vec<Record>> {
    let limit = pages::behaviour::SUSPICIOUS;
    let sort = "score".to_owned();
    let query = Query { sort, descending: true, limit, ..Query::default() };
    let found = open.suspects(&query).await?;
    Ok(found.items.into_iter().filter(|record| record.suspicious).collect())
}

async fn flags(visit: Visit, Path(id): Path<String>) -> Response {
    let content = async {
        let open = visit.reports.open(&id).await?;
        let params = &visit.params;
        let turned = params.number::<usize>("flag");
        let mut hits = Vec::new();
        for (place, flag) in open.report().flags.iter().enumerate() {
            let page = if turned == Some(place) { params.page() } else { 1 };
            let limit = pages::flags::LIMIT;
            hits.push(match flag.rows {
                0 => Page { items: Vec::new(), offset: 0, total: 0 },
                _ => open.hits(place, (page - 1).saturating_mul(limit), limit).await?,
            });
        }
        pages::flags::page(&shown(open.as_ref(), &Links::pages(&id)), &hits)
    };
    visit.answer(content.await)
}

async fn row(visit: Visit, Path((id, row)): Path<(String, String)>) -> Response {
    let content = async {
        let open = visit.reports.open(&id).await?;
        let nothing = || Error::not_found(format!("The report has no row {row}."));
        let row: u64 = row.parse().map_err(|_| nothing())?;
        let record = open.record(row).await?.ok_or_else(nothing)?;
        let links = Links::pages(&id);
        let shown = shown(open.as_ref(), &links);
        let (normal, suspicious) = pages::row::near(&shown, row);
        let near = normal.iter().chain(suspicious).map(|near| open.record(near.row));
        let near = futures::future::try_join_all(near).await?;
        let near: Vec<Record> = near.into_iter().flatten().collect();
        pages::row::page(&shown, &record, &near)
    };
    visit.answer(content.await)
}

async fn file(visit: Visit, Path((id, name)): Path<(String, String)>) -> Response {
    download::answer(visit.reports.as_ref(), &id, &name)
        .await
        .unwrap_or_else(|error| respond::error(&error, visit.who.as_ref()))
}

async fn help(visit: Visit) -> Response {
    visit.answer(pages::help::page())
}

async fn asset(uri: Uri, who: Who) -> Response {
    let missing = || Err(Error::not_found("There is no such file."));
    match files::answer(uri.path()) {
        Some(answer) => answer,
        None => finish(missing(), who.as_deref(), &HeaderMap::new()),
    }
}

async fn nothing(who: Who) -> Response {
    respond::failure(StatusCode::NOT_FOUND, "", who.as_deref())
}

async fn not_allowed(who: Who) -> Response {
    respond::failure(StatusCode::METHOD_NOT_ALLOWED, "", who.as_deref())
}
