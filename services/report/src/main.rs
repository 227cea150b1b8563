//! The report engine as a server: gRPC for runners, pages for people.

use std::{net::SocketAddr, sync::Arc};

use anomal_report::{AccessArgs, HTTP_1, LocalReportEngine, Store, grpc, serve};
use anomal_rpc::{Admission, ServerArgs, TlsFiles, metrics::Metrics};
use anyhow::Context;
use clap::Parser;
use tokio::{net::TcpListener, sync::watch};

const PORT: u16 = 7403;

/// Stores the reports of Anomal's runs and serves their pages.
#[derive(Parser)]
#[command(name = "anomal-report-engine", version)]
struct Arguments {
    #[command(flatten)]
    server: ServerArgs,
    /// The store of the reports: a folder, or <s3://bucket/prefix>, gs://…, az://… with credentials in the environment
    #[arg(long, env = "ANOMAL_REPORT_STORE", value_name = "DIR|URL")]
    store: String,
    /// The address of the pages (port 0: a free one)
    #[arg(long, env = "ANOMAL_WEB_LISTEN", default_value = "127.0.0.1:8080")]
    web_listen: SocketAddr,
    /// Serve the pages over TLS, with the certificate of --tls-cert; without it they are served unencrypted, for a
    /// proxy that adds TLS
    #[arg(long, env = "ANOMAL_WEB_TLS", requires = "tls_cert")]
    web_tls: bool,
    /// The public URL of the pages, such as <https://anomal.example> (default: that of --web-listen)
    #[arg(long, env = "ANOMAL_EXTERNAL_URL", value_name = "URL")]
    external_url: Option<String>,
    #[command(flatten)]
    access: AccessArgs,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let _telemetry = anomal_telemetry::init("anomal-report-engine", &arguments.server.logs);
    arguments.server.runtime()?.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { mut server, store, web_listen, web_tls, external_url, access } = arguments;
    let listener = TcpListener::bind(web_listen);
    let listener = listener.await.with_context(|| format!("cannot listen on {web_listen}"))?;
    let bound = listener.local_addr()?;
    server.web_port = Some(bound.port());
    let grpc_listen = server.listen.unwrap_or_else(|| ([0, 0, 0, 0], PORT).into());
    // Readers have no client certificate: they sign in.
    let files = server.tls().filter(|_| web_tls).map(|files| TlsFiles { client_ca: None, ..files });
    let certificates = match files {
        Some(files) => Some(files.watch(HTTP_1).await.map_err(anyhow::Error::msg)?),
        None => None,
    };
    let access = access.to_access(&[grpc_listen, bound], web_tls).await?;
    let scheme = if web_tls { "https" } else { "http" };
    let base_url = external_url.unwrap_or_else(|| format!("{scheme}://{bound}"));
    let engine = LocalReportEngine::new(Store::open(&store)?, base_url);

    let metrics = Metrics::new();
    let admission = Admission::new(
        server.max_concurrent_requests,
        server.max_request_bytes,
        Arc::clone(&metrics),
    );
    let routes = grpc::routes(Arc::new(engine.clone()), access.clone(), admission);
    let (stop, mut stopped) = watch::channel(false);
    let shutdown = async move {
        // If the gRPC server has ended, this one ends as well.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let sweeper = engine.clone();
    let sweeper = tokio::spawn(async move { sweeper.sweep().await });
    tracing::info!(address = %bound, tls = web_tls, "pages");
    let pages = tokio::spawn(serve(listener, certificates, engine, access, shutdown));
    let result = anomal_rpc::serve(&server, PORT, grpc::SERVICE, routes, metrics).await;
    sweeper.abort();
    // The pages may have ended already.
    let _ = stop.send(true);
    pages.await??;
    Ok(result?)
}
