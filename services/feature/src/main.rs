//! The feature engine as a server.

use std::{path::PathBuf, sync::Arc};

use anomal_access::TokenArgs;
use anomal_feature::{LocalFeatureEngine, PackPolicy, PackStore, StoreLimits, grpc};
use anomal_rpc::{Admission, ServerArgs, metrics::Metrics, require_tokens, serve};
use clap::{Args, Parser};

const PORT: u16 = 7401;

/// The feature engine of Anomal as a gRPC server.
#[derive(Parser)]
#[command(name = "anomal-feature-engine", version)]
struct Arguments {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    tokens: TokenArgs,
    #[command(flatten)]
    packs: PackArgs,
}

/// Packs that callers bring with them.
#[derive(Args)]
struct PackArgs {
    /// Which packs of callers are accepted; each word includes those before it
    #[arg(long, env = "ANOMAL_PACKS", default_value = "declarative", value_enum)]
    packs: PackPolicy,
    /// The trust policy, whose keys code is signed with where only signed code is accepted
    #[arg(long, env = "ANOMAL_TRUST", value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Packs that are kept for one caller: a namespace, or all callers where no tokens are required
    #[arg(long, env = "ANOMAL_MAX_PACKS", default_value_t = StoreLimits::default().packs, value_name = "NUMBER")]
    max_packs: usize,
    /// Bytes of packs that are kept for one caller
    #[arg(long, env = "ANOMAL_PACK_QUOTA", default_value_t = StoreLimits::default().tenant_bytes, value_name = "BYTES")]
    pack_quota: usize,
    /// Bytes of packs that are kept in all; beyond them the least recently used are dropped, and sent again when needed
    #[arg(long, env = "ANOMAL_PACK_MEMORY", default_value_t = StoreLimits::default().bytes, value_name = "BYTES")]
    pack_memory: usize,
}

impl PackArgs {
    fn store(&self) -> PackStore {
        let limits = StoreLimits {
            packs: self.max_packs,
            tenant_bytes: self.pack_quota,
            bytes: self.pack_memory,
        };
        PackStore::new(self.packs, limits).with_trust(self.trust.clone())
    }
}

fn main() -> anyhow::Result<()> {
    let Arguments { server, tokens, packs } = Arguments::parse();
    let _telemetry = anomal_telemetry::init("anomal-feature-engine", &server.logs);
    let metrics = Metrics::new();
    let admission = Admission::new(
        server.max_concurrent_requests,
        server.max_request_bytes,
        Arc::clone(&metrics),
    );
    let engine = LocalFeatureEngine::default().with_store(packs.store());
    let routes = grpc::routes(Arc::new(engine), admission);
    server.runtime()?.block_on(async {
        let reviews = tokens.reviews(server.tls().is_some()).await?;
        let routes = require_tokens(routes, reviews, &metrics);
        serve(&server, PORT, grpc::SERVICE, routes, metrics).await?;
        Ok(())
    })
}
