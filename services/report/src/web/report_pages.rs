//! The pages of a report.

use std::sync::Arc;

use anomal_core::{Error, Result, proto::Report};
use axum::{
    extract::Path,
    http::Uri,
    response::{IntoResponse, Redirect, Response},
};

use super::{reports::ReportReader, routes::PageRequest};
use crate::{
    pages::{
        self, Links, Markup, ReportContext, entities,
        entity::{self, EntityParts},
        flags::FlagHits,
        incidents::{IncidentsParams, Sort},
        suspect_table::{self, TableOptions},
        suspects::{self, SuspectsParams},
        verdicts::{ShownVerdicts, judged},
    },
    view::{
        Page, Query, Record,
        entity::Around,
        filter::{Filter, FilterQuery},
        incidents::{Lane, Matches},
    },
};

/// An open report with the filters of the address.
pub(super) struct OpenPage {
    pub reader: Arc<dyn ReportReader>,
    verdicts: ShownVerdicts,
    links: Links,
    query: FilterQuery,
    /// None without filters.
    matches: Option<Matches>,
}

impl OpenPage {
    pub async fn open(request: &PageRequest, id: &str) -> Result<Self> {
        Self::with_filters(request, id, &request.params.filters()).await
    }

    /// For pages that no filter applies to.
    pub async fn without_filters(request: &PageRequest, id: &str) -> Result<Self> {
        Self::with_filters(request, id, &[]).await
    }

    async fn with_filters(
        request: &PageRequest,
        id: &str,
        parameters: &[(String, String)],
    ) -> Result<Self> {
        let reader = request.reports.open(id).await?;
        let verdicts = request.reports.verdicts(reader.report()).await;
        let pairs = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut query = FilterQuery::parse(pairs, reader.report());
        if let Some(all) = reader.incidents() {
            judged(&mut query.filter, &verdicts, &all.incidents);
        }
        let mut matches =
            if query.filter.is_empty() { None } else { Some(reader.matches(&query.filter).await?) };
        if let Some(matches) = matches.as_mut().filter(|matches| matches.rows == 0) {
            matches.without = without_each(reader.as_ref(), &verdicts, &query).await?;
        }
        let links = Links::pages(id).with_filters(&query.parts);
        Ok(Self { reader, verdicts, links, query, matches })
    }

    pub fn report(&self) -> &Report {
        self.reader.report()
    }

    pub fn context(&self) -> ReportContext<'_> {
        ReportContext {
            report: self.reader.report(),
            analysis: self.reader.analysis(),
            view: self.reader.view(),
            incidents: self.reader.incidents(),
            links: &self.links,
            query: &self.query,
            matches: self.matches.as_ref(),
            verdicts: Some(&self.verdicts),
            level: 2,
        }
    }

    /// The lanes of actors.
    async fn lanes(&self, actors: Vec<String>) -> Result<Vec<Lane>> {
        self.reader.lanes(&self.query.filter, &actors).await
    }
}

/// Rows that fit without each of the filters.
async fn without_each(
    reader: &dyn ReportReader,
    verdicts: &ShownVerdicts,
    query: &FilterQuery,
) -> Result<Vec<u64>> {
    let mut rows = Vec::new();
    for left_out in 0..query.parts.len() {
        let others = query.parts.iter().enumerate().filter(|(place, _)| *place != left_out);
        let pairs = others.map(|(_, part)| (part.name.as_str(), part.value.as_str()));
        let mut others = FilterQuery::parse(pairs, reader.report());
        if let Some(all) = reader.incidents() {
            judged(&mut others.filter, verdicts, &all.incidents);
        }
        rows.push(if others.filter.is_empty() {
            reader.report().suspects
        } else {
            reader.matches(&others.filter).await?.rows
        });
    }
    Ok(rows)
}

/// The summary of older versions had the table of suspects.
const SUSPECTS_PARAMETERS: [&str; 3] = ["view", "sort", "page"];

pub async fn overview(request: PageRequest, Path(id): Path<String>) -> Response {
    if SUSPECTS_PARAMETERS.iter().any(|name| !request.params.exact(name).is_empty()) {
        return moved(&id, "suspects", &request.uri);
    }
    let content = async {
        let open = OpenPage::open(&request, &id).await?;
        let context = open.context();
        let actors = entities::top(&context).iter().map(|entity| entity.value.clone()).collect();
        let lanes = open.lanes(actors).await?;
        let first = if context.incidents.is_some() || context.report.suspects == 0 {
            Markup::default()
        } else {
            let query =
                Query { limit: suspects::LIMIT, ..SuspectsParams::default().query(&context) };
            let page = open.reader.suspects(&query).await?;
            let options = TableOptions {
                label: "The most suspicious rows",
                params: None,
                features: false,
                columns: &suspect_table::default_columns(&context),
                id_prefix: "",
                choose: false,
                without: &[],
            };
            suspect_table::table(&context, options, &page.items)?
        };
        let earlier = request.reports.earlier(context.report).await;
        pages::overview::page(&context, &lanes, first, earlier.as_deref())
    };
    request.answer(content.await)
}

