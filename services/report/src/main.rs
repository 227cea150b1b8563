//! The report engine as a server: gRPC for runners, pages for people.

use std::{net::SocketAddr, sync::Arc};

use anomal_report::{AccessArgs, HTTP_1, LocalReportEngine, Store, grpc, serve};
use anomal_rpc::{Admission, ServerArgs, TlsFiles, metrics::Metrics};
use anyhow::Context;
use clap::Parser;
use tokio::{net::TcpListener, sync::watch};

const PORT: u16 = 7403;

/// Keeps the reports of Anomal's runs, and shows them.
#[derive(Parser)]
#[command(name = "anomal-report-engine", version)]
struct Arguments {
    #[command(flatten)]
    server: ServerArgs,
    /// Where reports are kept: a folder, or <s3://bucket/prefix>, gs://…, az://… with credentials in the environment
    #[arg(long, env = "ANOMAL_REPORT_STORE", value_name = "DIR|URL")]
    store: String,
    /// Where to serve the pages (port 0: a free one)
    #[arg(long, env = "ANOMAL_WEB_LISTEN", default_value = "127.0.0.1:8080")]
    web_listen: SocketAddr,
    /// Serve the pages over TLS, with the certificate of --tls-cert; without it they are plain, for a proxy
    /// that adds TLS
    #[arg(long, env = "ANOMAL_WEB_TLS", requires = "tls_cert")]
    web_tls: bool,
    /// The address under which people reach the pages, such as <https://anomal.example> (default: that of
    /// --web-listen)
    #[arg(long, env = "ANOMAL_EXTERNAL_URL", value_name = "URL")]
    external_url: Option<String>,
    #[command(flatten)]
    access: AccessArgs,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let _telling = anomal_telemetry::init("anomal-report-engine", &arguments.server.logs);
    arguments.server.runtime()?.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { mut server, store, web_listen, web_tls, external_url, access } = arguments;
    let pages = TcpListener::bind(web_listen);
    let pages = pages.await.with_context(|| format!("{web_listen} can't be served on"))?;
    let bound = pages.local_addr()?;
    server.web_port = Some(bound.port());
    let grpc_listen = server.listen.unwrap_or_else(|| ([0, 0, 0, 0], PORT).into());
    // Readers have no certificate to show: they sign in.
    let files = server.tls().filter(|_| web_tls).map(|files| TlsFiles { client_ca: None, ..files });
    let certificates = match files {
        Some(files) => Some(files.watch(HTTP_1).await.map_err(anyhow::Error::msg)?),
        None => None,
    };
    let access = access.access(&[grpc_listen, bound], web_tls).await?;
    let scheme = if web_tls { "https" } else { "http" };
    let address = external_url.unwrap_or_else(|| format!("{scheme}://{bound}"));
    let engine = LocalReportEngine::new(Store::open(&store)?, address);

    let metrics = Metrics::new();
    let admission = Admission::new(
        server.max_concurrent_requests,
        server.max_request_bytes,
        Arc::clone(&metrics),
    );
    let routes = grpc::routes(Arc::new(engine.clone()), access.clone(), admission);
    let (stop, mut stopped) = watch::channel(false);
    let asked = async move {
        // An end of the other server is one of this as well.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let sweeper = engine.clone();
    let sweeping = tokio::spawn(async move { sweeper.sweep().await });
    tracing::info!(address = %bound, tls = web_tls, "pages");
    let pages = tokio::spawn(serve(pages, certificates, engine, access, asked));
    let served = anomal_rpc::serve(&server, PORT, grpc::SERVICE, routes, metrics).await;
    sweeping.abort();
    // The pages may have ended already.
    let _ = stop.send(true);
    pages.await??;
    Ok(served?)
}
