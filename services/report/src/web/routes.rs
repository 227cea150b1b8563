//! The routes of the pages.

use std::sync::Arc;

use anomal_core::{Error, Result, proto::ListReportsRequest};
use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, FromRequestParts, Path},
    http::{HeaderMap, StatusCode, Uri, request::Parts},
    response::Response,
    routing::get,
};
use tower_http::compression::{
    CompressionLayer,
    predicate::{DefaultPredicate, NotForContentType, Predicate},
};

use super::{
    assets as files, comparing, download,
    incident_page::incident,
    judging,
    params::Params,
    report_pages::{
        behaviour, clustering, entity_list, entity_page, flags, incidents, old_behaviour,
        old_clustering, overview, row, run, suspect_list,
    },
    reports::{Library, Reports},
    response,
};
use crate::{
    access::Caller,
    pages::{self, Content, SessionUser, list::ListParams},
};

/// A request for a page.
pub struct PageRequest {
    pub reports: Arc<dyn Reports>,
    user: Option<SessionUser>,
    pub params: Params,
    pub uri: Uri,
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
        let (uri, headers) = (parts.uri.clone(), parts.headers.clone());
        Ok(Self { reports, user, params, uri, headers })
    }
}

impl PageRequest {
    pub fn user(&self) -> Option<&SessionUser> {
        self.user.as_ref()
    }

    pub fn answer(&self, content: Result<Content>) -> Response {
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
        .route("/reports/{id}", get(overview))
        .route("/reports/{id}/incidents", get(incidents))
        .route("/reports/{id}/incidents/{number}", get(incident))
        .route("/reports/{id}/entities", get(entity_list))
        .route("/reports/{id}/entity", get(entity_page))
        .route("/reports/{id}/suspects", get(suspect_list))
        .route("/reports/{id}/flags", get(flags))
        .route("/reports/{id}/explain/clusters", get(clustering))
        .route("/reports/{id}/explain/behaviour", get(behaviour))
        .route("/reports/{id}/run", get(run))
        .route("/reports/{id}/clustering", get(old_clustering))
        .route("/reports/{id}/behaviour", get(old_behaviour))
        .route("/reports/{id}/rows/{row}", get(row))
        .route("/reports/{id}/download/{name}", get(file))
        .route(
            "/reports/{id}/verdicts",
            get(judging::choose)
                .post(judging::judge)
                .layer(DefaultBodyLimit::max(judging::MAX_FORM)),
        )
        .route("/verdicts", get(judging::job_verdicts))
        .route("/compare", get(comparing::compare))
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

async fn file(request: PageRequest, Path((id, name)): Path<(String, String)>) -> Response {
    download::answer(request.reports.as_ref(), &id, &name, request.uri.query().unwrap_or_default())
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