pub async fn incidents(request: PageRequest, Path(id): Path<String>) -> Response {
    let content = async {
        let open = OpenPage::open(&request, &id).await?;
        let params = &request.params;
        let params = IncidentsParams {
            sort: Sort::from_name(params.text("sort")),
            unfolded: params.text("fold") == "no",
            page: params.page(),
        };
        pages::incidents::page(&open.context(), &params)
    };
    request.answer(content.await)
}

pub async fn entity_list(request: PageRequest, Path(id): Path<String>) -> Response {
    let content = async {
        let open = OpenPage::open(&request, &id).await?;
        let context = open.context();
        let (kind, side) = (request.params.exact("kind"), request.params.exact("side"));
        let kinds = entities::kinds(&context);
        let wanted = kinds.iter().find(|it| it.kind == kind && it.is_actor == (side != "target"));
        let kind = wanted.or(kinds.first());
        let page = match kind {
            Some(kind) => entities::select(&context, kind, request.params.page()),
            None => Page::default(),
        };
        let lanes = match kind {
            Some(kind) if kind.is_actor => {
                open.lanes(page.items.iter().map(|entity| entity.value.clone()).collect()).await?
            }
            _ => Vec::new(),
        };
        entities::page(&context, kind, &page, &lanes)
    };
    request.answer(content.await)
}

pub async fn entity_page(request: PageRequest, Path(id): Path<String>) -> Response {
    let content = async {
        let open = OpenPage::open(&request, &id).await?;
        let context = open.context();
        let (kind, value) = (request.params.exact("kind"), request.params.exact("value"));
        let all = context.incidents.map_or(&[][..], |all| &all.entities);
        let place = all.iter().position(|entity| entity.kind == kind && entity.value == value);
        let place =
            place.ok_or_else(|| Error::not_found("Nothing that stands out is about this."))?;
        let (about, reader) = (&all[place], open.reader.as_ref());
        let value = vec![about.value.clone()];
        let mut numbers = Vec::new();
        for filter in [
            Filter { actors: value.clone(), ..Filter::default() },
            Filter { targets: value.clone(), ..Filter::default() },
        ] {
            let found = open.reader.matches(&filter).await?;
            numbers.extend(found.incidents.iter().map(|(number, _)| *number));
        }
        numbers.sort_unstable();
        numbers.dedup();
        let lanes = reader.lanes(&Filter::default(), &value).await?;
        let lane = lanes.into_iter().next().filter(|_| about.is_actor() && about.span.is_some());
        let filter = if about.is_actor() {
            Filter { actors: value, ..Filter::default() }
        } else {
            Filter { targets: value, ..Filter::default() }
        };
        let near = request.params.number("near").filter(|near| numbers.contains(near));
        let near = near.unwrap_or(about.first_incident);
        let parts = EntityParts {
            incidents: numbers,
            details: reader.entity(place).await?,
            lane,
            rows: reader.suspects(&rows_of(&context, filter, request.params.page())).await?,
            others: reader.other_rows(place, around(&context, near)).await?,
            near,
        };
        entity::page(&context, about, &parts)
    };
    request.answer(content.await)
}

/// A page of the rows that stand out of an entity, in the order of their times.
fn rows_of(context: &ReportContext<'_>, filter: Filter, page: usize) -> Query {
    let has_times = context.report.roles.as_ref().is_some_and(|it| !it.time_column.is_empty());
    Query {
        sort: if has_times { "time" } else { "row" }.to_owned(),
        descending: false,
        filter,
        offset: page.saturating_sub(1).saturating_mul(entity::LIMIT),
        limit: entity::LIMIT,
    }
}

/// Near an incident.
fn around(context: &ReportContext<'_>, incident: u64) -> Around {
    let incident = context.incident(incident);
    Around {
        time: incident.and_then(|it| it.span).map(|it| i64::midpoint(it.core_start, it.core_end)),
        row: incident.map_or(0, |it| it.top_row),
        columns: suspect_table::default_columns(context),
        limit: entity::LIMIT,
    }
}

pub async fn suspect_list(request: PageRequest, Path(id): Path<String>) -> Response {
    let content = async {
        let open = OpenPage::open(&request, &id).await?;
        let context = open.context();
        let params = &request.params;
        let place = |name: &str| context.report.columns.iter().position(|it| it.name == name);
        let columns: Vec<usize> = params.all("cols").filter_map(place).collect();
        let suspects = SuspectsParams {
            features: params.text("view") == "features",
            sort: valid_sort(context.report, params.exact("sort")).to_owned(),
            descending: params.text("order") == "down",
            columns: (!columns.is_empty()).then_some(columns),
            page: params.page(),
        };
        let page = open.reader.suspects(&suspects.query(&context)).await?;
        suspects::page(&context, &suspects, &page)
    };
    request.answer(content.await)
}

