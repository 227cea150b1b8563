//! The feature engine as a server.

use std::sync::Arc;

use anomal_access::TokenArgs;
use anomal_feature::{LocalFeatureEngine, grpc};
use anomal_rpc::{Admission, ServerArgs, metrics::Metrics, require_tokens, serve};
use clap::Parser;

const PORT: u16 = 7401;

/// The feature engine of Anomal as a gRPC server.
#[derive(Parser)]
#[command(name = "anomal-feature-engine", version)]
struct Arguments {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    tokens: TokenArgs,
}

fn main() -> anyhow::Result<()> {
    let Arguments { server, tokens } = Arguments::parse();
    let _telemetry = anomal_telemetry::init("anomal-feature-engine", &server.logs);
    let metrics = Metrics::new();
    let admission = Admission::new(
        server.max_concurrent_requests,
        server.max_request_bytes,
        Arc::clone(&metrics),
    );
    let routes = grpc::routes(Arc::new(LocalFeatureEngine::default()), admission);
    server.runtime()?.block_on(async {
        let reviews = tokens.reviews(server.tls().is_some()).await?;
        let routes = require_tokens(routes, reviews, &metrics);
        serve(&server, PORT, grpc::SERVICE, routes, metrics).await?;
        Ok(())
    })
}
