//! The client side: a report engine in another process.

use std::{fs::File, sync::Arc};

use anomal_core::{
    Code, Download, Error, PublishRequest, ReportEngine, Result,
    proto::{
        DeleteReportRequest, DeleteVerdictsRequest, ExportReportRequest, GetReportRequest,
        JudgeRequest, JudgeResponse, ListReportsRequest, ListReportsResponse, ListVerdictsRequest,
        PublishRequest as PublishMessage, Report, Verdict, publish_request,
        report_engine_client::ReportEngineClient,
    },
};
use anomal_rpc::{
    Replicas,
    analysis::{Part, split},
    chunks,
    chunks::pieces,
    from_status, limited_client, outgoing,
    replicas::EngineChannel,
    request::incomplete_answer,
};
use anomal_spec::RemoteEngine;
use async_trait::async_trait;
use bytes::Bytes;
use futures::{Stream, StreamExt, future::ready, stream};
use prost::Message as _;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
};

use crate::{access::TOKEN_VARIABLE, engine::new_id, files::download};

/// A report engine behind one or more endpoints.
#[derive(Clone, Debug)]
pub struct RemoteReportEngine {
    replicas: Arc<Replicas>,
    /// `Bearer …`, if there is a token.
    authorization: Option<MetadataValue<Ascii>>,
}

impl RemoteReportEngine {
    /// `token` authenticates the caller, unless the settings name a token file.
    ///
    /// # Errors
    /// `Unavailable` if no replica answers, `Incompatible` if one is not a report engine of this version,
    /// `Unauthenticated` if it rejects the token.
    pub async fn connect(settings: &RemoteEngine, token: Option<&str>) -> Result<Self> {
        let token = token.filter(|_| settings.token_file.is_none());
        let authorization = token.map(|token| format!("Bearer {token}").parse()).transpose();
        let authorization = authorization.map_err(|_| {
            Error::new(
                Code::Unauthenticated,
                "TOKEN_INVALID",
                "invalid token: it contains characters that a header cannot carry",
            )
        })?;
        let replicas = Replicas::resolve(settings, "engines.report").await?;
        let engine = Self { replicas, authorization };
        let first = ListReportsRequest { page_size: 1, ..ListReportsRequest::default() };
        let client = client_factory(&engine.replicas);
        engine
            .replicas
            .check(|channel| {
                let request = engine.request(first.clone());
                async move { client(channel).list(request).await }
            })
            .await
            .map_err(|error| with_remedy(error, settings))?;
        Ok(engine)
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = outgoing(message);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        request
    }
}

/// Without a token file in the settings, the token may come from the environment.
fn with_remedy(mut error: Error, settings: &RemoteEngine) -> Error {
    if error.code == Code::Unauthenticated && settings.token_file.is_none() {
        error.message = format!("{}, or set {TOKEN_VARIABLE}", error.message);
    }
    error
}

/// Makes a client from a channel to a replica.
fn client_factory(
    replicas: &Replicas,
) -> impl Fn(EngineChannel) -> ReportEngineClient<EngineChannel> + Copy + use<> {
    let compression = replicas.compression();
    move |channel| limited_client!(ReportEngineClient::new(channel), compression)
}

/// The messages of a publish, streamed again at each try.
struct PublishParts {
    first: publish_request::Contents,
    analysis: Vec<publish_request::Part>,
    incidents: Vec<Bytes>,
    rows: std::path::PathBuf,
    hits: Vec<Bytes>,
}

impl PublishParts {
    fn new(request: PublishRequest) -> Result<Self> {
        use publish_request::Part as Message;
        let parts = request.analysis.map(split);
        let first = publish_request::Contents {
            report: Some(request.report),
            time_to_live_seconds: request.time_to_live.map(|time| time.as_secs()),
            has_analysis: parts.is_some(),
        };
        let analysis = parts.unwrap_or_default().into_iter().map(|part| match part {
            Part::Analysis(part) => Message::Analysis(part),
            Part::Labels(part) => Message::Labels(part),
        });
        let hits =
            if request.hits.height() == 0 { Vec::new() } else { chunks(request.hits)?.collect() };
        let incidents = request.incidents.map(|incidents| incidents.encode_to_vec());
        // A message without any content is still sent.
        let incidents = incidents.map_or_else(Vec::new, |bytes| {
            if bytes.is_empty() { vec![Bytes::new()] } else { pieces(bytes.into()).collect() }
        });
        Ok(Self { first, analysis: analysis.collect(), incidents, rows: request.rows, hits })
    }

