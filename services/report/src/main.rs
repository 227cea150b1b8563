//! The report engine as a server: gRPC for runners, pages for people.

use std::{net::SocketAddr, sync::Arc};

use anomal_report::{AccessArgs, LocalReportEngine, Store, grpc, serve};
use anomal_rpc::{Admission, ServerArgs, metrics::Metrics};
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
    let Arguments { mut server, store, web_listen, external_url, access } = arguments;
    let pages = TcpListener::bind(web_listen);
    let pages = pages.await.with_context(|| format!("{web_listen} can't be served on"))?;
    let bound = pages.local_addr()?;
    server.web_port = Some(bound.port());
    let grpc_listen = server.listen.unwrap_or_else(|| ([0, 0, 0, 0], PORT).into());
    let access = access.access(&[grpc_listen, bound], false).await?;
    let address = external_url.unwrap_or_else(|| format!("http://{bound}"));
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
    tracing::info!(address = %bound, "pages");
    let pages = tokio::spawn(serve(pages, engine, access, asked));
    let served = anomal_rpc::serve(&server, PORT, grpc::SERVICE, routes, metrics).await;
    sweeping.abort();
    // The pages may have ended already.
    let _ = stop.send(true);
    pages.await??;
    Ok(served?)
}
