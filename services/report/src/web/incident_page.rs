//! The page of an incident.

use std::collections::HashMap;

use anomal_core::{Error, Result, proto::Incident};
use axum::{extract::Path, response::Response};

use super::{report_pages::OpenPage, routes::PageRequest};
use crate::{
    pages::{self, incident::IncidentParts},
    view::{Query, filter::Filter},
};

pub async fn incident(
    request: PageRequest,
    Path((id, number)): Path<(String, String)>,
) -> Response {
    let content = async {
        let open = OpenPage::open(&request, &id).await?;
        let context = open.context();
        let not_found = || Error::not_found(format!("The report has no incident {number}."));
        let number: u64 = number.parse().map_err(|_| not_found())?;
        let incident = context.incident(number).ok_or_else(not_found)?;
        let mut parts = incident_parts(&open, incident, request.params.page()).await?;
        parts.form = Some(request.reports.form(open.report()).await?);
        pages::incident::page(&context, incident, &parts)
    };
    request.answer(content.await)
}

/// The rows, groups and entities of an incident. `page`: that of its rows, from 1.
pub(super) async fn incident_parts(
    open: &OpenPage,
    incident: &Incident,
    page: usize,
) -> Result<IncidentParts> {
    let number = incident.number;
    let of_it = Filter { incidents: vec![number], ..Filter::default() };
    let about = open.reader.matches(&of_it).await?;
    let only = |values: &HashMap<String, u64>, count: u64| {
        values.keys().next().filter(|_| count == 1).cloned()
    };
    let numbers = async |filter: Filter| -> Result<Vec<u64>> {
        let found = open.reader.matches(&filter).await?;
        Ok(found.incidents.iter().map(|(number, _)| *number).collect())
    };
    let mut parts = IncidentParts {
        rows: open
            .reader
            .suspects(&Query {
                filter: of_it,
                offset: page.saturating_sub(1).saturating_mul(pages::incident::LIMIT),
                limit: pages::incident::LIMIT,
                ..Query::default()
            })
            .await?,
        groups: open.reader.incident_groups(number, pages::incident::GROUPS).await?,
        ..IncidentParts::default()
    };
    if let Some(actor) = only(&about.actors, incident.actors) {
        let filter = Filter { actors: vec![actor.clone()], ..Filter::default() };
        parts.actor = Some((actor, numbers(filter).await?));
    }
    if let Some(target) = only(&about.targets, incident.targets) {
        let filter = Filter { targets: vec![target.clone()], ..Filter::default() };
        parts.target = Some((target, numbers(filter).await?));
    }
    Ok(parts)
}