/// The sort key, if the report has such a column; else empty.
fn valid_sort<'a>(report: &Report, sort: &'a str) -> &'a str {
    let column = |name: &str| report.columns.iter().any(|column| column.name == name);
    let feature = |name: &str| report.features.iter().any(|feature| feature.name == name);
    let grouped = report.incidents.is_some();
    let valid = matches!(sort, "row" | "score" | "severity")
        || (grouped && matches!(sort, "time" | "actor" | "target" | "incident"))
        || sort.strip_prefix("source.").is_some_and(column)
        || sort.strip_prefix("feature.").is_some_and(feature);
    if valid { sort } else { "" }
}

pub async fn run(request: PageRequest, Path(id): Path<String>) -> Response {
    let content = async { pages::run::page(&OpenPage::open(&request, &id).await?.context()) };
    request.answer(content.await)
}

fn check_analysed(report: &dyn ReportReader) -> Result<()> {
    match report.analysis() {
        Some(_) => Ok(()),
        None => Err(Error::not_found("This report has flags only: nothing was classified.")),
    }
}

pub async fn clustering(request: PageRequest, Path(id): Path<String>) -> Response {
    let content = async {
        let open = OpenPage::open(&request, &id).await?;
        check_analysed(open.reader.as_ref())?;
        pages::clustering::page(&open.context(), request.params.number("clusters"))
    };
    request.answer(content.await)
}

pub async fn behaviour(request: PageRequest, Path(id): Path<String>) -> Response {
    let content = async {
        let open = OpenPage::open(&request, &id).await?;
        check_analysed(open.reader.as_ref())?;
        let suspicious = suspicious(open.reader.as_ref()).await?;
        pages::behaviour::page(&open.context(), request.params.exact("feature"), &suspicious)
    };
    request.answer(content.await)
}

/// The addresses of older versions.
pub async fn old_clustering(request: PageRequest, Path(id): Path<String>) -> Response {
    moved(&id, "explain/clusters", &request.uri)
}

pub async fn old_behaviour(request: PageRequest, Path(id): Path<String>) -> Response {
    moved(&id, "explain/behaviour", &request.uri)
}

/// Leads to another page of the report, with the same parameters.
fn moved(id: &str, section: &str, uri: &Uri) -> Response {
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let to = format!("{}{query}", Links::pages(id).section(section));
    Redirect::permanent(&to).into_response()
}

/// The most suspicious rows, without those that only a flag hit.
async fn suspicious(report: &dyn ReportReader) -> Result<Vec<Record>> {
    let limit = pages::behaviour::SUSPICIOUS;
    let sort = "score".to_owned();
    let query = Query { sort, descending: true, limit, ..Query::default() };
    let page = report.suspects(&query).await?;
    Ok(page.items.into_iter().filter(|record| record.suspicious).collect())
}

pub async fn flags(request: PageRequest, Path(id): Path<String>) -> Response {
    let content = async {
        let open = OpenPage::open(&request, &id).await?;
        let reader = open.reader.as_ref();
        let paged = request.params.number::<usize>("flag-page");
        let limit = pages::flags::LIMIT;
        let mut all = Vec::new();
        for (index, flag) in reader.report().flags.iter().enumerate() {
            let page = if paged == Some(index) { request.params.page() } else { 1 };
            let offset = (page - 1).saturating_mul(limit);
            let mut of_flag = FlagHits::default();
            if flag.rows > 0 && reader.incidents().is_some() {
                of_flag.groups = reader.groups(index, &open.query.filter, offset, limit).await?;
            } else if flag.rows > 0 {
                of_flag.hits = reader.hits(index, offset, limit).await?;
            }
            all.push(of_flag);
        }
        pages::flags::page(&open.context(), &all)
    };
    request.answer(content.await)
}

pub async fn row(request: PageRequest, Path((id, row)): Path<(String, String)>) -> Response {
    let content = async {
        let open = OpenPage::open(&request, &id).await?;
        let not_found = || Error::not_found(format!("The report has no row {row}."));
        let row: u64 = row.parse().map_err(|_| not_found())?;
        let record = open.reader.record(row).await?.ok_or_else(not_found)?;
        let context = open.context();
        let (normal, suspicious) = pages::row::neighbors(&context, row);
        let neighbors = normal.iter().chain(suspicious);
        let records = neighbors.map(|neighbor| open.reader.record(neighbor.row));
        let records = futures::future::try_join_all(records).await?;
        let records: Vec<Record> = records.into_iter().flatten().collect();
        pages::row::page(&context, &record, &records)
    };
    request.answer(content.await)
}
