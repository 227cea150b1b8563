//! Judging incidents: the page for several, and what the forms send.

use anomal_core::{
    Code, Error, Result,
    proto::{Incident, JudgeRequest},
};
use axum::{
    Form,
    extract::{Path, rejection::FormRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{incident_page::incident_parts, report_pages::OpenPage, response, routes::PageRequest};
use crate::{
    access,
    pages::{
        self, Content, Links, ReportContext,
        verdicts::{ShownVerdicts, form::FormState},
    },
    verdicts::VerdictBook,
};

/// Bytes of a form: a note, percent-encoded, and the numbers of incidents.
pub const MAX_FORM: usize = 96 << 10;

/// The page on which chosen incidents are judged.
pub async fn choose(request: PageRequest, Path(id): Path<String>) -> Response {
    let content = async {
        let open = OpenPage::without_filters(&request, &id).await?;
        let chosen: Vec<String> = request.params.all("chosen").map(str::to_owned).collect();
        let state = request.reports.form(open.report()).await?;
        let context = open.context();
        pages::verdicts::form::page(&context, &incidents(&context, &chosen)?, &state)
    };
    request.answer(content.await)
}

/// What was sent.
#[derive(Clone, Debug, Default)]
struct Sent {
    chosen: Vec<String>,
    state: FormState,
    after: u64,
}

impl Sent {
    fn new(fields: Vec<(String, String)>) -> Self {
        let mut sent = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "chosen" => sent.chosen.push(value),
                "after" => sent.after = value.parse().unwrap_or(0),
                "verdict" => sent.state.verdict = value,
                // Forms send line ends as two characters.
                "note" => sent.state.note = value.replace("\r\n", "\n"),
                "until" => sent.state.until = value,
                "who" => sent.state.who = value,
                _ => {}
            }
        }
        sent
    }
}

type Fields = Result<Form<Vec<(String, String)>>, FormRejection>;

/// Stores what a form has sent, or shows the form again with what was typed and why it was not stored.
pub async fn judge(request: PageRequest, Path(id): Path<String>, form: Fields) -> Response {
    let Ok(Form(fields)) = form else {
        let message = "the form is not readable or too long: shorten the note";
        let error = Error::new(Code::InvalidRequest, "FORM", message);
        return response::error(&error, request.user());
    };
    let sent = Sent::new(fields);
    let answer = async {
        let open = OpenPage::without_filters(&request, &id).await?;
        let context = open.context();
        let chosen = incidents(&context, &sent.chosen)?;
        let wanted = JudgeRequest {
            report: id.clone(),
            incidents: chosen.iter().map(|incident| incident.number).collect(),
            verdict: sent.state.verdict.clone(),
            note: sent.state.note.clone(),
            until: sent.state.until.clone(),
            after: sent.after,
            who: sent.state.who.clone(),
            verified: false,
        };
        let (status, problem, newer) = match request.reports.judge(wanted).await {
            Ok(judged) if judged.newer.is_empty() => return Ok(see_other(&id, &chosen)),
            Ok(judged) => {
                let words = "others have decided in the meantime; look at what stands, and save again to \
                             replace it";
                (StatusCode::CONFLICT, words.to_owned(), judged.newer)
            }
            Err(error) => {
                tracing::warn!(%error, "a verdict was not stored");
                (access::status(error.code), error.message, Vec::new())
            }
        };
        // With the verdicts as they are now.
        let open = OpenPage::without_filters(&request, &id).await?;
        let context = open.context();
        let form = request.reports.form(open.report()).await?;
        let state = FormState {
            refusal: form.refusal,
            user: form.user,
            problem: Some(problem),
            newer,
            ..sent.state.clone()
        };
        let content = again(&open, &context, &sent.chosen, state).await?;
        let mut answer = request.answer(Ok(content));
        *answer.status_mut() = status;
        answer.headers_mut().remove(header::ETAG);
        Ok(answer)
    };
    answer.await.unwrap_or_else(|error| response::error(&error, request.user()))
}

/// The page that the form was on.
async fn again(
    open: &OpenPage,
    context: &ReportContext<'_>,
    chosen: &[String],
    state: FormState,
) -> Result<Content> {
    match incidents(context, chosen)?.as_slice() {
        [incident] => {
            let mut parts = incident_parts(open, incident, 1).await?;
            parts.form = Some(state);
            pages::incident::page(context, incident, &parts)
        }
        several => pages::verdicts::form::page(context, several, &state),
    }
}

/// Leads to the page that shows what was stored.
fn see_other(id: &str, chosen: &[&Incident]) -> Response {
    let links = Links::pages(id);
    let path = match chosen {
        [one] => format!("{}#verdict", links.section(&format!("incidents/{}", one.number))),
        _ => links.section("incidents"),
    };
    let mut answer = StatusCode::SEE_OTHER.into_response();
    if let Ok(path) = HeaderValue::from_str(&path) {
        answer.headers_mut().insert(header::LOCATION, path);
    }
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The described incidents with these numbers, each once.
///
/// # Errors
/// `NotFound` if there is none with one of them.
fn incidents<'a>(context: &ReportContext<'a>, chosen: &[String]) -> Result<Vec<&'a Incident>> {
    let mut found: Vec<&Incident> = Vec::new();
    for number in chosen {
        let incident = number.parse().ok().and_then(|number| context.incident(number));
        let incident = incident
            .ok_or_else(|| Error::not_found(format!("The report has no incident {number}.")))?;
        if found.iter().all(|other| other.number != incident.number) {
            found.push(incident);
        }
    }
    Ok(found)
}

/// All verdicts of a job.
pub async fn job_verdicts(request: PageRequest) -> Response {
    let params = &request.params;
    let (namespace, job) = (params.exact("namespace"), params.exact("job"));
    let content = async {
        let verdicts = request.reports.job_verdicts(namespace, job).await?;
        let shown =
            ShownVerdicts { book: VerdictBook::new(verdicts.into()), ..ShownVerdicts::default() };
        pages::verdicts::list::page(namespace, job, &shown, params.page())
    };
    request.answer(content.await)
}
