//! A stub engine behind a real server; the settings of a request select its behaviour.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anomal_access::Reviews;
use anomal_core::{Code, Error, Result, blocking};
use anomal_proto::v1::{
    ExtractRequest, ExtractResponse, ListComponentsRequest, ListComponentsResponse,
    ListPacksRequest, ListPacksResponse, Plan, PlanRequest, PutPackRequest, PutPackResponse,
    extract_request, extract_response,
    feature_engine_client::FeatureEngineClient,
    feature_engine_server::{FeatureEngine, FeatureEngineServer},
};
use anomal_rpc::{
    Admission, Assembler, MAX_MESSAGE_BYTES, Replicas, ServerArgs, from_status,
    metrics::Metrics,
    outgoing,
    replicas::{EngineChannel, Options, Pace},
    require_tokens, serve_until,
};
use anomal_spec::{RemoteEngine, Tls};
use clap::Parser;
use futures::Stream;
use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::oneshot, task::JoinHandle};
use tonic::{Request, Response, Status, Streaming, service::Routes};

pub const PLACE: &str = "engines.feature";
pub const SERVICE: &str = "anomal.v1.FeatureEngine";

/// The calls to the stub.
#[derive(Debug, Default)]
pub struct CallLog {
    pub calls: AtomicUsize,
    pub cancelled: AtomicBool,
}

struct Stub {
    admission: Admission,
    calls_log: Arc<CallLog>,
}

impl Stub {
    /// `sleep` runs until it is cancelled; `unavailable N` fails N times; `refuse` and `version` fail always; any other
    /// settings succeed at once.
    async fn act(&self, settings: String) -> Result<Plan> {
        let calls = self.calls_log.calls.fetch_add(1, Ordering::SeqCst);
        let of = |code, reason| Err(Error::new(code, reason, "as the test wants it"));
        match settings.split_once(' ').unwrap_or((&settings, "")) {
            ("sleep", _) => {
                let calls_log = Arc::clone(&self.calls_log);
                blocking(move |cancel| {
                    while !cancel.is_cancelled() {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    calls_log.cancelled.store(true, Ordering::SeqCst);
                    cancel.check()
                })
                .await?;
            }
            ("unavailable", times) if calls < times.parse().unwrap() => {
                return of(Code::Unavailable, "STOPPING");
            }
            ("refuse", _) => return of(Code::InvalidSettings, "REFUSED"),
            ("version", _) => return of(Code::Incompatible, "SETTINGS_VERSION"),
            _ => {}
        }
        Ok(Plan { settings, ..Plan::default() })
    }
}

#[tonic::async_trait]
impl FeatureEngine for Stub {
    type ExtractStream =
        std::pin::Pin<Box<dyn Stream<Item = Result<ExtractResponse, Status>> + Send>>;

    async fn list_components(
        &self,
        request: Request<ListComponentsRequest>,
    ) -> Result<Response<ListComponentsResponse>, Status> {
        let work = async { Ok(ListComponentsResponse::default()) };
        self.admission.run("ListComponents", request.metadata(), work).await.map(Response::new)
    }

    async fn list_packs(
        &self,
        _: Request<ListPacksRequest>,
    ) -> Result<Response<ListPacksResponse>, Status> {
        Ok(Response::new(ListPacksResponse::default()))
    }

    async fn put_pack(
        &self,
        _: Request<Streaming<PutPackRequest>>,
    ) -> Result<Response<PutPackResponse>, Status> {
        Ok(Response::new(PutPackResponse::default()))
    }

    async fn plan(&self, request: Request<PlanRequest>) -> Result<Response<Plan>, Status> {
        let (metadata, _, message) = request.into_parts();
        let work = self.act(message.settings);
        self.admission.run("Plan", &metadata, work).await.map(Response::new)
    }

    /// Receives chunks, and sends the same number of chunks of 1 MiB.
    async fn extract(
        &self,
        request: Request<Streaming<ExtractRequest>>,
    ) -> Result<Response<Self::ExtractStream>, Status> {
        let (metadata, _, mut messages) = request.into_parts();
        let work = async {
            let mut table = Assembler::new(self.admission.max_request_bytes());
            let mut count = 0;
            while let Some(message) =
                messages.message().await.map_err(|status| from_status(&status))?
            {
                if let Some(extract_request::Part::Table(chunk)) = message.part {
                    table.push(&chunk)?;
                    count += 1;
                }
            }
            let part = || extract_response::Part::Features(vec![7; 1 << 20].into());
            Ok((0..count).map(move |_| ExtractResponse { part: Some(part()) }))
        };
        let answers = self.admission.stream("Extract", &metadata, work).await?;
        Ok(Response::new(Box::pin(answers)))
    }
}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    server: ServerArgs,
}

/// A server on its own threads, so that it can be killed as a process can.
pub struct Server {
    pub address: SocketAddr,
    pub ports: String,
    pub calls_log: Arc<CallLog>,
    pub metrics: Arc<Metrics>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<(), anomal_rpc::server::ServeError>>,
    runtime: Option<Runtime>,
    _folder: TempDir,
}

impl Server {
    /// Starts a server with more arguments.
    pub async fn start(more: &[&str]) -> Self {
        Self::start_guarded(more, None).await
    }