    fn messages(&self) -> Result<impl Stream<Item = PublishMessage> + Send + 'static + use<>> {
        use publish_request::Part as Message;
        let file = File::open(&self.rows).map_err(|error| {
            let message = format!("cannot read {}: {error}", self.rows.display());
            Error::new(Code::Output, "REPORT_ROWS", message)
        })?;
        let incidents = self.incidents.clone().into_iter().map(Message::Incidents);
        let first = [Message::Contents(self.first.clone())].into_iter();
        let first: Vec<Message> = first.chain(self.analysis.clone()).chain(incidents).collect();
        let hits = self.hits.clone().into_iter().map(Message::Hits);
        let last = hits.chain([Message::End(publish_request::End {})]);
        // A file cut short by a read error is refused by the server: Parquet's footer is at its end.
        let rows = download::from_file(file)
            .map(Result::ok)
            .take_while(|chunk| ready(chunk.is_some()))
            .filter_map(ready)
            .map(Message::Rows);
        let parts = stream::iter(first).chain(rows).chain(stream::iter(last));
        Ok(parts.map(|part| PublishMessage { part: Some(part) }))
    }
}

#[async_trait]
impl ReportEngine for RemoteReportEngine {
    async fn publish(&self, mut request: PublishRequest) -> Result<Report> {
        if request.report.id.is_empty() {
            request.report.id = new_id();
        }
        let parts = PublishParts::new(request)?;
        let client = client_factory(&self.replicas);
        self.replicas
            .call(|channel| {
                let messages = parts.messages().map(|messages| self.request(messages));
                async move {
                    let messages = messages.map_err(|error| anomal_rpc::to_status(&error))?;
                    let answer = client(channel).publish(messages).await?.into_inner();
                    answer.report.ok_or_else(incomplete_answer)
                }
            })
            .await
    }

    async fn list(&self, request: ListReportsRequest) -> Result<ListReportsResponse> {
        let client = client_factory(&self.replicas);
        self.replicas
            .call(|channel| {
                let request = self.request(request.clone());
                async move { Ok(client(channel).list(request).await?.into_inner()) }
            })
            .await
    }

    async fn get(&self, id: &str) -> Result<Report> {
        let client = client_factory(&self.replicas);
        self.replicas
            .call(|channel| {
                let request = self.request(GetReportRequest { id: id.to_owned() });
                async move {
                    let answer = client(channel).get(request).await?.into_inner();
                    answer.report.ok_or_else(incomplete_answer)
                }
            })
            .await
    }

    async fn export(&self, request: ExportReportRequest) -> Result<Download> {
        let client = client_factory(&self.replicas);
        let answers = self
            .replicas
            .call(|channel| {
                let request = self.request(request.clone());
                async move { Ok(client(channel).export(request).await?.into_inner()) }
            })
            .await?;
        let chunk = |answer: Result<anomal_core::proto::ExportReportResponse, Status>| {
            answer.map(|answer| answer.chunk).map_err(|status| from_status(&status))
        };
        Ok(answers.map(chunk).boxed())
    }

    async fn delete(&self, id: &str) -> Result<()> {
        let client = client_factory(&self.replicas);
        self.replicas
            .call(|channel| {
                let request = self.request(DeleteReportRequest { id: id.to_owned() });
                async move { client(channel).delete(request).await.map(|_| ()) }
            })
            .await
    }

    async fn judge(&self, request: JudgeRequest) -> Result<JudgeResponse> {
        let client = client_factory(&self.replicas);
        self.replicas
            .call(|channel| {
                let request = self.request(request.clone());
                async move { Ok(client(channel).judge(request).await?.into_inner()) }
            })
            .await
    }

    async fn list_verdicts(&self, namespace: &str, job: &str) -> Result<Vec<Verdict>> {
        let client = client_factory(&self.replicas);
        self.replicas
            .call(|channel| {
                let (namespace, job) = (namespace.to_owned(), job.to_owned());
                let request = self.request(ListVerdictsRequest { namespace, job });
                async move { Ok(client(channel).list_verdicts(request).await?.into_inner().verdicts) }
            })
            .await
    }

    async fn delete_verdicts(&self, namespace: &str, job: &str) -> Result<u64> {
        let client = client_factory(&self.replicas);
        self.replicas
            .call(|channel| {
                let (namespace, job) = (namespace.to_owned(), job.to_owned());
                let request = self.request(DeleteVerdictsRequest { namespace, job });
                async move {
                    Ok(client(channel).delete_verdicts(request).await?.into_inner().deleted)
                }
            })
            .await
    }
}
