//! The operator: probes, leader election, and a controller for each namespace.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anomal_telemetry::probes;
use anyhow::{Context, Result, anyhow, bail};
use futures::future::join_all;
use kube::Client;
use tokio::{signal::unix::SignalKind, sync::watch};

use crate::{
    args::OperatorArgs,
    controller::{self, Scope},
    leader::Election,
    metrics::Metrics,
};

/// Runs until a signal to stop, or until another replica leads.
///
/// # Errors
/// If the cluster can't be reached, an address is in use, a file is wrong, or the Lease was lost.
pub async fn run(args: OperatorArgs) -> Result<()> {
    let installation = Arc::new(args.installation()?);
    let client = Client::try_default()
        .await
        .context("no cluster: there is neither a service account of a pod nor a kubeconfig")?;
    let mut registered = None;
    let text =
        anomal_telemetry::Metrics::new(|registry| registered = Some(Metrics::register(registry)));
    let metrics = registered.context("no metrics")?;
    let ready = Arc::new(AtomicBool::new(false));
    let listener = probes::bind(args.probes.metrics_listen).await;
    let listener =
        listener.map_err(|(address, error)| anyhow!("cannot listen on {address}: {error}"))?;
    let probes = listener
        .map(|listener| tokio::spawn(probes::serve(listener, text, Arc::clone(&ready), None)));
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        if let Err(error) = signals().await {
            tracing::error!("signals: {error}");
        }
        // It fails only when everything has ended already.
        let _ = stop.send(true);
    });

    let server = client.apiserver_version().await.context("the API server does not answer")?;
    tracing::info!(server = server.git_version, namespaces = ?args.namespaces, "operator");
    // A replica that waits for the Lease is ready too.
    ready.store(true, Ordering::Relaxed);
    let mut election = args.leader_elect.then(|| election(&args, &client)).transpose()?;
    if let Some(election) = &mut election {
        tokio::select! {
            () = election.acquire() => tracing::info!("leading"),
            () = stop_requested(stopped.clone()) => return Ok(()),
        }
    }
    metrics.set_leader(true);

    let namespaces: Vec<Option<String>> = match args.namespaces.as_slice() {
        [] => vec![None],
        some => some.iter().cloned().map(Some).collect(),
    };
    let controllers = namespaces.into_iter().map(|namespace| {
        let scope =
            Scope { namespace, selector: args.selector.clone(), concurrency: args.concurrency };
        let installation = Arc::clone(&installation);
        let stop = stop_requested(stopped.clone());
        controller::run(client.clone(), scope, move || installation(), Arc::clone(&metrics), stop)
    });
    let controllers = join_all(controllers);
    let lost = async {
        match &mut election {
            Some(election) => election.hold().await,
            None => std::future::pending().await,
        }
    };
    let lost = tokio::select! {
        _ = controllers => false,
        () = lost => true,
    };
    metrics.set_leader(false);
    if let Some(probes) = probes {
        probes.abort();
    }
    if lost {
        // Another replica may write now, so this process must end.
        bail!("the Lease {} was lost", args.lease_name);
    }
    if let Some(election) = &mut election {
        election.release().await;
    }
    Ok(())
}

fn election(args: &OperatorArgs, client: &Client) -> Result<Election> {
    let namespace = args.lease_namespace.clone().or_else(|| std::env::var("POD_NAMESPACE").ok());
    let namespace = namespace.unwrap_or_else(|| client.default_namespace().to_owned());
    let pod = || std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME")).ok();
    let identity = args.lease_identity.clone().or_else(pod);
    let identity = identity.unwrap_or_else(|| format!("process-{}", std::process::id()));
    if namespace.is_empty() {
        bail!("--leader-elect needs --lease-namespace outside a pod");
    }
    Ok(Election::new(client.clone(), &namespace, args.lease_name.clone(), identity))
}

async fn stop_requested(mut stopped: watch::Receiver<bool>) {
    // It fails only when the sender is gone, which means the same.
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn signals() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    let mut interrupt = tokio::signal::unix::signal(SignalKind::interrupt())?;
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    Ok(())
}