    /// As [`Server::start`], for callers with a valid token.
    pub async fn start_guarded(more: &[&str], reviews: Option<Arc<Reviews>>) -> Self {
        let folder = TempDir::new().unwrap();
        let port_file = folder.path().join("ports.json");
        let mut line = vec!["server", "--listen", "127.0.0.1:0", "--port-file"];
        line.push(port_file.to_str().unwrap());
        if !more.contains(&"--metrics-listen") {
            line.extend(["--metrics-listen", "off"]);
        }
        let args = Arguments::parse_from(line.iter().chain(more)).server;
        let (metrics, calls_log) = (Metrics::new(), Arc::new(CallLog::default()));
        let admission = Admission::new(
            args.max_concurrent_requests,
            args.max_request_bytes,
            Arc::clone(&metrics),
        );
        let stub = Stub { admission, calls_log: Arc::clone(&calls_log) };
        let service = FeatureEngineServer::new(stub).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shared_metrics = Arc::clone(&metrics);
        let serving = runtime.spawn(async move {
            let stop_requested = async { drop(stopped.await) };
            let routes = require_tokens(Routes::new(service), reviews, &shared_metrics);
            serve_until(&args, 0, SERVICE, routes, shared_metrics, stop_requested).await
        });
        let ports = eventually(|| std::fs::read_to_string(&port_file).ok()).await;
        let json: serde_json::Value = serde_json::from_str(&ports).unwrap();
        let port = u16::try_from(json["grpc"].as_u64().unwrap()).unwrap();
        Self {
            address: ([127, 0, 0, 1], port).into(),
            ports,
            calls_log,
            metrics,
            stop: Some(stop),
            serving,
            runtime: Some(runtime),
            _folder: folder,
        }
    }

    pub fn calls(&self) -> usize {
        self.calls_log.calls.load(Ordering::SeqCst)
    }

    pub fn cancelled(&self) -> bool {
        self.calls_log.cancelled.load(Ordering::SeqCst)
    }

    /// Requests a stop without waiting for it.
    pub fn request_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until it has stopped.
    pub async fn stopped(&mut self) {
        (&mut self.serving).await.unwrap().unwrap();
    }

    /// Closes all connections, as when its process is killed.
    pub fn die(mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Starts a server that stops at once, for errors at the start.
pub async fn serve_once(more: &[&str]) -> Result<(), anomal_rpc::server::ServeError> {
    let line = ["server", "--listen", "127.0.0.1:0", "--metrics-listen", "off"];
    let args = Arguments::parse_from(line.iter().chain(more)).server;
    let done = std::future::ready(());
    serve_until(&args, 0, SERVICE, Routes::default(), Metrics::new(), done).await
}

/// Short timeouts, so that tests see failures soon.
pub fn quick() -> Options {
    let pace = Pace {
        resolve: Duration::from_millis(50),
        connect: Duration::from_secs(1),
        keepalive: Duration::from_millis(500),
        patience: Duration::from_millis(300),
        first_answer: Duration::from_secs(1),
        pause: Duration::from_millis(10),
    };
    Options { pace, ..Options::default() }
}

pub async fn client(addresses: &[SocketAddr]) -> Arc<Replicas> {
    let endpoints = addresses.iter().map(|address| format!("http://{address}")).collect();
    client_with(endpoints, None, quick()).await
}

pub async fn client_with(
    endpoints: Vec<String>,
    tls: Option<Tls>,
    options: Options,
) -> Arc<Replicas> {
    let settings = RemoteEngine { endpoints, tls, ..RemoteEngine::default() };
    Replicas::with_options(&settings, PLACE, options).await.unwrap()
}

/// The check of replicas before their first call.
pub async fn check(replicas: &Replicas) -> Result<()> {
    replicas
        .check(|channel| async move {
            FeatureEngineClient::new(channel).list_components(ListComponentsRequest {}).await
        })
        .await
}

pub async fn plan(replicas: &Replicas, settings: &str) -> Result<Plan> {
    replicas
        .call(|channel| {
            let request = outgoing(PlanRequest { settings: settings.into(), ..Default::default() });
            async move { Ok(FeatureEngineClient::new(channel).plan(request).await?.into_inner()) }
        })
        .await
}

/// Sends `count` chunks of this size, and returns the answer unread.
pub async fn extract(
    channel: EngineChannel,
    count: usize,
    bytes: usize,
) -> Result<Streaming<ExtractResponse>, Status> {
    let part = Some(extract_request::Part::Table(vec![0; bytes].into()));
    let messages = vec![ExtractRequest { part }; count];
    let mut client = FeatureEngineClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES);
    Ok(client.extract(outgoing(futures::stream::iter(messages))).await?.into_inner())
}

/// Waits up to 10 seconds for a value.
pub async fn eventually<T>(mut check: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "timed out");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// As [`eventually`] for an async condition.
pub async fn eventually_async(mut check: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !check().await {
        assert!(started.elapsed() < Duration::from_secs(20), "timed out");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asserts the code of an error, and that its message has the address and each part.
#[track_caller]
pub fn assert_error(error: &Error, code: Code, address: &str, parts: &[&str]) {
    assert_eq!(error.code, code, "{error}");
    for part in parts.iter().chain([&address]) {
        assert!(error.message.contains(part), "no {part:?} in {error}");
    }
}
