//! The classification engine as a server.

use std::sync::Arc;

use anomal_access::TokenArgs;
use anomal_classification::{DEFAULT_MODEL_BUDGET, LocalClassificationEngine, Options, grpc};
use anomal_rpc::{Admission, ServerArgs, metrics::Metrics, require_tokens, serve};
use clap::Parser;

const PORT: u16 = 7402;

/// Scores, clusters and explains feature tables for Anomal over gRPC.
#[derive(Parser)]
#[command(name = "anomal-classification-engine", version)]
struct Arguments {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    tokens: TokenArgs,
    /// Bytes for the distances of all pairs of rows; beyond them representatives are compared
    #[arg(long, env = "ANOMAL_MEMORY_BUDGET", default_value_t = 1 << 30)]
    memory_budget: usize,
    /// Bytes of models held in memory between calls; the least recently used are dropped beyond them
    #[arg(long, env = "ANOMAL_MODEL_BUDGET", default_value_t = DEFAULT_MODEL_BUDGET)]
    model_budget: usize,
}

fn main() -> anyhow::Result<()> {
    let Arguments { server, tokens, memory_budget, model_budget } = Arguments::parse();
    let _telemetry = anomal_telemetry::init("anomal-classification-engine", &server.logs);
    let metrics = Metrics::new();
    let admission = Admission::new(
        server.max_concurrent_requests,
        server.max_request_bytes,
        Arc::clone(&metrics),
    );
    let options =
        Options { memory_budget, model_budget, max_table: Some(server.max_request_bytes) };
    let engine = LocalClassificationEngine::new(options);
    let routes = grpc::routes(Arc::new(engine), admission);
    server.runtime()?.block_on(async {
        let reviews = tokens.reviews(server.tls().is_some()).await?;
        let routes = require_tokens(routes, reviews, &metrics);
        serve(&server, PORT, grpc::SERVICE, routes, metrics).await?;
        Ok(())
    })
}
