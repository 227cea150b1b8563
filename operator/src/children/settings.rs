//! The settings of a runner: those of the job, with the engines of the release as defaults.

use anomal_spec::{
    API_VERSION, AnomalyJob, AnomalyJobSpec, Engines, KIND, Metadata, RemoteEngine, Tls,
};

use super::{Installation, Owner, pod};

/// The manifest in YAML.
///
/// # Errors
/// If a value has no form in YAML, which the types rule out.
pub fn settings(owner: &Owner<'_>, installation: &Installation) -> anyhow::Result<String> {
    let rest = [("namespace".to_owned(), owner.namespace.into())].into_iter().collect();
    let job = AnomalyJob {
        api_version: API_VERSION.into(),
        kind: KIND.into(),
        metadata: Metadata { name: owner.name.into(), rest },
        spec: spec(owner.spec, installation),
    };
    Ok(anomal_spec::to_manifest_yaml(&job)?)
}

fn spec(spec: &AnomalyJobSpec, installation: &Installation) -> AnomalyJobSpec {
    let mut spec = run_spec(spec);
    spec.runner = None;
    if spec.is_assigned_by_group()
        && let Some(stream) = &mut spec.stream
    {
        // Pods learn from their group what they run: another number of them replaces none.
        stream.replicas = Some(1);
    }
    let given = spec.engines.take().unwrap_or_default();
    let release = |endpoints: &[String]| remote(endpoints, installation);
    let report = spec.report.is_some().then(|| release(&installation.report)).flatten();
    let engines = Engines {
        feature: given.feature.or_else(|| release(&installation.feature)),
        classification: given.classification.or_else(|| release(&installation.classification)),
        report: given.report.or(report),
    };
    spec.engines = (engines != Engines::default()).then_some(engines);
    spec
}

/// The part of a spec that affects results: without schedule, deadlines, retries and placement.
pub fn run_spec(spec: &AnomalyJobSpec) -> AnomalyJobSpec {
    let defaults = AnomalyJobSpec::default();
    let runner = spec.runner.as_ref().map(|runner| anomal_spec::Runner {
        volumes: runner.volumes.clone(),
        volume_mounts: runner.volume_mounts.clone(),
        env: runner.env.clone(),
        ..anomal_spec::Runner::default()
    });
    AnomalyJobSpec {
        suspend: defaults.suspend,
        schedule: None,
        active_deadline_seconds: None,
        ttl_seconds_after_finished: None,
        backoff_limit: defaults.backoff_limit,
        runner,
        ..spec.clone()
    }
}

fn remote(endpoints: &[String], installation: &Installation) -> Option<RemoteEngine> {
    let secure = endpoints.first()?.starts_with("https://");
    let ca = installation.ca.is_some().then(|| pod::CA_FILE.to_owned());
    Some(RemoteEngine {
        endpoints: endpoints.to_vec(),
        tls: secure.then(|| Tls { ca, ..Tls::default() }),
        token_file: installation.audience.is_some().then(|| pod::TOKEN_FILE.to_owned()),
        ..RemoteEngine::default()
    })
}
